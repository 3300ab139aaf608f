// SPDX-License-Identifier: Apache-2.0
//
// The npm protocol as FHIR registries speak it: GET <registry>/<name> answers {"dist-tags":
// {"latest": "1.2.0"}, "versions": {"1.2.0": {"dist": {"tarball": URL, "shasum": hex, "integrity":
// ...}}}}.
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "fhir/json/value.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir {
namespace {

// Digest of `bytes` by OpenSSL's name of the algorithm.
std::vector<unsigned char> registry_digest(std::string_view bytes, const char* algorithm) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    GH_ASSERT(
        EVP_Q_digest(
            nullptr, algorithm, nullptr, bytes.data(), bytes.size(), digest.data(), &size
        ) == 1
    );
    return {digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string hex_text(const std::vector<unsigned char>& bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15U];
    }
    return text;
}

std::string base64_text(const std::vector<unsigned char>& bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size())
    );
    text.resize(static_cast<std::size_t>(size));
    return text;
}

bool newer_version(std::string_view a, std::string_view b) {
    const auto take = [](std::string_view& text) {
        unsigned long value = 0;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            value = value * 10 + static_cast<unsigned long>(text.front() - '0');
            text.remove_prefix(1);
        }
        if (!text.empty() && text.front() == '.') {
            text.remove_prefix(1);
        }
        return value;
    };
    for (int part = 0; part < 3; ++part) {
        const auto left = take(a);
        const auto right = take(b);
        if (left != right) {
            return left > right;
        }
    }
    return b.starts_with('-') && !a.starts_with('-');  // 1.0.0 is newer than 1.0.0-beta
}

}  // namespace

std::string registry_metadata_url(std::string_view registry, std::string_view name) {
    std::string url(registry);
    while (!url.empty() && url.back() == '/') {
        url.pop_back();
    }
    url += '/';
    static constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '@';
        if (plain) {
            url += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            url += '%';
            url += digits[byte >> 4];
            url += digits[byte & 15U];
        }
    }
    return url;
}

Result<RegistryPick> pick_version(std::string_view metadata_json, std::string_view wanted) {
    Arena arena;
    auto document = parse_json_value(metadata_json, arena);
    if (!document || !document->is(JsonValue::Kind::object)) {
        return Fault{
            Errc::invalid, "read registry", "the answer is not npm metadata (a JSON object)"};
    }
    const JsonValue* versions = document->find("versions");
    if (versions == nullptr || !versions->is(JsonValue::Kind::object) ||
        versions->members.empty()) {
        return Fault{Errc::not_found, "read registry", "the package has no versions"};
    }
    std::string_view chosen;
    const JsonValue* tags = document->find("dist-tags");
    if (wanted.empty() || wanted == "latest") {
        chosen = tags != nullptr && tags->is(JsonValue::Kind::object) ? tags->string("latest")
                                                                      : std::string_view{};
    }
    const bool any = wanted.empty() || wanted == "latest";
    const std::string_view prefix =
        wanted.ends_with(".x") ? wanted.substr(0, wanted.size() - 1) : std::string_view{};
    if (chosen.empty()) {
        for (const auto& member : versions->members) {
            const bool fits = any || member.name == wanted ||
                              (!prefix.empty() && member.name.starts_with(prefix));
            if (fits && (chosen.empty() || newer_version(member.name, chosen))) {
                chosen = member.name;
            }
        }
    }
    const JsonValue* version = chosen.empty() ? nullptr : versions->find(chosen);
    if (version == nullptr || !version->is(JsonValue::Kind::object)) {
        std::string known;
        for (const auto& member : versions->members) {
            known += (known.empty() ? "" : ", ") + std::string(member.name);
        }
        return Fault{
            Errc::not_found,
            "read registry",
            "no version " + std::string(wanted) + "; the registry has " + known};
    }
    RegistryPick pick;
    pick.version = chosen;
    const JsonValue* dist = version->find("dist");
    if (dist != nullptr && dist->is(JsonValue::Kind::object)) {
        pick.tarball = dist->string("tarball");
        pick.shasum = dist->string("shasum");
        pick.integrity = dist->string("integrity");
    }
    if (pick.tarball.empty()) {
        pick.tarball = version->string("url");  // packages.fhir.org's older answers
    }
    if (pick.tarball.empty()) {
        return Fault{
            Errc::invalid, "read registry", "version " + pick.version + " names no tarball"};
    }
    return pick;
}

Result<void> check_integrity(std::string_view bytes, const RegistryPick& pick) {
    if (pick.integrity.starts_with("sha512-")) {
        if (base64_text(registry_digest(bytes, "SHA512")) != pick.integrity.substr(7)) {
            return Fault{
                Errc::corrupt,
                "check download",
                "SHA-512 differs from what the registry announced"};
        }
    } else if (!pick.shasum.empty()) {
        std::string wanted = pick.shasum;
        std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](char c) {
            return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        if (hex_text(registry_digest(bytes, "SHA1")) != wanted) {
            return Fault{
                Errc::corrupt, "check download", "SHA-1 differs from what the registry announced"};
        }
    }
    return {};
}

}  // namespace gatehouse::fhir
