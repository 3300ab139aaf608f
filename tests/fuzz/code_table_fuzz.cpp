// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a separated table (LOINC, ICD-10, lists of codes), and as a compiled table whose
// digest is taken as right: reading ends with records or concepts that answer every question, or
// with a reason.
#include <cstdint>
#include <cstdio>

#include "fhir/base/assert.hpp"
#include "fhir/terminology/table/separated.hpp"
#include "fhir/terminology/table/table_provider.hpp"

namespace {

using namespace gatehouse;
using namespace gatehouse::fhir;

void ask(const table::TableProvider& provider) {
    ConceptBudget budget{100'000};
    std::vector<ConceptNumber> parents;
    for (ConceptNumber number = 0; number < provider.concept_count() && number < 64; ++number) {
        const std::string code = provider.code(number);
        GH_ASSERT(provider.find(code) == number && provider.knows(code) == Verdict::yes);
        std::vector<ConceptProperty> properties;
        std::vector<ConceptDesignation> names;
        provider.properties(number, properties);
        provider.designations(number, names);
        parents.clear();
        provider.parents(number, parents);
        for (const ConceptNumber parent : parents) {
            GH_ASSERT(provider.is_a(number, parent) && !provider.is_a(parent, number));
        }
        (void)provider.filter({"concept", "is-a", code}, budget);
    }
    (void)provider.implicit_value_set("https://dmd.nhs.uk/ValueSet/VMP", budget);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (text.starts_with("GHTERM")) {
        const auto file = content::IndexFile::from_bytes(text, "fuzz", true);
        if (!file) {
            return 0;
        }
        const auto tables = table::TableProvider::open(*file);
        if (tables) {
            ask(*tables->front());
        }
        return 0;
    }
    if (size == 0) {
        return 0;
    }
    std::FILE* handle = ::fmemopen(const_cast<std::uint8_t*>(data), size, "rb");
    GH_ASSERT(handle != nullptr);
    auto reader = table::SeparatedReader::from_handle(handle, "fuzz");
    if (!reader) {
        GH_ASSERT(reader.error().detail.starts_with("fuzz:"));
        return 0;
    }
    GH_ASSERT(!reader->heading().empty());
    std::vector<std::string_view> fields;
    while (true) {
        const auto more = reader->next(fields);
        if (!more || !*more) {
            break;
        }
        GH_ASSERT(fields.size() == reader->heading().size());
    }
    return 0;
}
