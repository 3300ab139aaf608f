// SPDX-License-Identifier: Apache-2.0
//
// What a profile may ask of the marks in a Narrative: that each part says where it comes from
// (extension narrative-source-control: class boilerplate, generated or original), and that there
// are sections by language or none (narrative-language-control).

#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"
#include "fhir/validate/xhtml.hpp"

namespace gatehouse::fhir::judge {
namespace {

bool names_source(std::string_view names) noexcept {
    return has_part(names, "boilerplate") || has_part(names, "generated") ||
           has_part(names, "original");
}

bool blank(std::string_view text) noexcept {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

void Walker::check_narrative_control(const Element& narrative, const PlanRule& rule) {
    const Element* div = narrative.child("div");
    if (div == nullptr) {
        return;
    }
    const std::string_view source_control = rule.rule->narrative_source;
    const std::string_view language_control = rule.rule->narrative_language;
    std::size_t depth = 0;
    std::size_t sourced_at = 0;  // depth of the outermost element that names its source; 0: none
    bool languages = false;
    bool wanted_language = false;
    const auto on_tag = [&](const xhtml::Tag& tag) {
        if (tag.closing) {
            sourced_at = sourced_at == depth ? 0 : sourced_at;
            depth -= depth > 0 ? 1U : 0U;
            return;
        }
        const std::string_view language = xhtml::attribute(tag.attributes, "lang");
        if (depth > 0 && tag.name == "div" && !language.empty()) {
            languages = true;
            wanted_language = wanted_language || language == language_control;
        }
        if (tag.empty) {
            return;
        }
        ++depth;
        if (sourced_at == 0 && names_source(xhtml::attribute(tag.attributes, "class"))) {
            sourced_at = depth;
        }
    };
    std::size_t unsourced = 0;
    const auto on_text = [&](std::string_view text) {
        if (source_control.empty() || sourced_at != 0 || blank(text)) {
            return;
        }
        report(
            rules::narrative_source,
            narrative,
            [&] {
                return join(
                    join("Part ", std::to_string(++unsourced)),
                    " of the narrative's parts without a source does not say where it comes from, "
                    "and profile ",
                    rule.plan->canonical,
                    " asks for it. Put it into an element with class boilerplate, generated or "
                    "original."
                );
            },
            rule.plan
        );
    };
    xhtml::scan(div->value, on_tag, on_text);
    if (language_control.empty()) {
        return;
    }
    const bool none = language_control == "_no";
    const bool any = language_control == "_yes";
    if (none ? languages : any ? !languages : !wanted_language) {
        report(
            rules::narrative_languages,
            narrative,
            [&] {
                return join(
                    "Profile ",
                    rule.plan->canonical,
                    none  ? " allows no sections by language in the narrative, and there are some."
                    : any ? " asks for sections by language in the narrative (div with lang and "
                            "xml:lang), and there are none."
                          : join(" asks for a section in the language ", language_control, ".")
                );
            },
            rule.plan
        );
    }
}

}  // namespace gatehouse::fhir::judge
