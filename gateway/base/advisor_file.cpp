// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/advisor_file.hpp"

#include <fstream>
#include <iterator>
#include <string>

namespace gatehouse::gateway {

Result<std::shared_ptr<const fhir::Advisor>>
load_advisor(const std::filesystem::path& file, fhir::Advisor::Reach reach) {
    constexpr std::size_t bytes_max = 1024 * 1024;
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return Fault(Errc::not_found, "advisor", file.string() + " cannot be opened");
    }
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (text.size() > bytes_max) {
        return Fault(Errc::invalid, "advisor", file.string() + ": larger than 1 MB");
    }
    return fhir::Advisor::parse(text, file.string(), reach);
}

}  // namespace gatehouse::gateway
