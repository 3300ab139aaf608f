// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/path_runner.hpp"

#include <cstdio>
#include <ctime>

#include "fhir/json/json.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/judge.hpp"

namespace gatehouse::cli {
namespace {

std::string instant_now() {
    std::timespec at{};
    std::timespec_get(&at, TIME_UTC);
    std::tm parts{};
    gmtime_r(&at.tv_sec, &parts);
    char text[96];
    std::snprintf(
        text,
        sizeof text,
        "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        at.tv_nsec / 1'000'000
    );
    return text;
}

int as_answer(fhir::Verdict verdict) {
    switch (verdict) {
    case fhir::Verdict::yes: return 1;
    case fhir::Verdict::no: return 0;
    case fhir::Verdict::not_checkable: break;
    }
    return -1;
}

// What the hooks of one evaluation need.
struct Hooks {
    const fhir::Engine& engine;
    std::string_view source;  // the resource's text: the validator's rules of form depend on it
};

const fhir::Engine& engine_of(void* user) {
    return static_cast<const Hooks*>(user)->engine;
}

int coding_in(
    const fhir::Engine& engine, const fhir::Element& element, std::string_view value_set
) {
    fhir::Coding coding;
    coding.system = element.child_value("system");
    coding.version = element.child_value("version");
    coding.code = element.child_value("code");
    return as_answer(engine.terminology().in_value_set(coding, value_set).verdict);
}

// memberOf() for code, Coding and CodeableConcept: a concept is a member if any of its codings is.
int member_of(void* user, const fhir::path::Item& item, std::string_view value_set) {
    const fhir::Engine& engine = engine_of(user);
    if (item.element == nullptr || item.element->has_value()) {
        fhir::Coding coding;
        coding.code = item.element != nullptr ? item.element->value : item.text;
        return as_answer(engine.terminology().in_value_set(coding, value_set).verdict);
    }
    const fhir::Element* coding = item.element->child("coding");
    if (coding == nullptr) {
        return coding_in(engine, *item.element, value_set);
    }
    int best = 0;
    for (; coding != nullptr; coding = coding->next_same()) {
        const int answer = coding_in(engine, *coding, value_set);
        if (answer == 1) {
            return 1;
        }
        best = answer == -1 ? -1 : best;
    }
    return best;
}

int conforms_to(void* user, const fhir::Element& element, std::string_view profile) {
    const fhir::Engine& engine = engine_of(user);
    if (engine.schema().profile(profile) == nullptr || !element.is_resource) {
        return -1;
    }
    Arena arena;
    const std::string_view profiles[] = {profile};
    const std::string_view source = static_cast<const Hooks*>(user)->source;
    return engine.validator().validate(element, source, profiles, nullptr, {}, arena).valid ? 1 : 0;
}

}  // namespace

PathRunner::PathRunner(std::shared_ptr<const fhir::Engine> engine)
    : engine_(std::move(engine)), now_(instant_now()) {}

LoadedResource& PathRunner::load(const std::string& path) {
    auto& slot = loaded_[path];
    if (slot != nullptr) {
        return *slot;
    }
    slot = std::make_unique<LoadedResource>();
    auto text = read_input(path);
    if (!text) {
        slot->problem = fault_words(text.error());
        return *slot;
    }
    slot->text = std::move(*text);
    const fhir::Decoded decoded =
        engine_->read(slot->text, fhir::format_of(slot->text), slot->arena, generous_limits());
    slot->root = decoded.root;
    if (decoded.root == nullptr) {
        const fhir::Issue& issue = decoded.issues.back();
        slot->problem = path + ":" + std::to_string(issue.line) + ":" +
                        std::to_string(issue.column) + ": " + issue.diagnostics;
    }
    return *slot;
}

PathRunner::Answer
PathRunner::run(std::string_view expression, const LoadedResource* loaded, bool strict) {
    arena_.reset();
    const fhir::Element* resource = loaded != nullptr ? loaded->root : nullptr;
    Answer answer;
    fhir::path::CompileOptions options;
    options.strict = strict;
    options.as_filters = false;  // "as" of several items is an error, as the FHIRPath suite has it
    options.context_type = resource != nullptr ? resource->resource_type() : std::string_view{};
    const fhir::path::Expression compiled =
        fhir::path::compile(expression, engine_->types(), answer.error, options);
    if (!compiled) {
        answer.failed = true;
        return answer;
    }
    fhir::path::Environment environment;
    environment.types = &engine_->types();
    Hooks hooks{*engine_, loaded != nullptr ? std::string_view(loaded->text) : std::string_view{}};
    environment.user = &hooks;
    environment.member_of = member_of;
    environment.conforms_to = conforms_to;
    // trace() speaks on standard error, so that results stay alone on standard output.
    environment.trace = [](void*, std::string_view name, fhir::path::Collection items) {
        std::fprintf(stderr, "trace %.*s:", static_cast<int>(name.size()), name.data());
        for (const fhir::path::Item& item : items) {
            std::fprintf(stderr, " %s", fhir::path::to_text(item).c_str());
        }
        std::fputc('\n', stderr);
    };
    environment.now = now_;
    environment.step_budget = 50'000'000;
    const fhir::path::Outcome outcome =
        fhir::path::evaluate(compiled, resource, environment, arena_);
    answer.failed = outcome.failed;
    answer.error = outcome.error;
    for (const fhir::path::Item& item : outcome.items) {
        // A primitive that has only an id or extensions has no value to show.
        if (item.kind == fhir::path::ItemKind::element && !item.element->has_value() &&
            item.type != fhir::unknown_type &&
            engine_->types().type(item.type).kind == fhir::TypeKind::primitive) {
            continue;
        }
        answer.items.push_back(item_of(item));
    }
    return answer;
}

PathRunner::Item PathRunner::item_of(const fhir::path::Item& item) const {
    Item out;
    out.type = fhir::path::type_name(item, engine_->types());
    const fhir::Element* element = item.element;
    const bool complex = item.kind == fhir::path::ItemKind::element && element != nullptr &&
                         !element->has_value() &&
                         (element->is_resource || element->first_child != nullptr);
    if (complex) {
        out.json = write_json(*element, &engine_->types());
        out.text = out.json;
        return out;
    }
    out.text = fhir::path::to_text(item);
    fhir::append_json_string(out.json, out.text);
    return out;
}

const char* phase_name(fhir::path::ErrorPhase phase) noexcept {
    switch (phase) {
    case fhir::path::ErrorPhase::syntax: return "syntax";
    case fhir::path::ErrorPhase::semantic: return "semantic";
    case fhir::path::ErrorPhase::execution: break;
    }
    return "execution";
}

}  // namespace gatehouse::cli
