#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Why a write, or one entry of a Bundle, cannot be done: the answer's status and what it says.

#include "fhir/outcome/issue.hpp"

namespace gatehouse::gateway {

struct PlanRefusal {
    int status = 400;
    fhir::Issues issues;
};

}  // namespace gatehouse::gateway
