// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a release file, its kind chosen by the first byte, and as an index file whose digest
// is taken as right: reading ends with rows, or with a reason.
#include <cstdint>
#include <cstdio>

#include "fhir/base/assert.hpp"
#include "fhir/terminology/snomed/rf2.hpp"
#include "fhir/terminology/snomed/snomed_provider.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    using namespace gatehouse::fhir;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (text.starts_with("GHTERM")) {
        auto file = content::IndexFile::from_bytes(text, "fuzz", true);
        if (!file) {
            return 0;
        }
        auto index = snomed::SnomedIndex::open(*file);
        if (!index) {
            return 0;
        }
        const snomed::SnomedProvider provider(std::move(*index));
        for (std::uint32_t number = 0; number < provider.concept_count() && number < 64; ++number) {
            std::vector<ConceptProperty> properties;
            std::vector<ConceptDesignation> names;
            provider.properties(number, properties);
            provider.designations(number, names);
            (void)provider.is_a(0, number);
        }
        return 0;
    }
    if (size < 2) {
        return 0;
    }
    std::FILE* handle = ::fmemopen(const_cast<std::uint8_t*>(data) + 1, size - 1, "rb");
    GH_ASSERT(handle != nullptr);
    auto reader =
        snomed::Rf2Reader::from_handle(handle, "fuzz", static_cast<snomed::Rf2Kind>(data[0] % 8));
    if (!reader) {
        GH_ASSERT(!reader.error().detail.empty());
        return 0;
    }
    snomed::Rf2Row row;
    while (true) {
        const auto more = reader->next(row);
        if (!more || !*more) {
            break;
        }
        GH_ASSERT(row.time > 100 && row.module != 0);
    }
    return 0;
}
