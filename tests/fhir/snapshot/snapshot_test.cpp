// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/snapshot.hpp"

#include <gtest/gtest.h>

namespace gatehouse::fhir {
namespace {

TEST(Snapshot, refuses_what_is_not_a_structure_definition) {
    Definitions definitions;
    Arena arena;
    Element patient;
    patient.is_resource = true;
    patient.value = "Patient";
    const auto made = generate_snapshot(patient, definitions, arena);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::invalid);
}

}  // namespace
}  // namespace gatehouse::fhir
