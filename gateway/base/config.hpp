#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Config: every setting of the gateway, typed. config/gatehouse.yaml is the annotated reference and
// the default; `--set key=value` comes over it, and the environment (GATEHOUSE_HTTP__PORT for
// http.port) between the two. An unknown key, a missing key without a safe default and a value out
// of range refuse the start, all of them listed with file, line and column.
//
// Relative paths mean: relative to the installation (the folder that holds config/), except that
// data.dir given by --set or the environment is relative to the current folder, as a user expects.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/base/yaml.hpp"

namespace gatehouse::gateway {

enum class RunProfile : std::uint8_t { development, production };
enum class ClientCertificateMode : std::uint8_t { none, optional, required };

struct Config {
    RunProfile profile = RunProfile::development;

    struct Tls {
        bool enabled = false;
        std::filesystem::path certificate_file;
        std::filesystem::path key_file;
        std::filesystem::path client_ca_file;
        ClientCertificateMode client_certificates = ClientCertificateMode::none;
    };
    struct Http {
        std::string address = "127.0.0.1";
        std::uint16_t port = 8080;
        std::string base_path = "/fhir/R4";
        std::string public_base;       // empty: the listener's own
        std::uint32_t io_threads = 0;  // 0: half the cores, at least one
        std::uint32_t connections_max = 4096;
        std::uint32_t header_bytes_max = 32768;
        std::uint64_t body_bytes_max = 64ULL << 20U;
        std::uint64_t bodies_bytes_max = 512ULL << 20U;
        std::chrono::milliseconds header_timeout{10'000};
        std::chrono::milliseconds body_timeout{30'000};
        std::chrono::milliseconds write_timeout{30'000};
        std::chrono::milliseconds idle_timeout{75'000};
        std::uint64_t rate_bytes_per_second_min = 8192;
        std::chrono::milliseconds answer_deadline{10'000};
        std::chrono::milliseconds drain_timeout{15'000};
        std::uint64_t gzip_bytes_min = 1024;
        Tls tls;
    } http;

    struct Admin {
        std::string address = "127.0.0.1";
        std::uint16_t port = 9090;
    } admin;

    struct Data {
        std::filesystem::path dir;
        std::uint64_t warn_free_bytes = 2ULL << 30U;
        double warn_free_percent = 10;
        std::uint64_t refuse_free_bytes = 512ULL << 20U;
        double refuse_free_percent = 3;
    } data;

    struct Log {
        std::string level = "info";
    } log;

    struct Packages {
        std::filesystem::path lock_file;
        std::filesystem::path cache;
        std::vector<std::string> load;    // after the lock file's, in order
        std::string registry_url;         // empty: never a network call
        std::filesystem::path sets_file;  // other definition sets and their rules; empty: none
    } packages;

    // Code systems beside the packages.
    struct Terminology {
        std::vector<std::filesystem::path> content;  // index files, the first of a system first
        struct Remote {
            std::string url;  // empty: none
            std::vector<std::string> systems;
            std::filesystem::path ca_file;
            std::filesystem::path token_file;
            std::chrono::milliseconds timeout{2'000};
            std::uint32_t connections = 2;
            std::uint32_t queue_max = 256;
            std::uint64_t cache_bytes_max = 64ULL << 20U;
            std::chrono::seconds cache_life{86'400};
            std::chrono::seconds undecided_life{300};
            std::uint32_t breaker_failures = 5;
            std::chrono::milliseconds breaker_pause{30'000};
        } remote;
    } terminology;

    struct Validation {
        std::filesystem::path advisor;  // empty: none
    } validation;

    struct Folders {
        std::filesystem::path profiles_file;
        std::filesystem::path partners;
        std::filesystem::path owners;
        std::filesystem::path policies;
        std::filesystem::path routes;  // empty: no routes
    } folders;

    struct Pools {
        std::uint32_t cpu_threads = 0;  // 0: as many as cores
        std::uint32_t cpu_queue_max = 1024;
        std::uint32_t read_threads = 0;
        std::uint32_t read_queue_max = 1024;
    } pools;

    struct Decode {
        std::uint32_t depth_max = 64;
        std::uint64_t string_bytes_max = 4ULL << 20U;
        std::uint32_t members_max = 1024;
        std::uint64_t elements_max = 2'000'000;
    } decode;

    struct Journal {
        std::uint64_t segment_bytes = 64ULL << 20U;
        std::uint32_t queue_max = 4096;
        std::chrono::hours retention{168};
        std::filesystem::path archive_folder;  // empty: old segments are removed
    } journal;

    struct Audit {
        std::uint64_t file_bytes = 64ULL << 20U;
        std::uint32_t queue_max = 16384;
    } audit;

    struct Store {
        std::chrono::milliseconds checkpoint_interval{10'000};
        std::uint32_t readers_max = 8;
        std::chrono::milliseconds search_budget{5'000};
        std::uint64_t search_steps_max = 100'000'000;
    } store;

    struct Notify {
        std::uint32_t attempts_max = 12;
        std::chrono::milliseconds pause_first{1'000};
        std::chrono::milliseconds pause_max{300'000};
        std::uint32_t batch_max = 64;
    } notify;

    struct Deduplication {
        std::chrono::hours window{168};
    } deduplication;

    struct Api {
        std::uint32_t page_default = 20;
        std::uint32_t page_max = 500;
        std::uint32_t included_max = 1'000;
        std::uint32_t include_levels_max = 8;
        std::uint32_t examined_max = 10'000;
        bool check_references = false;
        bool update_create = true;
        std::uint32_t conditional_delete_max = 1;
        std::vector<std::string> cors_origins;
    } api;

    // POST /validateResource as HL7's validator server speaks it.
    struct ValidateResource {
        bool enabled = false;
        std::string open_partner;       // who a caller without credential is; empty: 401
        bool default_profiles = false;  // hold resources to profiles.file too
    } validate_resource;

    struct Smart {
        std::string issuer;
        std::string authorization_endpoint;
        std::string token_endpoint;
        std::string jwks_uri;
    } smart;

    std::filesystem::path home;  // the installation
    std::filesystem::path file;  // where this was read from

    // Folders and files inside data.dir.
    [[nodiscard]] std::filesystem::path token_folder() const { return data.dir / "tokens"; }
    [[nodiscard]] std::filesystem::path token_store() const {
        return data.dir / "identity" / "tokens.json";
    }
    [[nodiscard]] std::filesystem::path journal_folder() const { return data.dir / "journal"; }
    [[nodiscard]] std::filesystem::path audit_folder() const { return data.dir / "audit"; }
    [[nodiscard]] std::filesystem::path store_file() const {
        return data.dir / "store" / "store.db";
    }
    // With the defaults for 0 worked out.
    [[nodiscard]] std::uint32_t io_thread_count() const;
    [[nodiscard]] std::uint32_t cpu_thread_count() const;
    [[nodiscard]] std::uint32_t read_thread_count() const;
};

struct ConfigSource {
    std::filesystem::path file;  // empty: <home>/config/gatehouse.yaml
    std::vector<std::pair<std::string, std::string>> settings;  // --set, in order
    std::filesystem::path home;                                 // empty: installation_home()
    bool environment = true;
};

// GATEHOUSE_HOME, or the nearest folder above the running binary that holds config/gatehouse.yaml
// (the binary is build/<preset>/gatehouse there), or the current folder.
std::filesystem::path installation_home();

// Errc::invalid with every problem, one a line as "file:line:column: what", or "--set http.port:
// what".
Result<Config> load_config(const ConfigSource& source);

// What no single key can know: settings that contradict each other, and what the production profile
// refuses. For those who serve; a command that only reads definitions does not ask.
void check_settings(const Config& config, Problems& problems);

// "key=value" -> pair. Errc::invalid if there is no '='.
Result<std::pair<std::string, std::string>> parse_setting(std::string_view text);

// Every key there is, dotted, in the order of the reference file.
std::vector<std::string> config_keys();

}  // namespace gatehouse::gateway
