// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/records.hpp"

namespace gatehouse::search_reference {

using fhir::Element;

namespace {

const Element& outermost(const Element& element) {
    const Element* at = &element;
    while (at->parent != nullptr) {
        at = at->parent;
    }
    return *at;
}

}  // namespace

std::string Records::add(std::string text, std::int64_t last_updated) {
    Record& record = records_.emplace_back();
    record.text = std::move(text);
    record.last_updated = last_updated;
    const fhir::Decoded decoded = engine_.read(record.text, fhir::Format::json, arena_);
    if (decoded.root == nullptr || fhir::has_errors(decoded.issues)) {
        const std::string why = (decoded.issues.empty() ? "" : decoded.issues.front().diagnostics) +
                                " in " + record.text;
        records_.pop_back();
        return why;
    }
    record.root = decoded.root;
    record.type = decoded.root->resource_type();
    record.id = decoded.root->child_value("id");
    by_type_[record.type].push_back(&record);
    by_id_[{record.type, record.id}] = &record;
    return {};
}

const std::vector<const Record*>& Records::of_type(std::string_view type) const {
    static const std::vector<const Record*> none;
    const auto found = by_type_.find(type);
    return found == by_type_.end() ? none : found->second;
}

const Record* Records::find(std::string_view type, std::string_view id) const {
    const auto found = by_id_.find(std::pair{std::string(type), std::string(id)});
    return found == by_id_.end() ? nullptr : found->second;
}

const std::vector<Found>&
Records::values(const Element& resource, const Parameter& parameter) const {
    const auto [at, fresh] = found_.try_emplace({&resource, &parameter});
    if (fresh) {
        at->second = evaluate(parameter.operands, resource, resource);
    }
    return at->second;
}

std::vector<Found> Records::evaluate(
    const std::vector<Operand>& operands, const Element& focus, const Element& resource
) const {
    std::vector<Found> found;
    for (const Operand& operand : operands) {
        fhir::path::Environment environment;
        environment.types = &engine_.types();
        environment.resource = &resource;
        environment.root_resource = &outermost(resource);
        const fhir::path::Outcome outcome =
            fhir::path::evaluate(operand.expression, &focus, environment, arena_);
        for (const fhir::path::Item& item : outcome.items) {
            if (item.kind != fhir::path::ItemKind::element) {
                found.push_back({nullptr, fhir::path::to_text(item)});
                continue;
            }
            if (!operand.target.empty()) {
                // A reference by identifier alone that names no type may be of any (READINGS 4).
                const std::string named = named_type(*item.element);
                const bool may_be = named.empty() && item.element->child("reference") == nullptr &&
                                    item.element->child("identifier") != nullptr;
                if (named != operand.target && !may_be) {
                    continue;
                }
            }
            found.push_back({item.element, {}});
        }
    }
    return found;
}

std::string_view Records::type_name(const Element& element) const {
    return element.is_resource                  ? element.resource_type()
           : element.type == fhir::unknown_type ? std::string_view("unknown")
                                                : engine_.types().type(element.type).name;
}

bool Records::is_a(const Element& element, std::string_view type) const {
    return element.type != fhir::unknown_type &&
           engine_.types().is_a(element.type, engine_.types().find(type));
}

std::string named_type(const Element& reference) {
    const std::string text(reference.child_value("reference"));
    if (text.starts_with("#")) {
        for (const Element& child : outermost(reference).children()) {
            if (child.name == "contained" && child.child_value("id") == text.substr(1)) {
                return std::string(child.resource_type());
            }
        }
        return std::string(reference.child_value("type"));
    }
    // [base/]Type/id[/_history/version]
    std::string path = text.substr(0, text.find("/_history/"));
    if (const auto slash = path.rfind('/');
        slash != std::string::npos && !text.starts_with("urn:")) {
        path.resize(slash);
        const std::string type = path.substr(path.rfind('/') + 1);
        if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z') {
            return type;
        }
    }
    return std::string(reference.child_value("type"));
}

}  // namespace gatehouse::search_reference
