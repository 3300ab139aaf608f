#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Changes that depend on what is stored: JSON Patch, FHIRPath Patch, $meta-add and $meta-delete,
// and the labels that an update carries forward. They are read and checked for form before the
// promise and carried out inside the single writer's transaction, so that none is lost to another
// writer. What a patch makes of a resource is judged there by the same rules as anything sent
// whole.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/plan_refusal.hpp"
#include "gateway/pipeline/envelope.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

class Change {
public:
    virtual ~Change() = default;
    // `current` is the stored JSON. 400 for what is no change at all, 422 for one that does not
    // fit.
    virtual std::optional<PlanRefusal>
    apply(std::string_view current, const fhir::Engine& engine, std::string& out) const = 0;
};

// From a JSON Patch document.
std::optional<PlanRefusal>
read_json_patch(std::string_view text, std::shared_ptr<const Change>& out);
// From a Parameters resource: FHIRPath Patch, or the `meta` of $meta-add and $meta-delete.
std::optional<PlanRefusal> read_path_patch(
    fhir::Element& parameters, const fhir::Engine& engine, std::shared_ptr<const Change>& out
);
std::optional<PlanRefusal> read_meta_change(
    const fhir::Element& parameters,
    bool removes,
    const fhir::Engine& engine,
    std::shared_ptr<const Change>& out
);

// What judging a changed resource needs of its message.
struct ChangeFacts {
    const Rulebook& rulebook;
    std::string_view partner;
    std::string_view organisation;
    std::string_view message_id;
    std::string_view base;
    Micros now = 0;
};

struct ChangedResource {
    NewVersion resource;              // type, id, body, index, patient
    fhir::Issues shown;               // what the sender is told beside the acceptance
    std::vector<RuleResult> results;  // what the rules said, for the audit
};

// Judges `json`, the outcome of a patch of type/id, by standard and rules, and makes a version of
// it. 422 (or what the rule says) when it may not stand.
std::optional<PlanRefusal> judge_changed(
    std::string_view type,
    std::string_view id,
    const std::string& json,
    const ChangeFacts& facts,
    StoreReader& store,
    ChangedResource& out
);

// A version from JSON that needs no judgement: only its labels changed.
NewVersion relabelled(
    std::string_view type, std::string_view id, const std::string& json, const ChangeFacts& facts
);

// Tags and security labels of `current` that `next` lacks are carried forward: an update that does
// not mention a label does not take it away (that is $meta-delete's). Nothing is done, and false
// comes back, when there are none.
bool carry_labels(std::string_view current, NewVersion& next, const ChangeFacts& facts);

// Another current Patient with this NHS number, or empty.
std::string other_patient_with(
    StoreReader& store,
    const fhir::Engine& engine,
    std::string_view nhs_number,
    std::string_view own_id
);

}  // namespace gatehouse::gateway
