// SPDX-License-Identifier: Apache-2.0
//
// Whole files in and out, and what a package says about itself.
#include <unistd.h>

#include <fstream>

#include "fhir/json/value.hpp"
#include "fhir/packages/source.hpp"

namespace gatehouse::fhir::packages {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        return Fault{Errc::io, "read file", path.string() + " cannot be opened"};
    }
    const auto size = static_cast<std::streamoff>(file.tellg());
    if (size < 0 || static_cast<std::uint64_t>(size) > member_bytes_max) {
        return Fault{Errc::too_large, "read file", path.string() + " is larger than the limit"};
    }
    std::string bytes(static_cast<std::size_t>(size), '\0');
    file.seekg(0);
    if (!file.read(bytes.data(), size)) {
        return Fault{Errc::io, "read file", path.string() + " cannot be read"};
    }
    return bytes;
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
    const fs::path temporary = path.string() + ".new-" + std::to_string(::getpid());
    {
        std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        file.flush();
        if (!file) {
            std::error_code ignored;
            fs::remove(temporary, ignored);
            return Fault{Errc::io, "write file", path.string() + " cannot be written"};
        }
    }
    std::error_code error;
    fs::rename(temporary, path, error);
    if (error) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        return Fault{Errc::io, "write file", path.string() + ": " + error.message()};
    }
    return {};
}

bool read_manifest(std::string_view json, PackageInfo& info) {
    if (json.starts_with("\xEF\xBB\xBF")) {
        json.remove_prefix(3);
    }
    Arena arena;
    const auto manifest = parse_json_value(json, arena);
    if (!manifest || !manifest->is(JsonValue::Kind::object)) {
        return false;
    }
    info.name = manifest->string("name");
    info.version = manifest->string("version");
    for (const char* key : {"fhirVersions", "fhir-version-list"}) {
        const JsonValue* versions = manifest->find(key);
        if (versions != nullptr && versions->is(JsonValue::Kind::array) &&
            !versions->items.empty()) {
            info.fhir_version = versions->items.front().text;
        }
    }
    const JsonValue* dependencies = manifest->find("dependencies");
    if (dependencies != nullptr && dependencies->is(JsonValue::Kind::object)) {
        for (const auto& member : dependencies->members) {
            info.dependencies.emplace_back(member.name, member.value.text);
        }
    }
    return !info.name.empty();
}

}  // namespace gatehouse::fhir::packages
