// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/config_keys.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

std::string quoted(const YamlNode& node) {
    switch (node.kind) {
    case YamlNode::Kind::scalar: return "'" + node.text + "'";
    case YamlNode::Kind::sequence: return "a list";
    case YamlNode::Kind::map: return "a map";
    case YamlNode::Kind::null: break;
    }
    return "nothing";
}

// Against the installation, or the current folder when a person typed it.
fs::path absolute_of(const std::string& text, const Given& given, const Config& config) {
    fs::path value(text);
    if (value.is_relative()) {
        std::error_code ec;
        value = (given.from_file ? config.home : fs::current_path(ec)) / value;
    }
    return value.lexically_normal();
}

}  // namespace

void Keys::integer(
    std::string name,
    long long low,
    long long high,
    std::function<void(Config&, long long)> store,
    bool required
) {
    all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                       const auto value = yaml_integer(given.node);
                       if (!value || *value < low || *value > high) {
                           return std::optional(
                               "found " + quoted(given.node) + ", expected a whole number from " +
                               std::to_string(low) + " to " + std::to_string(high)
                           );
                       }
                       store(config, *value);
                       return std::optional<std::string>();
                   }});
}

void Keys::percent(std::string name, std::function<void(Config&, double)> store) {
    all.push_back({std::move(name), false, [=](const Given& given, Config& config) {
                       const auto value = yaml_number(given.node);
                       if (!value || *value < 0 || *value > 100) {
                           return std::optional(
                               "found " + quoted(given.node) + ", expected a number from 0 to 100"
                           );
                       }
                       store(config, *value);
                       return std::optional<std::string>();
                   }});
}

void Keys::boolean(std::string name, std::function<void(Config&, bool)> store, bool required) {
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

void Keys::text(
    std::string name,
    std::function<std::optional<std::string>(Config&, const std::string&)> store,
    bool required
) {
    all.push_back({std::move(name), required, [=](const Given& given, Config& config) {
                       if (!given.node.is(YamlNode::Kind::scalar) &&
                           !given.node.is(YamlNode::Kind::null)) {
                           return std::optional("found " + quoted(given.node) + ", expected text");
                       }
                       if (required && given.node.text.empty()) {
                           return std::optional<std::string>("must not be empty");
                       }
                       return store(config, given.node.text);
                   }});
}

void Keys::path(std::string name, std::function<void(Config&, fs::path)> store, bool required) {
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
                       store(config, absolute_of(given.node.text, given, config));
                       return std::optional<std::string>();
                   }});
}

void Keys::paths(std::string name, std::function<void(Config&, std::vector<fs::path>)> store) {
    all.push_back({std::move(name), false, [=](const Given& given, Config& config) {
                       std::vector<fs::path> values;
                       bool good = !given.node.is(YamlNode::Kind::map);
                       const auto take = [&](const YamlNode& node) {
                           if (!node.is(YamlNode::Kind::scalar) || node.text.empty()) {
                               good = false;
                               return;
                           }
                           values.push_back(absolute_of(node.text, given, config));
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

void Keys::list(std::string name, std::function<void(Config&, std::vector<std::string>)> store) {
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

}  // namespace gatehouse::gateway
