// SPDX-License-Identifier: Apache-2.0
//
// CodeSystem.property (R4 §4.8.10): what is declared agrees with FHIR's own property of that URI,
// and what concepts carry agrees with what is declared.
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view common = "http://hl7.org/fhir/concept-properties#";

struct KnownProperty {
    std::string_view code;
    std::string_view type;
    bool names_code = false;  // its value is a code of the same system
};
constexpr std::array<KnownProperty, 12> known_properties{
    {{"status", "code"},
     {"inactive", "boolean"},
     {"effectiveDate", "dateTime"},
     {"deprecationDate", "dateTime"},
     {"retirementDate", "dateTime"},
     {"notSelectable", "boolean"},
     {"parent", "code", true},
     {"child", "code", true},
     {"partOf", "code", true},
     {"synonym", "code", true},
     {"comment", "string"},
     {"itemWeight", "decimal"}}};

const KnownProperty* known(std::string_view code) noexcept {
    for (const KnownProperty& property : known_properties) {
        if (property.code == code) {
            return &property;
        }
    }
    return nullptr;
}

struct Declared {
    std::string_view type;
    bool names_code = false;
};

class PropertyCheck {
public:
    PropertyCheck(const Desk& desk, const Element& code_system)
        : desk_(desk), base_(code_system.child_value("supplements")),
          url_(code_system.child_value("url")) {
        collect(code_system);
    }
    void declare(const Element& property);
    void concepts(const Element& parent);

private:
    void collect(const Element& parent) {
        for (const Element& code : children(parent, "concept")) {
            if (!desk_.spend()) {
                return;
            }
            codes_.insert(code.child_value("code"));
            collect(code);
        }
    }
    void value(const Element& property);

    const Desk& desk_;
    std::string_view base_;
    std::string_view url_;
    std::unordered_set<std::string_view> codes_;
    std::unordered_set<std::string_view> uris_;
    std::unordered_map<std::string_view, Declared> declared_;
};

void PropertyCheck::declare(const Element& property) {
    const std::string_view uri = property.child_value("uri");
    const std::string_view code = property.child_value("code");
    const std::string_view type = property.child_value("type");
    const KnownProperty* by_uri = nullptr;
    if (!uri.empty() && !is_absolute_url(uri)) {
        desk_.report(rules::property_uri, property, [&] {
            return join("The URI", desk_.shown(uri), " of a property must be absolute.");
        });
    } else if (!uri.empty()) {
        if (!uris_.insert(uri).second) {
            desk_.report(rules::property_uri_twice, property, [&] {
                return join("Another property has the URI ", uri, ".");
            });
        }
        by_uri = uri.starts_with(common) ? known(uri.substr(common.size())) : nullptr;
    }
    const KnownProperty* by_code = known(code);
    if (!code.empty() && declared_.contains(code)) {
        desk_.report(rules::property_code_twice, property, [&] {
            return join("Another property has the code ", code, ".");
        });
    } else {
        declared_.emplace(code, Declared{type, by_uri != nullptr && by_uri->names_code});
    }
    if (by_uri != nullptr) {
        if (by_code != nullptr && by_code != by_uri) {
            desk_.report(rules::property_code, property, [&] {
                return join(
                    "The property ",
                    uri,
                    " has the code ",
                    by_uri->code,
                    ", and ",
                    code,
                    " is the code of another."
                );
            });
        }
        if (!type.empty() && type != by_uri->type) {
            desk_.report(rules::property_type, property, [&] {
                return join(
                    "The property ", uri, " is of type ", by_uri->type, ", not ", type, "."
                );
            });
        }
    } else if (uri.empty() && by_code != nullptr && !type.empty() && type != by_code->type) {
        desk_.report_as(rules::property_type, Severity::warning, property, [&] {
            return join(
                "The property ", code, " is usually of type ", by_code->type, ", not ", type, "."
            );
        });
    }
}

void PropertyCheck::value(const Element& property) {
    const std::string_view code = property.child_value("code");
    if (code.empty()) {
        return;
    }
    const auto found = declared_.find(code);
    if (found == declared_.end()) {
        desk_.report(rules::property_undeclared, property, [&] {
            return join("The property ", code, " is not declared in CodeSystem.property.");
        });
    }
    const Element* value = choice_child(property, "value");
    if (value == nullptr) {
        desk_.report(rules::property_no_value, property, [&] {
            return join("The property ", code, " has no value.");
        });
        return;
    }
    if (found == declared_.end() || found->second.type.empty()) {
        return;
    }
    const std::string_view written = choice_type(*value, "value");
    const std::string_view type = found->second.type;
    const bool same = written.size() == type.size() &&
                      (written.front() | 0x20) == (type.front() | 0x20) &&
                      written.substr(1) == type.substr(1);
    if (!same) {
        desk_.report(rules::property_value_type, property, [&] {
            return join(
                "The property ",
                code,
                " is declared as ",
                type,
                ", and its value is ",
                value->name,
                "."
            );
        });
        return;
    }
    if (type == "code" && !codes_.contains(value->value)) {
        if (!base_.empty() &&
            desk_.terminology().facts({without_version(base_), {}, value->value, {}}).known !=
                Verdict::no) {
            return;
        }
        desk_.report_as(
            rules::property_value_code,
            found->second.names_code ? Severity::error : Severity::warning,
            property,
            [&] {
                return join(
                    "The property ",
                    code,
                    " names the code",
                    desk_.shown(value->value),
                    ", which this code system does not define."
                );
            }
        );
    }
}

void PropertyCheck::concepts(const Element& parent) {
    for (const Element& code : children(parent, "concept")) {
        if (!desk_.spend()) {
            return;
        }
        for (const Element& property : children(code, "property")) {
            value(property);
        }
        concepts(code);
    }
}

}  // namespace

void check_properties(const Desk& desk, const Element& code_system) {
    PropertyCheck check(desk, code_system);
    for (const Element& property : children(code_system, "property")) {
        check.declare(property);
    }
    check.concepts(code_system);
}

}  // namespace gatehouse::fhir::judge::definitions
