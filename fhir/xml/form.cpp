// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::size_t form_findings_max = 200;

class FormCheck {
public:
    FormCheck(const TypeModel& model, std::string_view text, Issues& issues)
        : model_(model), text_(text), issues_(issues) {}

    void walk(const Element& element) {
        const std::uint32_t rules =
            static_cast<std::uint32_t>(model_.type(element.type).children.size());
        const Element* last = nullptr;
        for (const Element& child : element.children()) {
            if (child.child_rule != 0 && child.child_rule <= rules) {
                const ChildInfo& info = model_.type(element.type).children[child.child_rule - 1];
                check_attribute(child, info);
                // Attributes come before every element, whatever the definition's order.
                if (!info.attribute) {
                    if (last != nullptr && child.child_rule < last->child_rule) {
                        note_order(child, *last);
                    }
                    last = &child;
                }
            }
            walk(child);
        }
    }

private:
    // The reader marks an attribute by an empty source range.
    void check_attribute(const Element& child, const ChildInfo& info) {
        const bool attribute = child.end_offset == child.offset;
        if (attribute == info.attribute) {
            return;
        }
        note(
            child,
            "xml-attribute",
            info.attribute ? "this is an attribute in XML, not an element"
                           : "this is an element in XML, not an attribute"
        );
    }

    void note_order(const Element& child, const Element& last) {
        note(
            child,
            "element-order",
            "Element " + std::string(child.name) + " stands after " + std::string(last.name) +
                ", but XML asks for the order of the definition. Move it before " +
                std::string(last.name) + "."
        );
        if (!issues_.empty()) {
            issues_.back().message_id = "Validation_VAL_Profile_OutOfOrder";
        }
    }

    void note(const Element& element, const char* rule, std::string words) {
        if (issues_.size() >= form_findings_max) {
            return;
        }
        const Position position = position_of(text_, element.offset);
        Issue issue;
        issue.type = IssueType::structure;
        issue.rule = rule;
        issue.line = position.line;
        issue.column = position.column;
        issue.expression = expression_of(element);
        issue.diagnostics = std::move(words);
        issues_.push_back(std::move(issue));
    }

    const TypeModel& model_;
    std::string_view text_;
    Issues& issues_;
};

}  // namespace

void check_xml_form(
    const Element& root, const TypeModel& model, std::string_view text, Issues& issues
) {
    FormCheck(model, text, issues).walk(root);
}

}  // namespace gatehouse::fhir
