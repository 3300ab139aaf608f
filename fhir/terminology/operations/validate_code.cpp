// SPDX-License-Identifier: Apache-2.0
//
// $validate-code on ValueSet and CodeSystem (FHIR R4 ValueSet-validate-code,
// CodeSystem-validate-code). `result` is true only for what was found right; what cannot be checked
// here is false with an issue of kind not-found that says what is missing. A code that a fragment
// of a code system lacks is accepted with a warning, as HL7's validator does.
#include <algorithm>

#include "fhir/json/json.hpp"
#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/operations/answers.hpp"
#include "fhir/terminology/operations/compose.hpp"
#include "fhir/terminology/remote.hpp"
#include "fhir/terminology/resource_provider.hpp"

namespace gatehouse::fhir {
namespace {

// Judges codings one by one and gathers what there is to say.
class CodeJudge {
public:
    CodeJudge(const Terminology& terminology, const Asked& asked, const VersionRules& rules)
        : terminology_(terminology), asked_(asked), rules_(rules), content_(terminology, asked) {
        abstract_ok_ = asked.flag("abstract", false, wrong_);
        active_only_ = asked.flag("activeOnly", false, wrong_);
        lenient_ = asked.flag("lenient-display-validation", false, wrong_);
        (void)asked.flag("inferSystem", false, wrong_);
        language_ = asked.text("displayLanguage");
    }

    struct Judgement {
        Verdict member = Verdict::not_checkable;  // of value set, or of the code system
        bool good = false;
        bool unknown_code = false;  // its own system does not have it
        AskedCoding coding;
        std::string display;
        bool inactive = false;
    };

    // The code in its own system: existence, display, state. Adds issues.
    void judge_own(Judgement& judgement);
    void
    judge_display(Judgement& judgement, const CodeSystemProvider& provider, ConceptNumber number);
    void
    add(Severity severity, IssueType type, const char* kind, std::string words, std::string where) {
        issues_.push_back({severity, type, kind, std::move(words), std::move(where)});
    }
    static std::string place(const Judgement& judgement, const char* part) {
        const std::string& where = judgement.coding.where;
        if (where == "code") {  // parameters of their own
            return part;
        }
        return where + "." + part;
    }
    static std::string name_of(const AskedCoding& coding) {
        return "'" + shown(coding.system) + "#" + shown(coding.code) + "'";
    }

    const Terminology& terminology_;
    const Asked& asked_;
    const VersionRules& rules_;
    ContentView content_;
    std::vector<CodeIssue> issues_;
    std::optional<Refusal> wrong_;
    bool abstract_ok_ = false;
    bool active_only_ = false;
    bool lenient_ = false;
    std::string language_;
};

void CodeJudge::judge_own(Judgement& judgement) {
    AskedCoding& coding = judgement.coding;
    if (const SyntaxAnswer syntax = check_syntax_system(coding.system, coding.code);
        syntax.is_syntax_system) {
        judgement.good = syntax.verdict == Verdict::yes;
        judgement.unknown_code = !judgement.good;
        if (!judgement.good) {
            add(Severity::error,
                IssueType::code_invalid,
                "invalid-code",
                name_of(coding) + " is not well-formed for its code system.",
                place(judgement, "code"));
        }
        return;
    }
    const std::string_view version = rules_.choose(coding.system, coding.version);
    const CodeSystemProvider* provider = content_.provider(coding.system, version);
    const bool empty = provider == nullptr || (provider->concept_count() == 0 &&
                                               provider->knowledge() != SystemKnowledge::complete);
    if (empty) {
        const bool remote =
            terminology_.remote() != nullptr && terminology_.remote()->covers(coding.system);
        if (remote) {
            const RemoteAnswer answer =
                terminology_.remote()->code(coding.system, version, coding.code, Waiting::a_while);
            judgement.display = answer.display;
            judgement.inactive = answer.inactive;
            if (answer.verdict == Verdict::yes) {
                judgement.good = true;
                return;
            }
            if (answer.verdict == Verdict::no) {
                judgement.unknown_code = true;
                add(Severity::error,
                    IssueType::code_invalid,
                    "invalid-code",
                    name_of(coding) +
                        " is unknown to the terminology server that covers the system.",
                    place(judgement, "code"));
                return;
            }
        }
        const std::string others = content_.versions(coding.system);
        std::string words = "Code system " + shown(with_version(coding.system, version)) +
                            " is not loaded here with its codes, so " + name_of(coding) +
                            " cannot be checked.";
        if (!version.empty() && !others.empty()) {
            words += " Loaded: " + others + ".";
        }
        add(Severity::warning, IssueType::not_found, "not-found", words, place(judgement, "system")
        );
        return;
    }
    coding.version = provider->version();
    const auto number = provider->find(coding.code);
    if (!number) {
        const bool partial = provider->knows(coding.code) == Verdict::not_checkable;
        judgement.unknown_code = !partial;
        judgement.good = partial;
        add(partial ? Severity::warning : Severity::error,
            IssueType::code_invalid,
            "invalid-code",
            partial ? "Code " + name_of(coding) + " is not among those known here of " +
                          shown(with_version(coding.system, coding.version)) +
                          ", which is loaded in part."
                    : "Unknown code " + name_of(coding) + " in code system " +
                          shown(with_version(coding.system, coding.version)) + ".",
            place(judgement, "code"));
        return;
    }
    judgement.good = true;
    judgement.inactive = provider->inactive(*number);
    if (provider->abstract(*number) && !abstract_ok_) {
        judgement.good = false;
        add(Severity::error,
            IssueType::business_rule,
            "code-rule",
            "Code " + name_of(coding) +
                " is abstract: it groups others and is not to be used itself (send abstract=true "
                "where it may be).",
            place(judgement, "code"));
    }
    if (judgement.inactive) {
        add(active_only_ ? Severity::error : Severity::warning,
            IssueType::business_rule,
            "code-comment",
            "Code " + name_of(coding) + " is inactive.",
            place(judgement, "code"));
        judgement.good = judgement.good && !active_only_;
    }
    judge_display(judgement, *provider, *number);
}

void CodeJudge::judge_display(
    Judgement& judgement, const CodeSystemProvider& provider, ConceptNumber number
) {
    judgement.display = provider.display(number, language_);
    const std::string& given = judgement.coding.display;
    if (given.empty()) {
        return;
    }
    std::vector<ConceptDesignation> names;
    provider.designations(number, names);
    bool spaces = false;
    bool other_language = false;
    std::string valid;
    for (const ConceptDesignation& name : names) {
        const bool serves =
            language_.empty() || name.language.empty() || language_serves(name.language, language_);
        if (equal_folded(name.value, given)) {
            if (serves) {
                return;
            }
            other_language = true;
        } else if (serves && equal_but_for_spaces(name.value, given)) {
            spaces = true;
        }
        if (serves && valid.size() < 400 &&
            valid.find("'" + std::string(name.value) + "'") == std::string::npos) {
            valid += (valid.empty() ? "'" : ", '") + std::string(name.value) + "'";
        }
    }
    if (!provider.digest().empty()) {
        // Content beside the resources does not know the supplements; the terminology does.
        for (const std::string_view name :
             terminology_.supplement_displays(judgement.coding.system, judgement.coding.code)) {
            if (equal_folded(name, given)) {
                return;
            }
        }
    }
    if (valid.empty()) {
        if (other_language) {
            return;  // the system has no words in that language: its own will do
        }
        if (names.empty()) {
            return;  // nothing to compare with
        }
    }
    const bool mild = lenient_ || spaces;
    judgement.good = judgement.good && mild;
    add(mild ? Severity::warning : Severity::error,
        IssueType::invalid,
        "invalid-display",
        "Wrong display '" + shown(given) + "' for " + name_of(judgement.coding) +
            (spaces ? ": it differs in its spaces. " : ". ") +
            "Valid: " + (valid.empty() ? "'" + judgement.display + "'" : valid) +
            (language_.empty() ? "." : " (language " + shown(language_) + ")."),
        place(judgement, "display"));
}

// The codings that were asked about; empty with `wrong` set if there are none.
std::vector<AskedCoding> codings_of(const Asked& asked, std::optional<Refusal>& wrong) {
    std::vector<AskedCoding> out;
    const bool value_set = asked.request().type == "ValueSet";
    if (const OperationParameter* parameter = asked.find("codeableConcept")) {
        if (parameter->element == nullptr || parameter->element->name != "valueCodeableConcept") {
            wrong = bad_parameter("Parameter 'codeableConcept' must be a valueCodeableConcept.");
            return out;
        }
        std::size_t index = 0;
        for (const Element& coding : parameter->element->children()) {
            if (coding.name == "coding") {
                out.push_back(
                    read_coding(coding, "CodeableConcept.coding[" + std::to_string(index++) + "]")
                );
            }
        }
        if (out.empty()) {
            wrong = bad_parameter("The codeableConcept has no coding to check.");
        }
        return out;
    }
    if (asked.has("coding")) {
        auto coding = asked.coding("coding");
        if (!coding) {
            wrong = bad_parameter("Parameter 'coding' must be a valueCoding.");
            return out;
        }
        out.push_back(std::move(*coding));
    } else if (!asked.text("code").empty()) {
        AskedCoding coding;
        coding.code = asked.text("code");
        coding.system = value_set ? asked.text("system") : asked.text("url");
        coding.version = value_set ? asked.text("systemVersion") : asked.text("version");
        coding.display = asked.text("display");
        coding.where = "code";
        out.push_back(std::move(coding));
    }
    if (out.empty() || out.front().code.empty()) {
        wrong = Refusal{
            400,
            IssueType::required,
            "terminology-parameter",
            "Which code? Give 'code' (with 'system'), 'coding' or 'codeableConcept'."};
    }
    return out;
}

OperationAnswer answer_of(
    const CodeJudge& judge, const Asked& asked, const CodeJudge::Judgement& chosen, bool result
) {
    ParametersWriter out;
    out.boolean("result", result);
    if (!chosen.coding.code.empty()) {
        out.code("code", chosen.coding.code);
    }
    if (!chosen.coding.system.empty()) {
        out.uri("system", chosen.coding.system);
    }
    if (!chosen.coding.version.empty()) {
        out.text("version", chosen.coding.version);
    }
    if (!chosen.display.empty()) {
        out.text("display", chosen.display);
    }
    if (chosen.inactive) {
        out.boolean("inactive", true);
    }
    std::string message;
    for (const CodeIssue& issue : judge.issues_) {
        if (issue.severity != Severity::information) {
            message += (message.empty() ? "" : " ") + issue.words;
        }
    }
    if (!message.empty()) {
        out.text("message", message);
    }
    if (!judge.issues_.empty()) {
        out.raw("issues", "resource", outcome_of(judge.issues_));
    }
    if (const OperationParameter* parameter = asked.find("codeableConcept")) {
        out.raw(
            "codeableConcept", "valueCodeableConcept", write_json(*parameter->element, nullptr)
        );
    }
    OperationAnswer answer;
    answer.json = out.take();
    return answer;
}

// Membership, by whatever form the value set has.
class Membership {
public:
    Membership(CodeJudge& judge, const Terminology& terminology, const Asked& asked)
        : judge_(judge), terminology_(terminology), asked_(asked),
          budget_{asked.request().limits.work_max}, one_use_(judge.content_, judge.rules_) {}

    std::optional<Refusal> open(const ValueSetSubject& subject);
    [[nodiscard]] Verdict contains(std::string_view system, std::string_view code) const {
        if (set_ != nullptr) {
            return shared_ ? terminology_.contains(*set_, system, code, Waiting::a_while)
                           : set_->contains(system, code);
        }
        return bag_.contains(system, code) ? Verdict::yes : Verdict::no;
    }
    [[nodiscard]] std::string reason() const {
        return set_ != nullptr && !set_->undecided().empty()
                   ? set_->undecided()
                   : "it needs content that is not loaded";
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // The one system whose code this is, or empty.
    std::string infer(const ValueSetSubject& subject, std::string_view code);

private:
    CodeJudge& judge_;
    const Terminology& terminology_;
    const Asked& asked_;
    ConceptBudget budget_;
    OneUse one_use_;
    const ValueSetIndex* set_ = nullptr;
    bool shared_ = false;
    CodeBag bag_;
    std::string name_;
};

std::optional<Refusal> Membership::open(const ValueSetSubject& subject) {
    if (subject.resource == nullptr) {
        name_ = subject.url;
        Composer composer(judge_.content_, judge_.rules_, budget_);
        return composer.collect(subject.url, bag_);
    }
    name_ = with_version(
        subject.resource->child_value("url"), subject.resource->child_value("version")
    );
    const bool plain = judge_.rules_.empty() && !asked_.has("tx-resource") && !subject.url.empty();
    if (plain) {
        const ValueSetIndex* loaded = terminology_.value_set(subject.url);
        const Definition* definition = terminology_.definitions().find("ValueSet", subject.url);
        if (loaded != nullptr && definition != nullptr && definition->root() == subject.resource) {
            set_ = loaded;
            shared_ = true;
            return std::nullopt;
        }
    }
    set_ = one_use_.compile(*subject.resource);
    if (!one_use_.mismatch().empty()) {
        return cannot(IssueType::exception, one_use_.mismatch());
    }
    return std::nullopt;
}

std::string Membership::infer(const ValueSetSubject& subject, std::string_view code) {
    CodeBag bag;
    Composer composer(judge_.content_, judge_.rules_, budget_);
    const auto refused = subject.resource != nullptr ? composer.collect(*subject.resource, bag)
                                                     : composer.collect(subject.url, bag);
    std::string out;
    if (refused) {
        return out;
    }
    for (const CodeGroup& group : bag.groups()) {
        if (group.contains(code) && group.system != out) {
            if (!out.empty()) {
                return {};
            }
            out = group.system;
        }
    }
    return out;
}

OperationAnswer in_value_set(const Terminology& terminology, const Asked& asked) {
    const ValueSetSubject subject = value_set_subject(terminology, asked);
    if (subject.refused) {
        return refuse(*subject.refused);
    }
    std::optional<Refusal> wrong;
    const VersionRules rules = VersionRules::read(asked, wrong);
    CodeJudge judge(terminology, asked, rules);
    std::vector<AskedCoding> codings;
    if (!wrong && !judge.wrong_) {
        codings = codings_of(asked, wrong);
    }
    if (wrong || judge.wrong_) {
        return refuse(wrong ? *wrong : *judge.wrong_);
    }
    Membership set(judge, terminology, asked);
    if (auto refused = set.open(subject)) {
        return ask_remote(terminology, asked, codings.front().system, *refused);
    }
    std::optional<CodeJudge::Judgement> chosen;
    bool result = false;
    bool broken = false;  // a coding that is wrong in its own system
    const bool several = codings.size() > 1;
    for (AskedCoding& coding : codings) {
        CodeJudge::Judgement judgement;
        judgement.coding = std::move(coding);
        if (judgement.coding.system.empty()) {
            judgement.coding.system = set.infer(subject, judgement.coding.code);
        }
        const std::string name = CodeJudge::name_of(judgement.coding);
        judgement.member = set.contains(judgement.coding.system, judgement.coding.code);
        if (judgement.coding.system.empty()) {
            judge.add(
                Severity::error,
                IssueType::not_found,
                "cannot-infer",
                "The code '" + shown(judgement.coding.code) +
                    "' came without a system, and the value set " + shown(set.name()) +
                    " does not tell which one is meant.",
                CodeJudge::place(judgement, "code")
            );
            judgement.member = Verdict::no;
        } else {
            judge.judge_own(judgement);
        }
        if (judgement.member == Verdict::no) {
            judge.add(
                several ? Severity::information : Severity::error,
                IssueType::code_invalid,
                several ? "this-code-not-in-vs" : "not-in-vs",
                "The code " + name + " was not found in the value set '" + shown(set.name()) + "'.",
                CodeJudge::place(judgement, "code")
            );
        } else if (judgement.member == Verdict::not_checkable) {
            judge.add(
                Severity::warning,
                IssueType::not_found,
                "not-found",
                "Whether " + name + " is in the value set '" + shown(set.name()) +
                    "' is not checkable here: " + set.reason() + ".",
                CodeJudge::place(judgement, "code")
            );
        }
        // In the value set by name although its system is not loaded here: the value set's author
        // has said so.
        const bool listed_only = judgement.member == Verdict::yes && !judgement.unknown_code;
        const bool failed =
            std::any_of(judge.issues_.begin(), judge.issues_.end(), [&](const CodeIssue& issue) {
                return issue.severity == Severity::error &&
                       (judgement.coding.where == "code" ||
                        issue.where.starts_with(judgement.coding.where));
            });
        broken = broken || judgement.unknown_code || (failed && judgement.member == Verdict::yes);
        if (listed_only && !failed) {
            result = true;
            if (!chosen || chosen->member != Verdict::yes) {
                chosen = judgement;
            }
        } else if (!chosen) {
            chosen = judgement;
        }
    }
    if (several && !result && !broken) {
        judge.add(
            Severity::error,
            IssueType::code_invalid,
            "not-in-vs",
            "None of the codings is known to be in the value set '" + shown(set.name()) + "'.",
            "CodeableConcept"
        );
    }
    return answer_of(judge, asked, *chosen, result && !broken);
}

OperationAnswer in_code_system(const Terminology& terminology, const Asked& asked) {
    std::optional<Refusal> wrong;
    const VersionRules rules = VersionRules::read(asked, wrong);
    CodeJudge judge(terminology, asked, rules);
    std::vector<AskedCoding> codings;
    if (!wrong && !judge.wrong_) {
        codings = codings_of(asked, wrong);
    }
    if (wrong || judge.wrong_) {
        return refuse(wrong ? *wrong : *judge.wrong_);
    }
    const Element* own = asked.request().instance;
    if (own == nullptr && asked.has("codeSystem")) {
        own = asked.resource("codeSystem");
        if (own == nullptr || own->resource_type() != "CodeSystem") {
            return refuse(bad_parameter("Parameter 'codeSystem' must hold a CodeSystem resource."));
        }
    }
    if (own != nullptr) {
        judge.content_.prefer(*own);
    }
    std::string url(own != nullptr ? own->child_value("url") : asked.text("url"));
    if (const std::string_view version = version_part(url); !version.empty()) {
        for (AskedCoding& coding : codings) {
            coding.version = coding.version.empty() ? std::string(version) : coding.version;
        }
        url = url_part(url);
    }
    if (url.empty() && !codings.front().system.empty()) {
        url = codings.front().system;
    }
    if (url.empty()) {
        return refuse(
            {400,
             IssueType::required,
             "terminology-parameter",
             "Which code system? Give 'url', 'codeSystem' or a coding with a system."}
        );
    }
    std::optional<CodeJudge::Judgement> chosen;
    bool result = false;
    bool broken = false;
    for (AskedCoding& coding : codings) {
        CodeJudge::Judgement judgement;
        judgement.coding = std::move(coding);
        if (judgement.coding.system.empty() || judgement.coding.where == "code") {
            judgement.coding.system = url;
        }
        if (judgement.coding.system != url) {
            if (codings.size() == 1) {
                judge.add(
                    Severity::error,
                    IssueType::code_invalid,
                    "invalid-code",
                    "The coding is of system " + shown(judgement.coding.system) + ", not of " +
                        shown(url) + ".",
                    CodeJudge::place(judgement, "system")
                );
                chosen = judgement;
            }
            continue;
        }
        judge.judge_own(judgement);
        result = result || judgement.good;
        broken = broken || judgement.unknown_code || !judgement.good;
        if (!chosen || judgement.good) {
            chosen = judgement;
        }
    }
    if (!chosen) {
        chosen.emplace();
        judge.add(
            Severity::error,
            IssueType::code_invalid,
            "invalid-code",
            "None of the codings is of system " + shown(url) + ".",
            "CodeableConcept"
        );
    }
    return answer_of(judge, asked, *chosen, result && !broken);
}

}  // namespace

OperationAnswer run_validate_code(const Terminology& terminology, const Asked& asked) {
    return asked.request().type == "ValueSet" ? in_value_set(terminology, asked)
                                              : in_code_system(terminology, asked);
}

}  // namespace gatehouse::fhir
