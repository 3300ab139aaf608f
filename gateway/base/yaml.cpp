// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/yaml.hpp"

#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>

#include <yaml-cpp/yaml.h>

namespace gatehouse::gateway {

namespace {

// A configuration deeper than this is a mistake, and yaml-cpp's own recursion is what we stop.
constexpr int yaml_depth_max = 32;

std::string place(std::string_view file, std::uint32_t line, std::uint32_t column) {
    std::string out(file);
    if (line > 0) {
        out += ':' + std::to_string(line) + ':' + std::to_string(column);
    }
    return out;
}

void mark(const YAML::Mark& from, std::uint32_t& line, std::uint32_t& column) {
    line = from.is_null() ? 0 : static_cast<std::uint32_t>(from.line + 1);
    column = from.is_null() ? 0 : static_cast<std::uint32_t>(from.column + 1);
}

Result<YamlNode> convert(const YAML::Node& from, std::string_view name, int depth) {
    YamlNode out;
    mark(from.Mark(), out.line, out.column);
    if (depth > yaml_depth_max) {
        return Fault(
            Errc::invalid, "yaml", place(name, out.line, out.column) + ": nested too deeply"
        );
    }
    switch (from.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null: break;
    case YAML::NodeType::Scalar:
        out.kind = YamlNode::Kind::scalar;
        out.text = from.Scalar();
        out.quoted = from.Tag() == "!";
        break;
    case YAML::NodeType::Sequence:
        out.kind = YamlNode::Kind::sequence;
        for (const auto& item : from) {
            GH_TRY_ASSIGN(YamlNode child, convert(item, name, depth + 1));
            out.items.push_back(std::move(child));
        }
        break;
    case YAML::NodeType::Map:
        out.kind = YamlNode::Kind::map;
        for (const auto& pair : from) {
            YamlNode::Member member;
            mark(pair.first.Mark(), member.line, member.column);
            const std::string at = place(name, member.line, member.column);
            if (!pair.first.IsScalar()) {
                return Fault(Errc::invalid, "yaml", at + ": a key must be plain text");
            }
            member.name = pair.first.Scalar();
            if (out.find(member.name) != nullptr) {
                return Fault(
                    Errc::invalid, "yaml", at + ": key '" + member.name + "' appears twice"
                );
            }
            GH_TRY_ASSIGN(member.value, convert(pair.second, name, depth + 1));
            if (member.value.line == 0) {  // an empty value has no mark of its own
                member.value.line = member.line;
                member.value.column = member.column;
            }
            out.members.push_back(std::move(member));
        }
        break;
    }
    return out;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const noexcept {
    for (const Member& member : members) {
        if (member.name == name) {
            return &member.value;
        }
    }
    return nullptr;
}

Result<YamlNode> parse_yaml(std::string_view text, std::string_view name) {
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
        if (documents.size() > 1) {
            return Fault(
                Errc::invalid, "yaml", std::string(name) + ": more than one document in the file"
            );
        }
        return documents.empty() ? YamlNode() : convert(documents.front(), name, 0);
    } catch (const YAML::Exception& error) {
        std::uint32_t line = 0;
        std::uint32_t column = 0;
        mark(error.mark, line, column);
        return Fault(Errc::invalid, "yaml", place(name, line, column) + ": " + error.msg);
    }
}

Result<YamlNode> load_yaml(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        return Fault(Errc::not_found, "yaml", file.string() + ": no such file");
    }
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return Fault(Errc::io, "yaml", file.string() + ": cannot be opened for reading");
    }
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    return parse_yaml(text, file.string());
}

void Problems::add(
    std::string_view file, std::uint32_t line, std::uint32_t column, std::string_view what
) {
    std::string text = place(file, line, column);
    text += ": ";
    text += what;
    lines_.push_back(std::move(text));
}

std::string Problems::text() const {
    std::string out;
    for (const std::string& line : lines_) {
        if (!out.empty()) {
            out += '\n';
        }
        out += line;
    }
    return out;
}

std::optional<long long> yaml_integer(const YamlNode& node) noexcept {
    long long value = 0;
    const char* end = node.text.data() + node.text.size();
    const auto read = std::from_chars(node.text.data(), end, value);
    if (!node.is(YamlNode::Kind::scalar) || node.text.empty() || read.ec != std::errc() ||
        read.ptr != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<double> yaml_number(const YamlNode& node) noexcept {
    double value = 0;
    const char* end = node.text.data() + node.text.size();
    const auto read = std::from_chars(node.text.data(), end, value, std::chars_format::fixed);
    if (!node.is(YamlNode::Kind::scalar) || node.text.empty() || read.ec != std::errc() ||
        read.ptr != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<bool> yaml_boolean(const YamlNode& node) noexcept {
    if (!node.is(YamlNode::Kind::scalar) || node.quoted) {
        return std::nullopt;
    }
    if (node.text == "true") {
        return true;
    }
    return node.text == "false" ? std::optional<bool>(false) : std::nullopt;
}

bool is_calendar_date(std::string_view text) noexcept {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const auto all = [&](std::size_t from, std::size_t count, auto& out) {
        const auto read = std::from_chars(text.data() + from, text.data() + from + count, out);
        return read.ec == std::errc() && read.ptr == text.data() + from + count;
    };
    if (!all(0, 4, year) || !all(5, 2, month) || !all(8, 2, day)) {
        return false;
    }
    return std::chrono::year_month_day(
               std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)
    )
        .ok();
}

}  // namespace gatehouse::gateway
