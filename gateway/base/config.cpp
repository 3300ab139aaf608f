// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/config.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <thread>

#include <unistd.h>

#include "gateway/base/yaml.hpp"

extern char** environ;  // POSIX: declared by nobody

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

// One value as it was given, and where.
struct Given {
    YamlNode node;
    std::string
        origin;  // "file:line:column", "--set http.port", "environment GATEHOUSE_HTTP__PORT"
    bool from_file = true;
};

// How one key is read: takes the node into the Config, or says what is wrong.
struct Key {
    std::string name;
    bool required = false;
    std::function<std::optional<std::string>(const Given&, Config&)> read;
};

std::string quoted(const YamlNode& node) {
    switch (node.kind) {
    case YamlNode::Kind::scalar: return "'" + node.text + "'";
    case YamlNode::Kind::sequence: return "a list";
    case YamlNode::Kind::map: return "a map";
    case YamlNode::Kind::null: break;
    }
    return "nothing";
}

class Keys {
public:
    void integer(
        std::string name,
        long long low,
        long long high,
        std::function<void(Config&, long long)> store,
        bool required = false
    ) {
        all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                           const auto value = yaml_integer(given.node);
                           if (!value || *value < low || *value > high) {
                               return std::optional(
                                   "found " + quoted(given.node) +
                                   ", expected a whole number from " + std::to_string(low) +
                                   " to " + std::to_string(high)
                               );
                           }
                           store(config, *value);
                           return std::optional<std::string>();
                       }});
    }

    void percent(std::string name, std::function<void(Config&, double)> store) {
        all.push_back({std::move(name), false, [=](const Given& given, Config& config) {
                           const auto value = yaml_number(given.node);
                           if (!value || *value < 0 || *value > 100) {
                               return std::optional(
                                   "found " + quoted(given.node) +
                                   ", expected a number from 0 to 100"
                               );
                           }
                           store(config, *value);
                           return std::optional<std::string>();
                       }});
    }

    void
    boolean(std::string name, std::function<void(Config&, bool)> store, bool required = false) {
        all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                           const auto value = yaml_boolean(given.node);
                           if (!value) {
                               return std::optional(
                                   "found " + quoted(given.node) + ", expected true or false"
                               );
                           }
                           store(config, *value);
                           return std::optional<std::string>();
                       }});
    }

    void text(
        std::string name,
        std::function<std::optional<std::string>(Config&, const std::string&)> store,
        bool required = false
    ) {
        all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                           if (!given.node.is(YamlNode::Kind::scalar) &&
                               !given.node.is(YamlNode::Kind::null)) {
                               return std::optional(
                                   "found " + quoted(given.node) + ", expected text"
                               );
                           }
                           if (required && given.node.text.empty()) {
                               return std::optional<std::string>("must not be empty");
                           }
                           return store(config, given.node.text);
                       }});
    }

    // A path, made absolute: against the installation, or the current folder when a person typed
    // it.
    void
    path(std::string name, std::function<void(Config&, fs::path)> store, bool required = false) {
        all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                           if (!given.node.is(YamlNode::Kind::scalar) &&
                               !given.node.is(YamlNode::Kind::null)) {
                               return std::optional(
                                   "found " + quoted(given.node) + ", expected a path"
                               );
                           }
                           if (given.node.text.empty()) {
                               if (required) {
                                   return std::optional<std::string>("must not be empty");
                               }
                               store(config, fs::path());
                               return std::optional<std::string>();
                           }
                           fs::path value(given.node.text);
                           if (value.is_relative()) {
                               std::error_code ec;
                               value =
                                   (given.from_file ? config.home : fs::current_path(ec)) / value;
                           }
                           store(config, value.lexically_normal());
                           return std::optional<std::string>();
                       }});
    }

    // Paths, each as path() reads it.
    void paths(std::string name, std::function<void(Config&, std::vector<fs::path>)> store) {
        all.push_back({std::move(name), false, [=](const Given& given, Config& config) {
                           std::vector<fs::path> values;
                           bool good = !given.node.is(YamlNode::Kind::map);
                           const auto take = [&](const YamlNode& node) {
                               if (!node.is(YamlNode::Kind::scalar) || node.text.empty()) {
                                   good = false;
                                   return;
                               }
                               fs::path value(node.text);
                               if (value.is_relative()) {
                                   std::error_code ec;
                                   value = (given.from_file ? config.home : fs::current_path(ec)) /
                                           value;
                               }
                               values.push_back(value.lexically_normal());
                           };
                           if (given.node.is(YamlNode::Kind::scalar) && !given.node.text.empty()) {
                               take(given.node);  // --set key=one
                           }
                           for (const YamlNode& item : given.node.items) {
                               take(item);
                           }
                           if (!good) {
                               return std::optional(
                                   "found " + quoted(given.node) + ", expected a list of paths"
                               );
                           }
                           store(config, std::move(values));
                           return std::optional<std::string>();
                       }});
    }

    void list(std::string name, std::function<void(Config&, std::vector<std::string>)> store) {
        all.push_back({std::move(name), false, [=](const Given& given, Config& config) {
                           std::vector<std::string> values;
                           bool good = !given.node.is(YamlNode::Kind::map);
                           if (given.node.is(YamlNode::Kind::scalar) && !given.node.text.empty()) {
                               values.push_back(given.node.text);  // --set key=one
                           }
                           for (const YamlNode& item : given.node.items) {
                               good = good && item.is(YamlNode::Kind::scalar);
                               values.push_back(item.text);
                           }
                           if (!good) {
                               return std::optional(
                                   "found " + quoted(given.node) + ", expected a list of texts"
                               );
                           }
                           store(config, std::move(values));
                           return std::optional<std::string>();
                       }});
    }

    std::vector<Key> all;
};

std::optional<std::string> one_of(const std::string& text, const std::vector<std::string>& names) {
    if (std::find(names.begin(), names.end(), text) != names.end()) {
        return std::nullopt;
    }
    std::string out = "found '" + text + "', expected ";
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
    }
    return out;
}

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

using GivenMap = std::map<std::string, Given>;

const Key* find_key(const std::vector<Key>& keys, const std::string& name) {
    const auto at =
        std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
    return at == keys.end() ? nullptr : &*at;
}

// The known key that differs in the fewest letters, for "did you mean".
std::string nearest(const std::vector<Key>& keys, const std::string& name) {
    std::string best;
    std::size_t best_distance = name.size() / 2 + 1;
    for (const Key& key : keys) {
        std::vector<std::size_t> row(key.name.size() + 1);
        for (std::size_t j = 0; j < row.size(); ++j) {
            row[j] = j;
        }
        for (std::size_t i = 1; i <= name.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j < row.size(); ++j) {
                const std::size_t above = row[j];
                const std::size_t change = diagonal + (name[i - 1] == key.name[j - 1] ? 0 : 1);
                row[j] = std::min({above + 1, row[j - 1] + 1, change});
                diagonal = above;
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = key.name;
        }
    }
    return best;
}

std::string unknown_key(const std::vector<Key>& keys, const std::string& name) {
    const std::string near = nearest(keys, name);
    return "unknown key '" + name + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?");
}

// Leaves of the file by dotted name; maps that are no key's value are walked into.
void flatten(
    const YamlNode& node,
    const std::string& prefix,
    const std::string& file,
    const std::vector<Key>& keys,
    GivenMap& out,
    Problems& problems
) {
    for (const YamlNode::Member& member : node.members) {
        const std::string name = prefix.empty() ? member.name : prefix + "." + member.name;
        const Key* key = find_key(keys, name);
        const bool section = std::any_of(keys.begin(), keys.end(), [&](const Key& k) {
            return k.name.starts_with(name + ".");
        });
        if (key != nullptr) {
            out[name] = Given{
                member.value,
                file + ":" + std::to_string(member.value.line) + ":" +
                    std::to_string(member.value.column),
                true};
        } else if (section && !member.value.is(YamlNode::Kind::scalar) && !member.value.is(YamlNode::Kind::sequence)) {
            flatten(member.value, name, file, keys, out, problems);
        } else if (section) {
            problems.add(
                file,
                member.line,
                member.column,
                "'" + name + "' must be a section with keys of its own"
            );
        } else {
            problems.add(file, member.line, member.column, unknown_key(keys, name));
        }
    }
}

YamlNode scalar(const std::string& text) {
    YamlNode out;
    out.kind = YamlNode::Kind::scalar;
    out.text = text;
    return out;
}

// A list may be set as [a, b].
YamlNode setting_value(const std::string& text) {
    if (text.starts_with('[')) {
        auto parsed = parse_yaml(text, "value");
        if (parsed) {
            return std::move(*parsed);
        }
    }
    return scalar(text);
}

// GATEHOUSE_HTTP__TLS__ENABLED=true sets http.tls.enabled. GATEHOUSE_HOME and names without "__"
// that are no key are other programs' business (GATEHOUSE_DATA of deploy/up, for one).
void read_environment(const std::vector<Key>& keys, GivenMap& out, Problems& problems) {
    constexpr std::string_view prefix = "GATEHOUSE_";
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view entry = *at;
        const std::size_t equals = entry.find('=');
        if (!entry.starts_with(prefix) || equals == std::string_view::npos) {
            continue;
        }
        const std::string variable(entry.substr(0, equals));
        std::string name;
        for (std::size_t i = prefix.size(); i < variable.size(); ++i) {
            if (variable.compare(i, 2, "__") == 0) {
                name += '.';
                ++i;
            } else {
                name += static_cast<char>(std::tolower(static_cast<unsigned char>(variable[i])));
            }
        }
        if (find_key(keys, name) != nullptr) {
            out[name] = Given{
                setting_value(std::string(entry.substr(equals + 1))),
                "environment " + variable,
                false};
        } else if (name.find('.') != std::string::npos) {
            problems.add("environment " + variable + ": " + unknown_key(keys, name));
        }
    }
}

std::uint32_t cores() {
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::uint32_t Config::io_thread_count() const {
    return http.io_threads > 0 ? http.io_threads : std::max(1U, cores() / 2);
}

std::uint32_t Config::cpu_thread_count() const {
    return pools.cpu_threads > 0 ? pools.cpu_threads : cores();
}

std::uint32_t Config::read_thread_count() const {
    return pools.read_threads > 0 ? pools.read_threads : cores();
}

fs::path installation_home() {
    if (const char* given = std::getenv("GATEHOUSE_HOME"); given != nullptr && *given != '\0') {
        return fs::absolute(given).lexically_normal();
    }
    std::error_code ec;
    const fs::path binary = fs::read_symlink("/proc/self/exe", ec);
    for (fs::path at = binary.parent_path(); !ec && !at.empty(); at = at.parent_path()) {
        if (fs::exists(at / "config" / "gatehouse.yaml", ec)) {
            return at;
        }
        if (at == at.root_path()) {
            break;
        }
    }
    return fs::current_path(ec);
}

Result<Config> load_config(const ConfigSource& source) {
    static const std::vector<Key> keys = make_keys();
    Config config;
    config.home = source.home.empty() ? installation_home() : source.home;
    config.file = source.file.empty() ? config.home / "config" / "gatehouse.yaml" : source.file;
    GH_TRY_ASSIGN(const YamlNode root, load_yaml(config.file));
    Problems problems;
    GivenMap given;
    const std::string file = config.file.string();
    if (!root.is(YamlNode::Kind::map)) {
        problems.add(file, root, "expected a map of settings");
    }
    flatten(root, "", file, keys, given, problems);
    if (source.environment) {
        // deploy/fetch-definitions and the command line know the cache by this name.
        if (const char* cache = std::getenv("GATEHOUSE_CACHE");
            cache != nullptr && *cache != '\0') {
            given["packages.cache"] = Given{scalar(cache), "environment GATEHOUSE_CACHE", false};
        }
        read_environment(keys, given, problems);
    }
    for (const auto& [name, value] : source.settings) {
        if (find_key(keys, name) == nullptr) {
            problems.add("--set " + name + ": " + unknown_key(keys, name));
        } else {
            given[name] = Given{setting_value(value), "--set " + name, false};
        }
    }
    for (const Key& key : keys) {
        const auto at = given.find(key.name);
        if (at == given.end()) {
            if (key.required) {
                problems.add(
                    file + ": key '" + key.name + "' is missing; config/gatehouse.yaml explains it"
                );
            }
            continue;
        }
        if (const auto wrong = key.read(at->second, config)) {
            problems.add(at->second.origin + ": " + key.name + ": " + *wrong);
        }
    }
    if (!problems.empty()) {
        return Fault(Errc::invalid, "configuration", problems.text());
    }
    return config;
}

void check_settings(const Config& config, Problems& problems) {
    const std::string file = config.file.string();
    const auto say = [&](const std::string& what) { problems.add(file + ": " + what); };
    const Config::Tls& tls = config.http.tls;
    if (tls.enabled && (tls.certificate_file.empty() || tls.key_file.empty())) {
        say("http.tls.enabled needs http.tls.certificate_file and http.tls.key_file");
    }
    if (tls.client_certificates != ClientCertificateMode::none && tls.client_ca_file.empty()) {
        say("http.tls.client_certificates needs http.tls.client_ca_file: who may sign them");
    }
    if (tls.client_certificates != ClientCertificateMode::none && !tls.enabled) {
        say("http.tls.client_certificates needs http.tls.enabled: true");
    }
    if (config.profile == RunProfile::production && !tls.enabled) {
        say("profile: production refuses plain HTTP; set http.tls.enabled: true with a certificate "
            "and key");
    }
    const auto& remote = config.terminology.remote;
    if (!remote.url.empty() && remote.systems.empty()) {
        say("terminology.remote.url needs terminology.remote.systems: what is it asked about?");
    }
    if (config.profile == RunProfile::production && remote.url.starts_with("http://")) {
        say("profile: production refuses a terminology server over plain HTTP; give "
            "terminology.remote.url as https://");
    }
    if (config.api.page_default > config.api.page_max) {
        say("api.page_default is larger than api.page_max");
    }
    if (config.http.bodies_bytes_max < config.http.body_bytes_max) {
        say("http.bodies_bytes_max is smaller than http.body_bytes_max: the largest allowed body "
            "could never arrive");
    }
    if (config.data.refuse_free_bytes > config.data.warn_free_bytes) {
        say("data.refuse_free_bytes is larger than data.warn_free_bytes: the warning would come "
            "too late");
    }
}

Result<std::pair<std::string, std::string>> parse_setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        return Fault(
            Errc::invalid,
            "--set",
            "found '" + std::string(text) + "', expected key=value, as in http.port=18080"
        );
    }
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

std::vector<std::string> config_keys() {
    std::vector<std::string> out;
    for (const Key& key : make_keys()) {
        out.push_back(key.name);
    }
    return out;
}

}  // namespace gatehouse::gateway
