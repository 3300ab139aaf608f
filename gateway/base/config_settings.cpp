// SPDX-License-Identifier: Apache-2.0
//
// Every setting: its name, bounds and place in Config. config/gatehouse.yaml explains them.
#include <limits>

#include "gateway/base/config_keys.hpp"

namespace gatehouse::gateway {
namespace {

constexpr long long hour_max = 24LL * 366 * 20;
constexpr long long bytes_huge = 1LL << 50U;
constexpr long long time_max_ms = 24LL * 3600 * 1000;

std::chrono::milliseconds millis(long long value) {
    return std::chrono::milliseconds(value);
}

void http_keys(Keys& k) {
    using C = Config;
    k.text(
        "http.address",
        [](C& c, const std::string& v) {
            c.http.address = v;
            return std::optional<std::string>();
        },
        true
    );
    k.integer(
        "http.port",
        0,
        65535,
        [](C& c, long long v) { c.http.port = static_cast<std::uint16_t>(v); },
        true
    );
    k.text("http.base_path", [](C& c, const std::string& v) -> std::optional<std::string> {
        if (v.size() < 2 || v.front() != '/' || v.back() == '/') {
            return "found '" + v +
                   "', expected a path that starts with '/' and does not end with it";
        }
        c.http.base_path = v;
        return std::nullopt;
    });
    k.text("http.public_base", [](C& c, const std::string& v) -> std::optional<std::string> {
        if (!v.empty() && !v.starts_with("http://") && !v.starts_with("https://")) {
            return "found '" + v + "', expected an absolute http or https URL, or nothing";
        }
        c.http.public_base = v.ends_with('/') ? v.substr(0, v.size() - 1) : v;
        return std::nullopt;
    });
    k.integer("http.io_threads", 0, 256, [](C& c, long long v) {
        c.http.io_threads = static_cast<std::uint32_t>(v);
    });
    k.integer("http.connections_max", 1, 1'000'000, [](C& c, long long v) {
        c.http.connections_max = static_cast<std::uint32_t>(v);
    });
    k.integer("http.header_bytes_max", 1024, 1 << 20, [](C& c, long long v) {
        c.http.header_bytes_max = static_cast<std::uint32_t>(v);
    });
    k.integer("http.body_bytes_max", 1024, 4LL << 30, [](C& c, long long v) {
        c.http.body_bytes_max = static_cast<std::uint64_t>(v);
    });
    k.integer("http.bodies_bytes_max", 1024, bytes_huge, [](C& c, long long v) {
        c.http.bodies_bytes_max = static_cast<std::uint64_t>(v);
    });
    k.integer("http.header_timeout_ms", 10, time_max_ms, [](C& c, long long v) {
        c.http.header_timeout = millis(v);
    });
    k.integer("http.body_timeout_ms", 10, time_max_ms, [](C& c, long long v) {
        c.http.body_timeout = millis(v);
    });
    k.integer("http.write_timeout_ms", 10, time_max_ms, [](C& c, long long v) {
        c.http.write_timeout = millis(v);
    });
    k.integer("http.idle_timeout_ms", 10, time_max_ms, [](C& c, long long v) {
        c.http.idle_timeout = millis(v);
    });
    k.integer("http.rate_bytes_per_second_min", 1, 1 << 30, [](C& c, long long v) {
        c.http.rate_bytes_per_second_min = static_cast<std::uint64_t>(v);
    });
    k.integer("http.answer_deadline_ms", 1, time_max_ms, [](C& c, long long v) {
        c.http.answer_deadline = millis(v);
    });
    k.integer("http.drain_timeout_ms", 0, time_max_ms, [](C& c, long long v) {
        c.http.drain_timeout = millis(v);
    });
    k.integer("http.gzip_bytes_min", 0, bytes_huge, [](C& c, long long v) {
        c.http.gzip_bytes_min = static_cast<std::uint64_t>(v);
    });
    k.boolean(
        "http.tls.enabled", [](C& c, bool v) { c.http.tls.enabled = v; }, true
    );
    k.path("http.tls.certificate_file", [](C& c, fs::path v) {
        c.http.tls.certificate_file = std::move(v);
    });
    k.path("http.tls.key_file", [](C& c, fs::path v) { c.http.tls.key_file = std::move(v); });
    k.path("http.tls.client_ca_file", [](C& c, fs::path v) {
        c.http.tls.client_ca_file = std::move(v);
    });
    k.text("http.tls.client_certificates", [](C& c, const std::string& v) {
        const auto wrong = one_of(v, {"none", "optional", "required"});
        c.http.tls.client_certificates = v == "required"   ? ClientCertificateMode::required
                                         : v == "optional" ? ClientCertificateMode::optional
                                                           : ClientCertificateMode::none;
        return wrong;
    });
}

void remote_terminology_keys(Keys& k) {
    using C = Config;
    k.text("terminology.remote.url", [](C& c, const std::string& v) -> std::optional<std::string> {
        if (!v.empty() && !v.starts_with("https://") && !v.starts_with("http://")) {
            return "found '" + v + "', expected an https or http URL, or nothing";
        }
        c.terminology.remote.url = v.ends_with('/') ? v.substr(0, v.size() - 1) : v;
        return std::nullopt;
    });
    k.list("terminology.remote.systems", [](C& c, std::vector<std::string> v) {
        c.terminology.remote.systems = std::move(v);
    });
    k.path("terminology.remote.ca_file", [](C& c, fs::path v) {
        c.terminology.remote.ca_file = std::move(v);
    });
    k.path("terminology.remote.token_file", [](C& c, fs::path v) {
        c.terminology.remote.token_file = std::move(v);
    });
    k.integer("terminology.remote.timeout_ms", 10, 60'000, [](C& c, long long v) {
        c.terminology.remote.timeout = millis(v);
    });
    k.integer("terminology.remote.connections", 1, 64, [](C& c, long long v) {
        c.terminology.remote.connections = static_cast<std::uint32_t>(v);
    });
    k.integer("terminology.remote.queue_max", 1, 1 << 20, [](C& c, long long v) {
        c.terminology.remote.queue_max = static_cast<std::uint32_t>(v);
    });
    k.integer("terminology.remote.cache_bytes_max", 1 << 16, 1LL << 36, [](C& c, long long v) {
        c.terminology.remote.cache_bytes_max = static_cast<std::uint64_t>(v);
    });
    k.integer("terminology.remote.cache_seconds", 1, 366LL * 86'400, [](C& c, long long v) {
        c.terminology.remote.cache_life = std::chrono::seconds(v);
    });
    k.integer("terminology.remote.undecided_seconds", 1, 366LL * 86'400, [](C& c, long long v) {
        c.terminology.remote.undecided_life = std::chrono::seconds(v);
    });
    k.integer("terminology.remote.breaker_failures", 1, 1000, [](C& c, long long v) {
        c.terminology.remote.breaker_failures = static_cast<std::uint32_t>(v);
    });
    k.integer("terminology.remote.breaker_pause_ms", 1, time_max_ms, [](C& c, long long v) {
        c.terminology.remote.breaker_pause = millis(v);
    });
}

void data_keys(Keys& k) {
    using C = Config;
    k.path(
        "data.dir", [](C& c, fs::path v) { c.data.dir = std::move(v); }, true
    );
    k.integer("data.warn_free_bytes", 0, bytes_huge, [](C& c, long long v) {
        c.data.warn_free_bytes = static_cast<std::uint64_t>(v);
    });
    k.percent("data.warn_free_percent", [](C& c, double v) { c.data.warn_free_percent = v; });
    k.integer("data.refuse_free_bytes", 0, bytes_huge, [](C& c, long long v) {
        c.data.refuse_free_bytes = static_cast<std::uint64_t>(v);
    });
    k.percent("data.refuse_free_percent", [](C& c, double v) { c.data.refuse_free_percent = v; });
    k.path(
        "packages.lock_file", [](C& c, fs::path v) { c.packages.lock_file = std::move(v); }, true
    );
    k.path(
        "packages.cache", [](C& c, fs::path v) { c.packages.cache = std::move(v); }, true
    );
    k.list("packages.load", [](C& c, std::vector<std::string> v) {
        c.packages.load = std::move(v);
    });
    k.text("packages.registry_url", [](C& c, const std::string& v) -> std::optional<std::string> {
        if (!v.empty() && !v.starts_with("http://") && !v.starts_with("https://")) {
            return "found '" + v + "', expected an http or https URL, or nothing";
        }
        c.packages.registry_url = v;
        return std::nullopt;
    });
    k.path("packages.sets_file", [](C& c, fs::path v) { c.packages.sets_file = std::move(v); });
    k.paths("terminology.content", [](C& c, std::vector<fs::path> v) {
        c.terminology.content = std::move(v);
    });
    remote_terminology_keys(k);
    k.path("validation.advisor", [](C& c, fs::path v) { c.validation.advisor = std::move(v); });
    k.path("profiles.file", [](C& c, fs::path v) { c.folders.profiles_file = std::move(v); });
    k.path(
        "partners.folder", [](C& c, fs::path v) { c.folders.partners = std::move(v); }, true
    );
    k.path("owners.folder", [](C& c, fs::path v) { c.folders.owners = std::move(v); });
    k.path(
        "policies.folder", [](C& c, fs::path v) { c.folders.policies = std::move(v); }, true
    );
    k.path("routes.folder", [](C& c, fs::path v) { c.folders.routes = std::move(v); });
    k.integer("journal.segment_bytes", 1 << 16, 1LL << 32, [](C& c, long long v) {
        c.journal.segment_bytes = static_cast<std::uint64_t>(v);
    });
    k.integer("journal.queue_max", 1, 1 << 20, [](C& c, long long v) {
        c.journal.queue_max = static_cast<std::uint32_t>(v);
    });
    k.integer(
        "journal.retention_hours",
        0,
        hour_max,
        [](C& c, long long v) { c.journal.retention = std::chrono::hours(v); },
        true
    );
    k.path("journal.archive_folder", [](C& c, fs::path v) {
        c.journal.archive_folder = std::move(v);
    });
    k.integer("audit.file_bytes", 1 << 16, 1LL << 32, [](C& c, long long v) {
        c.audit.file_bytes = static_cast<std::uint64_t>(v);
    });
    k.integer("audit.queue_max", 1, 1 << 20, [](C& c, long long v) {
        c.audit.queue_max = static_cast<std::uint32_t>(v);
    });
    k.integer("store.checkpoint_interval_ms", 100, time_max_ms, [](C& c, long long v) {
        c.store.checkpoint_interval = millis(v);
    });
    k.integer("store.readers_max", 1, 1024, [](C& c, long long v) {
        c.store.readers_max = static_cast<std::uint32_t>(v);
    });
    k.integer("store.search_budget_ms", 1, time_max_ms, [](C& c, long long v) {
        c.store.search_budget = millis(v);
    });
    k.integer("store.search_steps_max", 10'000, 1'000'000'000'000, [](C& c, long long v) {
        c.store.search_steps_max = static_cast<std::uint64_t>(v);
    });
    k.integer(
        "deduplication.window_hours",
        1,
        hour_max,
        [](C& c, long long v) { c.deduplication.window = std::chrono::hours(v); },
        true
    );
}

// A URL of the authorization server, or empty.
void smart_key(Keys& k, const char* name, std::string Config::Smart::*member) {
    k.text(name, [member](Config& c, const std::string& v) -> std::optional<std::string> {
        if (!v.empty() && !v.starts_with("https://") && !v.starts_with("http://")) {
            return "found '" + v + "', expected a URL, or nothing";
        }
        c.smart.*member = v;
        return std::nullopt;
    });
}

void other_keys(Keys& k) {
    using C = Config;
    k.integer("notify.attempts_max", 1, 1'000'000, [](C& c, long long v) {
        c.notify.attempts_max = static_cast<std::uint32_t>(v);
    });
    k.integer("notify.pause_first_ms", 1, time_max_ms, [](C& c, long long v) {
        c.notify.pause_first = millis(v);
    });
    k.integer("notify.pause_max_ms", 1, time_max_ms, [](C& c, long long v) {
        c.notify.pause_max = millis(v);
    });
    k.integer("notify.batch_max", 1, 10'000, [](C& c, long long v) {
        c.notify.batch_max = static_cast<std::uint32_t>(v);
    });
    k.integer("pools.cpu_threads", 0, 1024, [](C& c, long long v) {
        c.pools.cpu_threads = static_cast<std::uint32_t>(v);
    });
    k.integer("pools.cpu_queue_max", 1, 1 << 20, [](C& c, long long v) {
        c.pools.cpu_queue_max = static_cast<std::uint32_t>(v);
    });
    k.integer("pools.read_threads", 0, 1024, [](C& c, long long v) {
        c.pools.read_threads = static_cast<std::uint32_t>(v);
    });
    k.integer("pools.read_queue_max", 1, 1 << 20, [](C& c, long long v) {
        c.pools.read_queue_max = static_cast<std::uint32_t>(v);
    });
    k.integer("decode.depth_max", 8, 512, [](C& c, long long v) {
        c.decode.depth_max = static_cast<std::uint32_t>(v);
    });
    k.integer("decode.string_bytes_max", 1024, 1LL << 32, [](C& c, long long v) {
        c.decode.string_bytes_max = static_cast<std::uint64_t>(v);
    });
    k.integer("decode.members_max", 16, 1 << 20, [](C& c, long long v) {
        c.decode.members_max = static_cast<std::uint32_t>(v);
    });
    k.integer("decode.elements_max", 1000, 1LL << 32, [](C& c, long long v) {
        c.decode.elements_max = static_cast<std::uint64_t>(v);
    });
    k.integer("api.page_default", 1, 10'000, [](C& c, long long v) {
        c.api.page_default = static_cast<std::uint32_t>(v);
    });
    k.integer("api.page_max", 1, 10'000, [](C& c, long long v) {
        c.api.page_max = static_cast<std::uint32_t>(v);
    });
    k.integer("api.included_max", 1, 100'000, [](C& c, long long v) {
        c.api.included_max = static_cast<std::uint32_t>(v);
    });
    k.integer("api.include_levels_max", 1, 64, [](C& c, long long v) {
        c.api.include_levels_max = static_cast<std::uint32_t>(v);
    });
    k.integer("api.examined_max", 10, 10'000'000, [](C& c, long long v) {
        c.api.examined_max = static_cast<std::uint32_t>(v);
    });
    k.boolean("api.check_references", [](C& c, bool v) { c.api.check_references = v; });
    k.boolean("validate_resource.enabled", [](C& c, bool v) { c.validate_resource.enabled = v; });
    k.text("validate_resource.open_partner", [](C& c, const std::string& v) {
        c.validate_resource.open_partner = v;
        return std::optional<std::string>();
    });
    k.boolean("validate_resource.default_profiles", [](C& c, bool v) {
        c.validate_resource.default_profiles = v;
    });
    k.boolean("api.update_create", [](C& c, bool v) { c.api.update_create = v; });
    k.integer("api.conditional_delete_max", 1, 10'000, [](C& c, long long v) {
        c.api.conditional_delete_max = static_cast<std::uint32_t>(v);
    });
    k.list("api.cors_origins", [](C& c, std::vector<std::string> v) {
        c.api.cors_origins = std::move(v);
    });
    smart_key(k, "smart.issuer", &Config::Smart::issuer);
    smart_key(k, "smart.authorization_endpoint", &Config::Smart::authorization_endpoint);
    smart_key(k, "smart.token_endpoint", &Config::Smart::token_endpoint);
    smart_key(k, "smart.jwks_uri", &Config::Smart::jwks_uri);
    k.text("log.level", [](C& c, const std::string& v) {
        c.log.level = v;
        return one_of(v, {"debug", "info", "warn", "error", "off"});
    });
}

}  // namespace

std::vector<Key> make_keys() {
    Keys k;
    using C = Config;
    k.text(
        "profile",
        [](C& c, const std::string& v) {
            c.profile = v == "production" ? RunProfile::production : RunProfile::development;
            return one_of(v, {"development", "production"});
        },
        true
    );
    http_keys(k);
    k.text(
        "admin.address",
        [](C& c, const std::string& v) {
            c.admin.address = v;
            return std::optional<std::string>();
        },
        true
    );
    k.integer(
        "admin.port",
        0,
        65535,
        [](C& c, long long v) { c.admin.port = static_cast<std::uint16_t>(v); },
        true
    );
    data_keys(k);
    other_keys(k);
    return std::move(k.all);
}

}  // namespace gatehouse::gateway
