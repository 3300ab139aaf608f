// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/load/content.hpp"

#include "fhir/terminology/index/index_file.hpp"
#include "fhir/terminology/snomed/snomed_provider.hpp"

namespace gatehouse::fhir {

Result<TerminologyContent> load_content(const std::vector<std::filesystem::path>& files) {
    TerminologyContent content;
    for (const std::filesystem::path& file : files) {
        GH_TRY_ASSIGN(auto mapped, content::IndexFile::open(file));
        if (mapped->kind() != content::IndexKind::snomed) {
            return mapped->corrupt("holds a kind of content that this program does not read");
        }
        GH_TRY_ASSIGN(auto index, snomed::SnomedIndex::open(std::move(mapped)));
        auto provider = std::make_shared<const snomed::SnomedProvider>(std::move(index));
        for (const auto& other : content.providers) {
            if (other->system() == provider->system() && other->version() == provider->version()) {
                return Fault(
                    Errc::conflict,
                    "terminology content",
                    file.string() + ": version " + std::string(provider->version()) +
                        " is loaded already; name each version once"
                );
            }
        }
        content.providers.push_back(std::move(provider));
    }
    return content;
}

}  // namespace gatehouse::fhir
