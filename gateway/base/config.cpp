// SPDX-License-Identifier: Apache-2.0
//
// Where settings come from (file, environment, command line) and whether they fit together.
#include "gateway/base/config.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <thread>

#include <unistd.h>

#include "gateway/base/config_keys.hpp"

extern char** environ;  // POSIX: declared by nobody

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

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
