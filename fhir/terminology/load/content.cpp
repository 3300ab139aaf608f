// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/load/content.hpp"

#include "fhir/terminology/index/index_file.hpp"
#include "fhir/terminology/snomed/snomed_provider.hpp"
#include "fhir/terminology/table/table_provider.hpp"

namespace gatehouse::fhir {
namespace {

using Providers = std::vector<std::shared_ptr<const CodeSystemProvider>>;

Result<Providers> open_file(const std::filesystem::path& file) {
    GH_TRY_ASSIGN(auto mapped, content::IndexFile::open(file));
    Providers out;
    if (mapped->kind() == content::IndexKind::table) {
        GH_TRY_ASSIGN(auto tables, table::TableProvider::open(mapped));
        out.assign(tables.begin(), tables.end());
        return out;
    }
    GH_TRY_ASSIGN(auto index, snomed::SnomedIndex::open(std::move(mapped)));
    out.push_back(std::make_shared<const snomed::SnomedProvider>(std::move(index)));
    return out;
}

}  // namespace

Result<TerminologyContent> load_content(const std::vector<std::filesystem::path>& files) {
    TerminologyContent content;
    for (const std::filesystem::path& file : files) {
        GH_TRY_ASSIGN(Providers providers, open_file(file));
        for (auto& provider : providers) {
            for (const auto& other : content.providers) {
                if (other->system() == provider->system() &&
                    other->version() == provider->version()) {
                    return Fault(
                        Errc::conflict,
                        "terminology content",
                        file.string() + ": version '" + std::string(provider->version()) + "' of " +
                            std::string(provider->system()) +
                            " is loaded already; name each version once"
                    );
                }
            }
            content.providers.push_back(std::move(provider));
        }
    }
    return content;
}

}  // namespace gatehouse::fhir
