// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/changes.hpp"

#include <algorithm>

#include "fhir/outcome/outcome.hpp"
#include "fhir/patch/patch.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/definitions.hpp"
#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::IssueType;
using fhir::PatchFault;

PlanRefusal patch_refusal(const PatchFault& fault) {
    const std::string place = "Operation " + std::to_string(fault.operation) + ": ";
    switch (fault.kind) {
    case PatchFault::Kind::malformed:
        return {
            400,
            {request_issue(
                IssueType::invalid,
                "patch-form",
                "The patch is malformed. " + place + fault.text + ".",
                {},
                "BAD_REQUEST"
            )}};
    case PatchFault::Kind::unmet:
        return {
            422,
            {request_issue(
                IssueType::processing,
                "patch-apply",
                "The patch does not fit the resource as it is stored; nothing was changed. " +
                    place + fault.text + ".",
                {},
                "INVALID_RESOURCE"
            )}};
    case PatchFault::Kind::untrue:
        return {
            422,
            {request_issue(
                IssueType::business_rule,
                "patch-test",
                "A test of the patch does not hold; nothing was changed. " + place + fault.text +
                    ". Read the resource again.",
                {},
                "INVALID_RESOURCE"
            )}};
    case PatchFault::Kind::too_large: break;
    }
    return {
        422,
        {request_issue(
            IssueType::too_costly,
            "patch-size",
            "The patch is over a limit; nothing was changed. " + place + fault.text + ".",
            {},
            "INVALID_RESOURCE"
        )}};
}

class JsonPatchChange final : public Change {
public:
    explicit JsonPatchChange(fhir::JsonPatch patch) : patch_(std::move(patch)) {}
    std::optional<PlanRefusal>
    apply(std::string_view current, const fhir::Engine&, std::string& out) const override {
        if (auto fault = patch_.apply(current, out)) {
            return patch_refusal(*fault);
        }
        return std::nullopt;
    }

private:
    fhir::JsonPatch patch_;
};

// Keeps the patch as text: its tree lives in an arena that ends before the change is carried out.
class PathPatchChange final : public Change {
public:
    explicit PathPatchChange(std::string parameters) : parameters_(std::move(parameters)) {}
    std::optional<PlanRefusal>
    apply(std::string_view current, const fhir::Engine& engine, std::string& out) const override {
        Arena arena;
        const fhir::Decoded patch =
            engine.read(parameters_, fhir::Format::json, arena, own_text_limits());
        const fhir::Decoded resource =
            engine.read(current, fhir::Format::json, arena, own_text_limits());
        GH_ASSERT(patch.root != nullptr && resource.root != nullptr);
        if (auto fault =
                fhir::apply_path_patch(*patch.root, *resource.root, engine.types(), arena)) {
            return patch_refusal(*fault);
        }
        out = fhir::write_json(*resource.root, &engine.types());
        return std::nullopt;
    }

private:
    std::string parameters_;
};

struct Label {
    std::string element;  // "tag", "security", "profile"
    std::string system;
    std::string code;  // profile: the canonical
    std::string json;  // the element as JSON, for adding
};

bool same_label(const Label& label, const Element& element) {
    if (element.name != label.element) {
        return false;
    }
    return label.element == "profile" ? element.value == label.code
                                      : element.child_value("system") == label.system &&
                                            element.child_value("code") == label.code;
}

Element*
label_child(Element& parent, std::string_view name, const fhir::TypeModel& types, Arena& arena) {
    auto* child = arena.create<Element>();
    child->name = name;
    child->symbol = types.symbols().find(name);
    child->parent = &parent;
    child->in_array = true;
    Element* last = nullptr;
    Element** end = &parent.first_child;
    for (; *end != nullptr; end = &(*end)->next) {
        if ((*end)->name == name) {
            last = *end;
        }
    }
    if (last != nullptr) {
        child->next = last->next;
        last->next = child;
    } else {
        *end = child;
    }
    return child;
}

void text_child(
    Element& parent,
    std::string_view name,
    std::string_view value,
    const fhir::TypeModel& types,
    Arena& arena
) {
    if (value.empty()) {
        return;
    }
    Element* child = label_child(parent, name, types, arena);
    child->in_array = false;
    child->value = value;
    child->written = name == "userSelected" ? fhir::Written::boolean : fhir::Written::string;
}

Element& meta_of(Element& resource, const fhir::TypeModel& types, Arena& arena) {
    Element* meta = resource.child("meta");
    if (meta == nullptr) {
        meta = label_child(resource, "meta", types, arena);
        meta->in_array = false;
    }
    return *meta;
}

bool has_label(const Element& meta, const Element& label) {
    for (const Element& own : meta.children()) {
        if (own.name != label.name) {
            continue;
        }
        const bool same = label.name == "profile"
                              ? own.value == label.value
                              : own.child_value("system") == label.child_value("system") &&
                                    own.child_value("code") == label.child_value("code");
        if (same) {
            return true;
        }
    }
    return false;
}

bool is_label(const Element& element) {
    return element.name == "tag" || element.name == "security" || element.name == "profile";
}

// Copies a label of one tree to another meta; both trees live as long as `arena`.
void add_label(Element& meta, const Element& label, const fhir::TypeModel& types, Arena& arena) {
    if (has_label(meta, label)) {
        return;
    }
    Element* copy = label_child(meta, label.name, types, arena);
    if (label.name == "profile") {
        copy->value = label.value;
        copy->written = label.written;
        return;
    }
    for (const char* part : {"system", "version", "code", "display", "userSelected"}) {
        text_child(*copy, part, label.child_value(part), types, arena);
    }
}

class MetaChange final : public Change {
public:
    MetaChange(std::string meta, bool removes) : meta_(std::move(meta)), removes_(removes) {}
    std::optional<PlanRefusal>
    apply(std::string_view current, const fhir::Engine& engine, std::string& out) const override {
        Arena arena;
        const fhir::Decoded labels =
            engine.read(meta_, fhir::Format::json, arena, own_text_limits());
        const fhir::Decoded resource =
            engine.read(current, fhir::Format::json, arena, own_text_limits());
        GH_ASSERT(labels.root != nullptr && resource.root != nullptr);
        const Element* wanted = labels.root->child("meta");
        Element& meta = meta_of(*resource.root, engine.types(), arena);
        for (const Element& label : wanted->children()) {
            if (!is_label(label)) {
                continue;
            }
            if (!removes_) {
                add_label(meta, label, engine.types(), arena);
                continue;
            }
            const Label gone{
                std::string(label.name),
                std::string(label.child_value("system")),
                std::string(label.name == "profile" ? label.value : label.child_value("code")),
                {}};
            for (Element** link = &meta.first_child; *link != nullptr;) {
                if (same_label(gone, **link)) {
                    *link = (*link)->next;
                } else {
                    link = &(*link)->next;
                }
            }
        }
        fhir::annotate(*resource.root, engine.types());
        out = fhir::write_json(*resource.root, &engine.types());
        return std::nullopt;
    }

private:
    std::string meta_;  // a resource with this meta, since only resources are read
    bool removes_;
};

// Our own marks of an earlier judgement are not the sender's labels: each version gets its own.
void drop_own_marks(Element& resource) {
    Element* meta = resource.child("meta");
    if (meta == nullptr) {
        return;
    }
    for (Element** link = &meta->first_child; *link != nullptr;) {
        if ((*link)->name == "tag" && (*link)->child_value("system") == fhir::rule_system) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
}

NewVersion version_of(
    Element& resource,
    std::string_view id,
    std::span<const std::string> tags,
    const ChangeFacts& facts,
    Arena& arena
) {
    NewVersion out;
    const fhir::Engine& engine = *facts.rulebook.engine;
    out.type = resource.resource_type();
    out.id = id;
    out.json = split_body(
        resource,
        id,
        tags,
        "gatehouse-version-" + std::string(facts.message_id),
        engine.types(),
        arena
    );
    index_resource(out, resource, engine, facts.base, arena);
    return out;
}

struct PatientLookup {
    StoreReader& store;
    const fhir::Engine& engine;
};

std::string ask_other_patient(void* user, std::string_view nhs_number, std::string_view own_id) {
    auto& lookup = *static_cast<PatientLookup*>(user);
    return other_patient_with(lookup.store, lookup.engine, nhs_number, own_id);
}

}  // namespace

std::optional<PlanRefusal>
read_json_patch(std::string_view text, std::shared_ptr<const Change>& out) {
    fhir::JsonPatch patch;
    if (auto fault = fhir::JsonPatch::read(text, patch)) {
        return patch_refusal(*fault);
    }
    out = std::make_shared<JsonPatchChange>(std::move(patch));
    return std::nullopt;
}

std::optional<PlanRefusal> read_path_patch(
    Element& parameters, const fhir::Engine& engine, std::shared_ptr<const Change>& out
) {
    if (parameters.resource_type() != "Parameters") {
        return PlanRefusal{
            400,
            {request_issue(
                IssueType::invalid,
                "patch-form",
                "A patch in FHIR form is a Parameters resource with operations (FHIRPath Patch). "
                "To send the whole resource use PUT.",
                {},
                "BAD_REQUEST"
            )}};
    }
    if (auto fault = fhir::check_path_patch(parameters, engine.types())) {
        return patch_refusal(*fault);
    }
    out = std::make_shared<PathPatchChange>(fhir::write_json(parameters, &engine.types()));
    return std::nullopt;
}

std::optional<PlanRefusal> read_meta_change(
    const Element& parameters,
    bool removes,
    const fhir::Engine& engine,
    std::shared_ptr<const Change>& out
) {
    const Element* meta = nullptr;
    if (parameters.resource_type() == "Parameters") {
        for (const Element& parameter : parameters.children()) {
            if (parameter.name == "parameter" && parameter.child_value("name") == "meta") {
                meta = parameter.child("valueMeta");
            }
        }
    }
    if (meta == nullptr) {
        return PlanRefusal{
            400,
            {request_issue(
                IssueType::required,
                "meta-operation",
                "Send a Parameters resource with a parameter 'meta' (valueMeta) that holds the "
                "profiles, tags and security labels.",
                {},
                "INVALID_PARAMETER"
            )}};
    }
    std::string json = R"({"resourceType":"Basic","meta":)";
    fhir::write_json(*meta, &engine.types(), {}, json);
    json.push_back('}');
    out = std::make_shared<MetaChange>(std::move(json), removes);
    return std::nullopt;
}

std::optional<PlanRefusal> judge_changed(
    std::string_view type,
    std::string_view id,
    const std::string& json,
    const ChangeFacts& facts,
    StoreReader& store,
    ChangedResource& out
) {
    const fhir::Engine& engine = *facts.rulebook.engine;
    Arena arena;
    fhir::Decoded decoded = engine.read(json, fhir::Format::json, arena, own_text_limits());
    const auto refuse = [](int status, fhir::Issues issues) {
        for (fhir::Issue& issue : issues) {
            // Lines of the patched text are nobody's; its elements have names.
            issue.line = issue.column = 0;
            if (issue.spine_code.empty()) {
                issue.spine_code = "INVALID_RESOURCE";
            }
        }
        return PlanRefusal{status, std::move(issues)};
    };
    if (decoded.root == nullptr || fhir::has_errors(decoded.issues)) {
        decoded.issues.insert(
            decoded.issues.begin(),
            request_issue(
                IssueType::invalid,
                "patch-outcome",
                "What the patch makes of the resource is not FHIR; nothing was changed."
            )
        );
        return refuse(422, std::move(decoded.issues));
    }
    Element& root = *decoded.root;
    if (root.resource_type() != type || root.child_value("id") != id) {
        return refuse(
            422,
            {request_issue(
                IssueType::business_rule,
                "patch-identity",
                "A patch may not change the type or the id of a resource.",
                std::string(type) + ".id"
            )}
        );
    }
    drop_own_marks(root);
    // The caller's own rights were decided before the promise; here the content is.
    RestCall call;
    call.interaction = Interaction::update;
    call.type = type;
    call.id = id;
    PatientLookup lookup{store, engine};
    GuardFacts guard;
    guard.call = &call;
    guard.organisation = facts.organisation;
    guard.root = &root;
    guard.source = json;
    guard.body_bytes = json.size();
    guard.now = facts.now;
    guard.other_patient = &ask_other_patient;
    guard.user = &lookup;
    Decision decision;
    facts.rulebook.policy->decide(guard, decision);
    fhir::Issues denied;
    int status = 0;
    for (const RuleResult& result : decision.results) {
        if (result.effect == Effect::deny) {
            status = denied.empty() ? result.status : status;
            denied.push_back(result.issue);
        }
    }
    if (status != 0) {
        out.results = std::move(decision.results);
        return refuse(status, std::move(denied));
    }
    fhir::ValidateOptions options;
    const std::string instant = to_instant(facts.now);
    options.now = instant;
    DefinitionRules::Facts asked;
    asked.partner = facts.partner;
    asked.organisation = facts.organisation;
    asked.now = facts.now;
    const ChosenDefinitions chosen = choose_definitions(facts.rulebook, std::move(asked), &root);
    const fhir::Element* judged = &root;
    if (!chosen.own) {
        fhir::Element* again =
            chosen.engine->read(json, fhir::Format::json, arena, own_text_limits()).root;
        drop_own_marks(*again);
        judged = again;
    }
    fhir::Validation found =
        chosen.engine->validator().validate(*judged, json, {}, chosen.chooser, options, arena);
    count_unchecked(*chosen.engine, found.unchecked);
    fhir::Issues issues = std::move(decoded.issues);
    issues.insert(
        issues.end(),
        std::make_move_iterator(found.issues.begin()),
        std::make_move_iterator(found.issues.end())
    );
    guard.findings = &issues;
    facts.rulebook.policy->decide_findings(guard, decision);
    out.results = decision.results;
    std::vector<std::string> tags;
    for (const RuleResult& result : decision.results) {
        if (result.effect == Effect::deny) {
            return refuse(422, std::move(issues));
        }
        if (result.effect == Effect::permit_with_findings) {
            tags.push_back(std::string(fhir::rule_system) + "|" + result.rule);
            if (result.rule != "G01") {
                out.shown.push_back(result.issue);
            }
        }
    }
    for (fhir::Issue issue : issues) {
        if (issue.severity == fhir::Severity::error || issue.severity == fhir::Severity::fatal) {
            issue.severity = fhir::Severity::warning;
            out.shown.push_back(std::move(issue));
        }
    }
    if (tags.empty()) {
        out.shown.clear();
    }
    out.resource = version_of(root, id, tags, facts, arena);
    return std::nullopt;
}

NewVersion relabelled(
    std::string_view type, std::string_view id, const std::string& json, const ChangeFacts& facts
) {
    Arena arena;
    const fhir::Decoded decoded =
        facts.rulebook.engine->read(json, fhir::Format::json, arena, own_text_limits());
    GH_ASSERT(decoded.root != nullptr && decoded.root->resource_type() == type);
    return version_of(*decoded.root, id, {}, facts, arena);
}

bool carry_labels(std::string_view current, NewVersion& next, const ChangeFacts& facts) {
    // Bodies begin with type, id and meta, as split_body() writes them; a version without labels in
    // its meta is told by its text alone, so most updates pay nothing.
    const auto meta_at = current.find("\"meta\":{");
    const auto known = [&](std::string_view name) {
        return current.find(name, meta_at) != std::string_view::npos;
    };
    if (meta_at == std::string_view::npos || (!known("\"tag\":[") && !known("\"security\":["))) {
        return false;
    }
    const fhir::Engine& engine = *facts.rulebook.engine;
    Arena arena;
    const std::string text = next.json.head + "\"versionId\":\"0\"" + next.json.tail;
    const fhir::Decoded before = engine.read(current, fhir::Format::json, arena, own_text_limits());
    const fhir::Decoded after = engine.read(text, fhir::Format::json, arena, own_text_limits());
    GH_ASSERT(before.root != nullptr && after.root != nullptr);
    const Element* old_meta = before.root->child("meta");
    Element& meta = meta_of(*after.root, engine.types(), arena);
    bool carried = false;
    for (const Element& label : old_meta->children()) {
        const bool is_ours =
            label.name == "tag" && label.child_value("system") == fhir::rule_system;
        if ((label.name == "tag" || label.name == "security") && !is_ours &&
            !has_label(meta, label)) {
            add_label(meta, label, engine.types(), arena);
            carried = true;
        }
    }
    if (!carried) {
        return false;
    }
    NewVersion fresh = version_of(*after.root, next.id, {}, facts, arena);
    fresh.last_updated = next.last_updated;
    fresh.message_id = std::move(next.message_id);
    fresh.source = std::move(next.source);
    next = std::move(fresh);
    return true;
}

std::string other_patient_with(
    StoreReader& store,
    const fhir::Engine& engine,
    std::string_view nhs_number,
    std::string_view own_id
) {
    const fhir::SearchParameters* search = engine.search();
    const fhir::SearchParameter* identifier =
        search == nullptr ? nullptr : search->find("Patient", "identifier");
    if (identifier == nullptr) {
        return {};
    }
    SearchValue value;
    value.has_system = true;
    value.system = "https://fhir.nhs.uk/Id/nhs-number";
    value.value = nhs_number;
    SearchClause clause;
    clause.parameter = identifier;
    clause.any_of.push_back(std::move(value));
    SearchQuery query;
    query.type = "Patient";
    query.all_of.push_back(std::move(clause));
    query.want_total = false;
    const auto found = store.match(query, 2);
    if (!found) {
        return {};  // an observation that cannot be made now; the store's own fault shows elsewhere
    }
    const auto other = std::find_if(found->begin(), found->end(), [&](const std::string& id) {
        return id != own_id;
    });
    return other == found->end() ? std::string() : *other;
}

}  // namespace gatehouse::gateway
