#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What kinds of settings there are and how one is read: whole numbers, percentages, texts, paths,
// lists. A key that cannot be read says what was found and what is expected. Inside gateway/base.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/config.hpp"
#include "gateway/base/yaml.hpp"

namespace gatehouse::gateway {

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

class Keys {
public:
    void integer(
        std::string name,
        long long low,
        long long high,
        std::function<void(Config&, long long)> store,
        bool required = false
    );
    void percent(std::string name, std::function<void(Config&, double)> store);
    void boolean(std::string name, std::function<void(Config&, bool)> store, bool required = false);
    void text(
        std::string name,
        std::function<std::optional<std::string>(Config&, const std::string&)> store,
        bool required = false
    );
    // A path, made absolute: against the installation, or the current folder when a person typed
    // it.
    void path(
        std::string name,
        std::function<void(Config&, std::filesystem::path)> store,
        bool required = false
    );
    // Paths, each as path() reads it.
    void
    paths(std::string name, std::function<void(Config&, std::vector<std::filesystem::path>)> store);
    void list(std::string name, std::function<void(Config&, std::vector<std::string>)> store);

    std::vector<Key> all;
};

// Nothing if `text` is one of `names`, else what is wrong.
std::optional<std::string> one_of(const std::string& text, const std::vector<std::string>& names);

// Every key there is (config_settings.cpp).
std::vector<Key> make_keys();

}  // namespace gatehouse::gateway
