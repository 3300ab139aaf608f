// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/disclose.hpp"

#include <algorithm>

#include "fhir/json/value.hpp"

namespace gatehouse::gateway {
namespace {

// A Binary may belong to what belongs to another Binary; a circle of them belongs to nobody.
constexpr unsigned owners_max = 4;

}  // namespace

std::string version_path(std::string_view type, std::string_view id, std::uint64_t version) {
    std::string path;
    path.reserve(type.size() + id.size() + 24);
    path.append(type).append("/").append(id).append("/_history/").append(std::to_string(version));
    return path;
}

bool Sight::sees(std::string_view type) const {
    return viewer_.types.empty() ||
           std::find(viewer_.types.begin(), viewer_.types.end(), type) != viewer_.types.end();
}

bool Sight::decides(std::string_view type) const {
    return type == "Binary";
}

bool Exit::admits(const StoredVersion& version) const {
    return admits(version, 0);
}

bool Exit::admits(const StoredVersion& version, unsigned depth) const {
    return sees(version.type) && (version.type != "Binary" || admits_binary(version, depth));
}

// FHIR R4 §2.40: a Binary is as visible as what its securityContext names.
bool Exit::admits_binary(const StoredVersion& binary, unsigned depth) const {
    if (binary.json.find("\"securityContext\"") == std::string::npos) {
        return true;
    }
    Arena arena;
    std::string_view reference;
    const auto value = fhir::parse_json_value(binary.json, arena);
    if (const auto* context = value ? value->find("securityContext") : nullptr) {
        reference = context->string("reference");
    }
    if (reference.starts_with(base_) && reference.size() > base_.size() &&
        reference[base_.size()] == '/') {
        reference.remove_prefix(base_.size() + 1);
    }
    reference = reference.substr(0, reference.find("/_history/"));
    const auto slash = reference.find('/');
    if (slash == std::string_view::npos ||
        reference.find('/', slash + 1) != std::string_view::npos) {
        return true;  // none, or one that lies elsewhere
    }
    const std::string_view type = reference.substr(0, slash);
    if (!sees(type) || depth >= owners_max) {
        return false;
    }
    const auto owner = store_.read(type, reference.substr(slash + 1));
    if (!owner) {
        return owner.error().code == Errc::not_found;  // not held here: nothing to decide by
    }
    return !owner->deleted() && admits(*owner, depth + 1);
}

bool Exit::disclose(StoredVersion& version) {
    if (!admits(version)) {
        return false;
    }
    disclosed_.push_back(version_path(version.type, version.id, version.version));
    return true;
}

}  // namespace gatehouse::gateway
