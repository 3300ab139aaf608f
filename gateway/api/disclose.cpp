// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/disclose.hpp"

namespace gatehouse::gateway {

std::string version_path(std::string_view type, std::string_view id, std::uint64_t version) {
    std::string path;
    path.reserve(type.size() + id.size() + 24);
    path.append(type).append("/").append(id).append("/_history/").append(std::to_string(version));
    return path;
}

bool disclose(StoredVersion& version, std::vector<std::string>& disclosed) {
    disclosed.push_back(version_path(version.type, version.id, version.version));
    return true;
}

}  // namespace gatehouse::gateway
