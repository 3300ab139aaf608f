// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {

std::string Walker::shown(std::string_view value) const {
    if (!options_.show_values) {
        return {};
    }
    constexpr std::size_t shown_max = 120;
    std::string out = " '";
    out.append(value.substr(0, shown_max));
    out += value.size() > shown_max ? "...'" : "'";
    return out;
}

bool Walker::admit_issue(
    Severity severity, const Element* at, std::string_view rule, std::string_view words
) {
    if (last_word_) {
        return true;
    }
    // Several profiles often ask the same of an element: one finding is enough.
    for (std::size_t i = 0; i < issue_places_.size(); ++i) {
        if (issue_places_[i] == at && out_.issues[i].rule == rule &&
            out_.issues[i].diagnostics == words) {
            return false;
        }
    }
    return list_.take(severity, at);
}

void Walker::keep_issue(Issue issue, const Element* at) {
    if (admit_issue(issue.severity, at, issue.rule, issue.diagnostics)) {
        out_.issues.push_back(std::move(issue));
        issue_places_.push_back(at);
    }
}

void Walker::start_list(const Element& root) {
    const bool batch = root.type == known_.bundle && root.child_value("type") == "batch";
    list_ = ListBounds(options_.issues_max, batch ? &root : nullptr);
}

// What the list did not take, said at its end.
void Walker::close_list() {
    const ListBounds::Cut& cut = list_.cut();
    if (!cut.lesser && !cut.errors) {
        return;
    }
    out_.errors_left_out = cut.errors;
    Issue last;
    last.severity = cut.entries ? Severity::error : rules::too_many_issues.severity;
    last.type = rules::too_many_issues.type;
    last.rule = rules::too_many_issues.id;
    last.diagnostics =
        cut.entries
            ? join(
                  "More than ",
                  std::to_string(ListBounds::entries_max),
                  " entries of the batch have errors; those after them are not told apart from "
                  "good ones, so none is taken. Mend these first, or send the batch in parts."
              )
            : join(
                  "More than ",
                  std::to_string(options_.issues_max),
                  " findings; the rest is not listed",
                  cut.errors && list_.is_of_batch() ? ", but for the first error of each entry"
                                                    : "",
                  ". Mend these first, then validate again."
              );
    out_.issues.push_back(std::move(last));
    issue_places_.push_back(nullptr);
}

void Walker::add_issue(
    const RuleInfo& rule, Severity severity, const Element& at, std::string words, const Plan* plan
) {
    if (!admit_issue(severity, &at, rule.id, words)) {
        return;
    }
    Issue issue;
    issue.severity = severity;
    issue.type = rule.type;
    issue.rule = rule.id;
    issue.message_id = rule.message_id;
    // An element that no definition knows is reported where it stands: at its parent.
    const bool at_parent = &rule == &rules::unknown_element && at.parent != nullptr;
    issue.expression = expressions_.of(at_parent ? *at.parent : at);
    // The shape of a JSON member is a fault of the member, not of its first item.
    if ((&rule == &rules::must_be_array || &rule == &rules::must_not_be_array) &&
        issue.expression.ends_with(']')) {
        issue.expression.resize(issue.expression.rfind('['));
    }
    if (!source_.empty() && at.offset <= source_.size()) {
        const Position position = places_.at(at.offset);
        issue.line = position.line;
        issue.column = position.column;
    }
    issue.diagnostics = std::move(words);
    if (plan != nullptr) {
        issue.profile = plan->canonical;
    }
    out_.issues.push_back(std::move(issue));
    issue_places_.push_back(&at);
}

void Walker::take_advice(const Advisor& advisor, const Element& root, Validation& out) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < out.issues.size(); ++i) {
        Issue& issue = out.issues[i];
        const Element* at = issue_places_[i];
        std::optional<Severity> severity = issue.severity;
        if (at != nullptr) {
            const Element& resource = enclosing_resource(*at);
            const std::string outside = expression_of(resource);
            std::string inner(resource.resource_type());
            if (issue.expression.starts_with(outside)) {
                inner += std::string_view(issue.expression).substr(outside.size());
            }
            severity = advisor.judge(issue, resource.resource_type(), inner, out.advised);
        }
        if (!severity) {
            continue;
        }
        issue.severity = *severity;
        if (kept != i) {
            out.issues[kept] = std::move(issue);
        }
        ++kept;
    }
    out.issues.resize(kept);
    if (!out.advised.any()) {
        return;
    }
    // A list that was cut may lack errors that nobody advised on.
    out.valid = out.valid || (!out.errors_left_out && !has_errors(out.issues));
    Issue note;
    note.severity = rules::advised.severity;
    note.type = rules::advised.type;
    note.rule = rules::advised.id;
    note.expression = expression_of(root);
    note.diagnostics = join(
        "The advisor left out ",
        std::to_string(out.advised.suppressed),
        " findings and made ",
        std::to_string(out.advised.demoted),
        " less severe",
        out.advised.kept == 0
            ? std::string(".")
            : join(
                  "; ",
                  std::to_string(out.advised.kept),
                  " errors that it names stay, because errors are not its to change here."
              )
    );
    out.issues.push_back(std::move(note));
}

void Walker::note_unchecked(std::string_view system, std::uint32_t codes) noexcept {
    if (quiet_ > 0) {
        return;
    }
    if (tally_ != nullptr) {
        tally_->add(nullptr, system, codes);
        return;
    }
    out_.unchecked.add(system, codes);
}

void Walker::note_unchecked(const ValueSetIndex& set, std::string_view system) noexcept {
    if (quiet_ > 0) {
        return;
    }
    if (tally_ != nullptr) {
        tally_->add(&set, system, 0);
        return;
    }
    if (unchecked_sets_.count == unchecked_sets_.list.size()) {
        return;
    }
    for (std::size_t i = 0; i < unchecked_sets_.count; ++i) {
        if (unchecked_sets_.list[i].set == &set && unchecked_sets_.list[i].system == system) {
            return;
        }
    }
    unchecked_sets_.list[unchecked_sets_.count++] = {&set, system};
}

// One finding for the whole message: what was neither confirmed nor refused, and why. A value set
// is told only where its code's system is not told already.
void Walker::report_unchecked(const Element& root) {
    const UncheckedSystems& systems = out_.unchecked;
    std::string sets;
    for (std::size_t i = 0; i < unchecked_sets_.count; ++i) {
        const auto& one = unchecked_sets_.list[i];
        if (!one.system.empty() && systems.holds(one.system)) {
            continue;
        }
        sets += sets.empty() ? "" : "; ";
        sets += terminology_.canonical_of(*one.set);
        if (const std::string_view why = terminology_.undecided(*one.set); !why.empty()) {
            sets.append(" (").append(why.substr(0, 200)).append(")");
        }
    }
    if (systems.count == 0 && sets.empty()) {
        return;
    }
    report(rules::code_not_checkable, root, [&] {
        std::string words;
        std::string asked;
        std::string absent;
        for (std::size_t i = 0; i < systems.count; ++i) {
            const std::string_view system = systems.list[i].system;
            std::string& list = terminology_.asks_server(system) ? asked : absent;
            list.append(list.empty() ? "" : ", ").append(system.substr(0, 120));
        }
        const char* more = systems.count == systems.list.size() ? " and perhaps more." : ".";
        if (!absent.empty()) {
            words =
                "Codes of these systems were not checked, because their content is not loaded: " +
                absent + more + " Load them to have these codes checked.";
        }
        if (!asked.empty()) {
            words += words.empty() ? "" : " ";
            words += "Codes of these systems were not checked, because the terminology server has "
                     "not answered yet or does not know: " +
                     asked + ". Send the message again later to have them checked.";
        }
        if (!sets.empty()) {
            words += words.empty() ? "" : " ";
            words += "Membership in these value sets was not checked: " + sets + ".";
        }
        return words;
    });
}

}  // namespace gatehouse::fhir::judge
