// SPDX-License-Identifier: Apache-2.0
#include "fhir/outcome/outcome.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "fhir/base/utf8.hpp"
#include "fhir/json/json.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::string_view extension_line =
    "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
constexpr std::string_view extension_column =
    "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";
constexpr std::string_view extension_source =
    "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source";
constexpr std::string_view extension_message_id =
    "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id";
constexpr std::string_view message_id_system = "http://hl7.org/fhir/java-core-messageId";
constexpr std::string_view source_name = "Gatehouse";
constexpr std::string_view spine_system =
    "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode";

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_unwritable(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

// Words for people quote what was sent, cut to a length wherever that falls: half a UTF-8 sequence
// and control characters, which XML cannot say, become U+FFFD.
std::string_view readable(Arena& arena, std::string_view text) {
    if (invalid_utf8_at(text) == std::string_view::npos &&
        std::none_of(text.begin(), text.end(), is_unwritable)) {
        return arena.copy(text);
    }
    std::string out;
    while (!text.empty()) {
        const std::size_t bad = std::min(invalid_utf8_at(text), text.size());
        for (const char c : text.substr(0, bad)) {
            if (is_unwritable(c)) {
                out.append(replacement);
            } else {
                out.push_back(c);
            }
        }
        if (bad == text.size()) {
            break;
        }
        out.append(replacement);
        text.remove_prefix(bad + 1);
        while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0) == 0x80) {
            text.remove_prefix(1);  // the rest of the same sequence
        }
    }
    return arena.copy(out);
}

// Appends children to one element; keeps the last so that adding is constant time.
class Children {
public:
    Children(Arena& arena, Element* parent) : arena_(arena), parent_(parent) {}

    Element* element(std::string_view name, bool in_array = false) {
        Element* node = arena_.create<Element>();
        node->name = name;
        node->parent = parent_;
        node->in_array = in_array;
        (last_ == nullptr ? parent_->first_child : last_->next) = node;
        last_ = node;
        return node;
    }
    Element*
    value(std::string_view name, std::string_view text, Written written = Written::string) {
        Element* node = element(name);
        node->value = text;
        node->written = written;
        return node;
    }

private:
    Arena& arena_;
    Element* parent_;
    Element* last_ = nullptr;
};

void add_extension(
    Arena& arena,
    Children& children,
    std::string_view url,
    std::string_view name,
    std::string_view value,
    Written written
) {
    Children parts(arena, children.element("extension", true));
    parts.value("url", url);
    parts.value(name, value, written);
}

void add_coding(Arena& arena, Children& details, std::string_view system, std::string_view code) {
    Children parts(arena, details.element("coding", true));
    parts.value("system", system);
    parts.value("code", code);
}

void add_issue(Arena& arena, Element* node, const Issue& issue, bool details_text) {
    Children children(arena, node);
    if (issue.line != 0) {
        add_extension(
            arena,
            children,
            extension_line,
            "valueInteger",
            arena.copy(std::to_string(issue.line)),
            Written::number
        );
        add_extension(
            arena,
            children,
            extension_column,
            "valueInteger",
            arena.copy(std::to_string(issue.column)),
            Written::number
        );
    }
    if (!issue.rule.empty() || !issue.message_id.empty()) {
        add_extension(
            arena, children, extension_source, "valueString", source_name, Written::string
        );
    }
    if (!issue.message_id.empty()) {
        add_extension(
            arena,
            children,
            extension_message_id,
            "valueString",
            arena.copy(issue.message_id),
            Written::string
        );
    }
    children.value("severity", to_string(issue.severity));
    children.value("code", to_string(issue.type));
    const bool with_text = details_text && !issue.diagnostics.empty();
    if (!issue.spine_code.empty() || !issue.rule.empty() || with_text) {
        Children details(arena, children.element("details"));
        if (!issue.spine_code.empty()) {
            add_coding(arena, details, spine_system, arena.copy(issue.spine_code));
        }
        if (!issue.rule.empty()) {
            add_coding(arena, details, rule_system, arena.copy(issue.rule));
        }
        if (!issue.message_id.empty()) {
            add_coding(arena, details, message_id_system, arena.copy(issue.message_id));
        }
        if (with_text) {
            details.value("text", readable(arena, issue.diagnostics));
        }
    }
    if (!issue.diagnostics.empty()) {
        children.value("diagnostics", readable(arena, issue.diagnostics));
    }
    if (!issue.expression.empty()) {
        children.value("expression", readable(arena, issue.expression))->in_array = true;
    }
}

}  // namespace

Element* make_outcome(const Issues& issues, Arena& arena, const OutcomeForm& form) {
    Element* root = arena.create<Element>();
    root->name = "OperationOutcome";
    root->value = "OperationOutcome";
    root->is_resource = true;
    Children children(arena, root);
    if (!form.definitions.empty()) {
        add_extension(
            arena,
            children,
            extension_definitions,
            "valueString",
            arena.copy(form.definitions),
            Written::string
        );
    }
    if (issues.empty()) {
        Issue fine;
        fine.severity = Severity::information;
        fine.type = IssueType::informational;
        fine.diagnostics = "All OK";
        add_issue(arena, children.element("issue", true), fine, form.details_text);
        return root;
    }
    std::vector<const Issue*> order;
    order.reserve(issues.size());
    for (const Issue& issue : issues) {
        order.push_back(&issue);
    }
    std::stable_sort(order.begin(), order.end(), [](const Issue* left, const Issue* right) {
        return left->severity < right->severity;
    });
    for (const Issue* issue : order) {
        add_issue(arena, children.element("issue", true), *issue, form.details_text);
    }
    return root;
}

std::string outcome_json(const Issues& issues, bool pretty) {
    Arena arena;
    WriteOptions options;
    options.pretty = pretty;
    return write_json(*make_outcome(issues, arena), nullptr, options);
}

std::string outcome_json(const Issues& issues, const OutcomeForm& form) {
    Arena arena;
    return write_json(*make_outcome(issues, arena, form), nullptr, {});
}

}  // namespace gatehouse::fhir
