// SPDX-License-Identifier: Apache-2.0
//
// Filters of a ValueSet: which operators and values a property takes. Common properties follow R4's
// table of defined concept properties (CodeSystem §4.8.10) and R4's "using X with FHIR" pages of
// SNOMED CT, LOINC, UCUM, RxNorm and CPT; others come from the code system's own definition.
#include <algorithm>
#include <array>

#include <re2/re2.h>

#include "fhir/validate/definitions/definitions.hpp"
#include "fhir/validate/lexical.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view snomed = "http://snomed.info/sct";
constexpr std::string_view loinc = "http://loinc.org";

enum class ValueForm : std::uint8_t {
    anything,
    boolean,
    code,
    coding,
    date,
    decimal,
    integer,
    ecl
};
enum class Existence : std::uint8_t { unasked, wanted, demanded };

struct PropertyRules {
    bool known = false;
    bool judged = false;  // something is said about values and operators
    ValueForm form = ValueForm::anything;
    Existence existence = Existence::unasked;  // of a code in the system
    std::string_view operators;                // comma-joined; empty: any
};

bool listed(std::string_view list, std::string_view wanted) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (list.substr(0, comma) == wanted) {
            return true;
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return false;
}

constexpr std::string_view concept_operators =
    "=,in,is-a,descendent-of,is-not-a,generalizes,not-in";
constexpr std::string_view code_operators =
    "regex,=,in,is-a,descendent-of,is-not-a,generalizes,not-in";

// What every code system understands.
PropertyRules common_rules(std::string_view property) {
    struct Row {
        std::string_view name;
        ValueForm form;
        Existence existence;
        std::string_view operators;
        bool judged;
    };
    static constexpr std::array<Row, 11> rows{
        {{"concept", ValueForm::code, Existence::demanded, concept_operators, true},
         {"code", ValueForm::code, Existence::demanded, code_operators, true},
         {"status", ValueForm::code, Existence::unasked, "", true},
         {"inactive", ValueForm::boolean, Existence::unasked, "", true},
         {"effectiveDate", ValueForm::date, Existence::unasked, "", true},
         {"deprecationDate", ValueForm::date, Existence::unasked, "", true},
         {"retirementDate", ValueForm::date, Existence::unasked, "", true},
         {"notSelectable", ValueForm::boolean, Existence::unasked, "", true},
         {"synonym", ValueForm::code, Existence::unasked, "", true},
         {"comment", ValueForm::anything, Existence::unasked, "", false},
         {"itemWeight", ValueForm::decimal, Existence::unasked, "", true}}};
    for (const Row& row : rows) {
        if (row.name == property) {
            return {true, row.judged, row.form, row.existence, row.operators};
        }
    }
    return {};
}

PropertyRules snomed_rules(std::string_view property) {
    if (property == "constraint") {
        return {true, true, ValueForm::ecl, Existence::unasked, "="};
    }
    if (property == "expressions" || property == "inactive") {
        return {true, true, ValueForm::boolean, Existence::unasked, "=,in"};
    }
    if (property == "concept") {
        return {
            true,
            true,
            ValueForm::code,
            Existence::demanded,
            "is-a,is-not-a,in,not-in,=,descendent-of,generalizes,child-of,descendent-leaf"};
    }
    // Attributes are concepts themselves.
    return {is_concept_id(property), true, ValueForm::code, Existence::demanded, "=,in"};
}

PropertyRules loinc_rules(std::string_view property) {
    static constexpr std::string_view by_code =
        "ancestor,descendent,parent,child,COMPONENT,PROPERTY,TIME_ASPCT,SYSTEM,SCALE_TYP,METHOD_"
        "TYP,"
        "CLASS,answer-list,MAP_TO,analyte,analyte-core,analyte-suffix,analyte-numerator,"
        "analyte-divisor,analyte-divisor-suffix,challenge,adjustment,count,time-core,time-modifier,"
        "system-core,super-system,analyte-gene,category,search,document-kind,document-role,"
        "document-setting,document-subject-matter-domain,document-type-of-service,answers-for,"
        "answer";
    static constexpr std::string_view by_text =
        "VersionLastChanged,CHNG_TYPE,DefinitionDescription,STATUS,CLASSTYPE,FORMULA,EXMPL_ANSWERS,"
        "SURVEY_QUEST_TEXT,SURVEY_QUEST_SRC,UNITSREQUIRED,ORDER_OBS,HL7_FIELD_SUBFIELD_ID,"
        "EXTERNAL_COPYRIGHT_NOTICE,EXAMPLE_UNITS,EXAMPLE_UCUM_UNITS,STATUS_REASON,STATUS_TEXT,"
        "CHANGE_REASON_PUBLIC,COMMON_TEST_RANK,COMMON_ORDER_RANK,HL7_ATTACHMENT_STRUCTURE,"
        "EXTERNAL_COPYRIGHT_LINK,PanelType,AskAtOrderEntry,AssociatedObservations,"
        "VersionFirstReleased,ValidHL7AttachmentRequest";
    // LOINC's codes are not told from its parts and texts here, so values are not looked up.
    if (listed(by_code, property) || property.starts_with("rad-")) {
        return {true, true, ValueForm::code, Existence::unasked, "=,exists,regex,in,not-in"};
    }
    if (listed(by_text, property)) {
        return {true, true, ValueForm::anything, Existence::unasked, "=,exists,regex,in,not-in"};
    }
    if (property == "concept" || property == "code") {
        return {true, true, ValueForm::code, Existence::unasked, code_operators};
    }
    return {property == "copyright", false, ValueForm::anything, Existence::unasked, ""};
}

// Properties and filters that a code system declares itself.
PropertyRules
declared_rules(const Element& code_system, std::string_view property, std::string& operators) {
    PropertyRules out = common_rules(property);
    if ((property == "parent" || property == "child" || property == "partOf") &&
        code_system.child("hierarchyMeaning") != nullptr) {
        out = {true, true, ValueForm::code, Existence::demanded, ""};
    }
    for (const Element& filter : children(code_system, "filter")) {
        if (filter.child_value("code") != property) {
            continue;
        }
        out.known = true;
        for (const Element& op : children(filter, "operator")) {
            operators += operators.empty() ? "" : ",";
            operators += op.value;
        }
    }
    for (const Element& declared : children(code_system, "property")) {
        if (declared.child_value("code") != property) {
            continue;
        }
        const std::string_view type = declared.child_value("type");
        out.known = true;
        out.judged = type != "string";
        out.existence = type == "code" ? Existence::wanted : Existence::unasked;
        out.form = type == "boolean"    ? ValueForm::boolean
                   : type == "code"     ? ValueForm::code
                   : type == "Coding"   ? ValueForm::coding
                   : type == "dateTime" ? ValueForm::date
                   : type == "decimal"  ? ValueForm::decimal
                   : type == "integer"  ? ValueForm::integer
                                        : ValueForm::anything;
        out.operators = operators;
        return out;
    }
    if (!operators.empty() && out.operators.empty()) {
        out.operators = operators;
    }
    return out;
}

std::string_view without_prefix(std::string_view value) noexcept {
    constexpr std::array<std::string_view, 9> prefixes{
        "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"};
    return value.size() > 2 &&
                   std::find(prefixes.begin(), prefixes.end(), value.substr(0, 2)) != prefixes.end()
               ? value.substr(2)
               : value;
}

class FilterCheck {
public:
    FilterCheck(
        const Desk& desk, const Element& filter, std::string_view system, std::string_view version
    )
        : desk_(desk), filter_(filter), system_(system), version_(version),
          property_(filter.child_value("property")) {}

    void value(std::string_view value, const PropertyRules& rules) const {
        switch (rules.form) {
        case ValueForm::anything: return;
        case ValueForm::boolean: return form(value == "true" || value == "false", "true or false");
        case ValueForm::integer:
            return form(lexical::is_integer(without_prefix(value)), "an integer");
        case ValueForm::decimal:
            return form(lexical::is_decimal(without_prefix(value)), "a decimal");
        case ValueForm::date:
            return form(lexical::read_date(without_prefix(value)).valid, "a date or time");
        case ValueForm::ecl: return form(is_ecl(value), "a SNOMED CT expression constraint");
        case ValueForm::coding: return coding(value);
        case ValueForm::code: return code(value, rules.existence);
        }
    }

private:
    void form(bool good, const char* wanted) const {
        if (!good) {
            desk_.report(rules::filter_value, filter_, [&] {
                return join("The value of a filter on ", property_, " must be ", wanted, ".");
            });
        }
    }
    void coding(std::string_view value) const {
        std::string_view system;
        std::string_view code;
        if (!split_coding(value, system, code)) {
            form(false, "of the form system#code or system|version#code");
            return;
        }
        exists(system, code, Severity::error);
    }
    void code(std::string_view value, Existence existence) const {
        form(
            !value.empty() && !is_space(value.front()) && !is_space(value.back()),
            "a code without white space around it"
        );
        if (existence != Existence::unasked) {
            exists(
                system_,
                value,
                existence == Existence::demanded ? Severity::error : Severity::warning
            );
        }
    }
    void exists(std::string_view system, std::string_view code, Severity severity) const {
        Verdict known =
            desk_.terminology()
                .facts({system, system == system_ ? version_ : std::string_view{}, code, {}})
                .known;
        if (known == Verdict::not_checkable && system == snomed && !is_concept_id(code)) {
            known = Verdict::no;
        }
        if (known == Verdict::not_checkable) {
            desk_.leave_undecided();
        } else if (known == Verdict::no) {
            desk_.report_as(rules::filter_code, severity, filter_, [&] {
                return join(
                    "The value of a filter on ",
                    property_,
                    " must be a code of ",
                    system,
                    ", and",
                    desk_.shown(code),
                    " is not."
                );
            });
        }
    }

    const Desk& desk_;
    const Element& filter_;
    std::string_view system_;
    std::string_view version_;
    std::string_view property_;
};

}  // namespace

bool split_coding(
    std::string_view text, std::string_view& system, std::string_view& code
) noexcept {
    std::size_t cut = text.rfind('#');
    if (cut == std::string_view::npos) {
        cut = text.rfind('|');  // the older system|code
    }
    if (cut == std::string_view::npos || cut == 0 || cut + 1 == text.size()) {
        return false;
    }
    system = without_version(text.substr(0, cut));
    code = text.substr(cut + 1);
    return is_absolute_url(system);
}

void check_filter(
    const Desk& desk,
    const Element& filter,
    std::string_view system,
    std::string_view version,
    const Element* code_system
) {
    const std::string_view property = filter.child_value("property");
    const std::string_view op = filter.child_value("op");
    const Element* value = filter.child("value");
    if (property.empty() || op.empty()) {
        return;  // cardinality says so
    }
    std::string operators;
    const PropertyRules rules = system == snomed  ? snomed_rules(property)
                                : system == loinc ? loinc_rules(property)
                                : code_system != nullptr
                                    ? declared_rules(*code_system, property, operators)
                                    : common_rules(property);
    if (!rules.known) {
        desk.report_as(
            rules::filter_property,
            code_system == nullptr ? Severity::information : Severity::warning,
            filter,
            [&] {
                return join(
                    "The code system ",
                    system,
                    " does not say that it has the property or filter ",
                    property,
                    "."
                );
            }
        );
        return;
    }
    if (!rules.operators.empty() && !listed(rules.operators, op)) {
        desk.report(rules::filter_operator, filter, [&] {
            return join(
                "The operator ",
                op,
                " does not apply to ",
                property,
                " of ",
                system,
                "; allowed: ",
                rules.operators,
                "."
            );
        });
    }
    if (value == nullptr || !value->has_value() || !rules.judged) {
        return;
    }
    const FilterCheck check(desk, filter, system, version);
    if (op == "exists") {
        check.value(value->value, {true, true, ValueForm::boolean, Existence::unasked, {}});
    } else if (op == "regex" && desk.spend(64 + value->value.size())) {
        re2::RE2::Options quiet;
        quiet.set_log_errors(false);
        const re2::RE2 pattern(re2::StringPiece(value->value.data(), value->value.size()), quiet);
        // What RE2 leaves out on purpose (look-around, back references) is no mistake of the
        // filter.
        const bool broken = pattern.error_code() == re2::RE2::ErrorMissingParen ||
                            pattern.error_code() == re2::RE2::ErrorMissingBracket ||
                            pattern.error_code() == re2::RE2::ErrorRepeatArgument ||
                            pattern.error_code() == re2::RE2::ErrorBadCharRange ||
                            pattern.error_code() == re2::RE2::ErrorTrailingBackslash;
        if (broken || property == "concept") {
            desk.report(rules::filter_regex, filter, [&] {
                return property == "concept"
                           ? std::string("A regex applies to the property code, not to concept.")
                           : join(
                                 "The value of a regex filter on ",
                                 property,
                                 " is not a regular expression: its brackets or repetitions do not "
                                 "fit."
                             );
            });
        }
    } else if (op == "in" || op == "not-in") {
        std::string_view rest = value->value;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            check.value(rest.substr(0, comma), rules);
            rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        }
    } else {
        check.value(value->value, rules);
    }
}

}  // namespace gatehouse::fhir::judge::definitions
