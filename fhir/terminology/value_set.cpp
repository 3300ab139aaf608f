// SPDX-License-Identifier: Apache-2.0
//
// FHIR R4 §4.9.5 (ValueSet composition): each include is the intersection of its system selection
// and its imports; a value set is the union of its includes without its excludes. The compose wins
// over a stored expansion, which may be older; the expansion serves as a "yes" where the compose
// cannot be decided here.

#include "fhir/terminology/value_set.hpp"

#include "fhir/terminology/resource_provider.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::string_view snomed = "http://snomed.info/sct";

bool flag(std::string_view text) noexcept {
    return text == "true";
}

Verdict both(Verdict a, Verdict b) noexcept {
    if (a == Verdict::no || b == Verdict::no) {
        return Verdict::no;
    }
    return a == Verdict::yes && b == Verdict::yes ? Verdict::yes : Verdict::not_checkable;
}

}  // namespace

ValueSetIndex::ValueSetIndex(const Element& resource, const ValueSetSources& sources)
    : url_(resource.child_value("url")), version_(resource.child_value("version")),
      name_(
          resource.child_value("title").empty() ? resource.child_value("name")
                                                : resource.child_value("title")
      ),
      resource_(&resource) {
    if (const Element* expansion = resource.child("expansion")) {
        expansion_complete_ = true;
        for (const Element& child : expansion->children()) {
            // A page of an expansion, or one cut short, proves nothing about what it lacks; it is
            // only ever used for "yes", so it may be read all the same.
            if (child.name == "contains") {
                read_expansion(*expansion);
                break;
            }
        }
    }
    if (const Element* compose = resource.child("compose")) {
        has_compose_ = true;
        active_only_ = compose->child_value("inactive") == "false";
        for (const Element& child : compose->children()) {
            if (child.name == "include") {
                includes_.push_back(compile(child, sources));
            } else if (child.name == "exclude") {
                excludes_.push_back(compile(child, sources));
            }
        }
    }
    if (!has_compose_ && expansion_.empty()) {
        undecided_ = "value set has neither compose nor expansion";
    }
}

ValueSetIndex::ValueSetIndex(
    std::string_view url, const CodeSystemProvider& provider, ConceptSet set
)
    : url_(url), name_(url), has_compose_(true) {
    Part part;
    part.system = provider.system();
    part.kind = Kind::set;
    part.provider = &provider;
    part.set = std::move(set);
    part.partial = provider.knowledge() != SystemKnowledge::complete;
    includes_.push_back(std::move(part));
}

ValueSetIndex::ValueSetIndex(std::string_view url, std::string_view system)
    : url_(url), name_(url), has_compose_(true),
      undecided_("it is defined by content of " + std::string(system) + " that is not loaded") {
    Part part;
    part.system = system;
    part.kind = Kind::undecided;
    includes_.push_back(std::move(part));
}

void ValueSetIndex::read_expansion(const Element& parent) {
    for (const Element& child : parent.children()) {
        if (child.name != "contains") {
            continue;
        }
        const std::string_view code = child.child_value("code");
        if (!code.empty() && !flag(child.child_value("abstract"))) {
            expansion_[child.child_value("system")].insert(code);
        }
        read_expansion(child);
    }
}

ValueSetIndex::Part ValueSetIndex::compile(const Element& include, const ValueSetSources& sources) {
    Part part;
    part.system = include.child_value("system");
    if (!part.system.empty()) {
        const std::string_view version = include.child_value("version");
        part.index = sources.code_system(part.system, version);
        part.provider = sources.content ? sources.content(part.system, version) : nullptr;
    }
    bool enumerated = false;
    bool filtered = false;
    for (const Element& child : include.children()) {
        if (child.name == "concept") {
            enumerated = true;
            part.codes.insert(child.child_value("code"));
        } else if (child.name == "filter") {
            filtered = true;
        } else if (child.name == "valueSet") {
            const ValueSetIndex* import = sources.value_set(child.value);
            if (import == nullptr) {
                part.import_missing = true;
                undecided_ = "imports value set " + std::string(child.value) +
                             ", which is not loaded, or includes this one in turn";
            } else {
                part.imports.push_back(import);
            }
        }
    }
    if (part.system.empty()) {
        part.kind = Kind::all;
    } else if (filtered) {
        compile_filters(include, part);
    } else if (!enumerated) {
        part.kind = Kind::whole;
        if (part.index == nullptr && part.provider == nullptr &&
            !check_syntax_system(part.system, {}).is_syntax_system) {
            undecided_ = "needs the content of code system " + std::string(part.system);
        }
    }
    return part;
}

void ValueSetIndex::compile_filters(const Element& include, Part& part) {
    std::vector<ConceptFilter> filters;
    for (const Element& child : include.children()) {
        if (child.name == "filter") {
            filters.push_back(
                {child.child_value("property"), child.child_value("op"), child.child_value("value")}
            );
        }
    }
    if (part.provider == nullptr && part.system == snomed && filters.size() == 1 &&
        (filters[0].property == "constraint" || filters[0].property == "expression") &&
        filters[0].op == "=") {
        std::vector<std::string_view> ids;
        if (read_ecl_id_list(filters[0].value, ids)) {
            part.codes.insert(ids.begin(), ids.end());
            return;
        }
    }
    const auto undecided = [&](std::string why) {
        part.kind = Kind::undecided;
        undecided_ = std::move(why);
    };
    ConceptBudget budget;
    const auto select = [&](const CodeSystemProvider& provider) -> Result<ConceptSet> {
        ConceptSet out = provider.everything();
        for (const ConceptFilter& filter : filters) {
            GH_TRY_ASSIGN(const ConceptSet one, provider.filter(filter, budget));
            out &= one;
        }
        return out;
    };
    if (part.provider != nullptr) {
        auto chosen = select(*part.provider);
        if (!chosen) {
            undecided(chosen.error().detail);
            return;
        }
        part.kind = Kind::set;
        part.set = std::move(*chosen);
        part.partial = part.provider->knowledge() != SystemKnowledge::complete;
        return;
    }
    if (part.index == nullptr || part.index->concepts().empty()) {
        undecided("needs the content of code system " + std::string(part.system));
        return;
    }
    const ResourceProvider provider(
        *part.index, enclosing_resource(*part.index->concepts().front().node), {}
    );
    const auto chosen = select(provider);
    if (!chosen) {
        undecided(chosen.error().detail);
        return;
    }
    part.partial = part.index->knowledge() != SystemKnowledge::complete;
    chosen->for_each([&](ConceptNumber number) {
        part.codes.insert(part.index->concepts()[number].code);
    });
}

bool ValueSetIndex::is_inactive(const Part& part, std::string_view code) {
    if (part.provider != nullptr) {
        const auto number = part.provider->find(code);
        return number && part.provider->inactive(*number);
    }
    const Concept* entry = part.index == nullptr ? nullptr : part.index->find(code);
    return entry != nullptr && entry->inactive;
}

Verdict ValueSetIndex::part_contains(
    const Part& part, std::string_view system, std::string_view code
) const {
    if (!part.system.empty() && !system.empty() && part.system != system) {
        return Verdict::no;
    }
    Verdict verdict = Verdict::yes;
    switch (part.kind) {
    case Kind::all: break;
    case Kind::codes:
        if (part.codes.contains(code)) {
            break;
        }
        verdict = Verdict::no;
        if (part.provider != nullptr && !part.provider->case_sensitive()) {
            if (const auto number = part.provider->find(code)) {
                verdict =
                    part.codes.contains(part.provider->code(*number)) ? Verdict::yes : Verdict::no;
            }
        } else if (part.index != nullptr) {
            const Concept* entry = nullptr;
            if (part.partial || !part.index->case_sensitive()) {
                entry = part.index->find(code);
            }
            if (entry != nullptr) {
                verdict = part.codes.contains(entry->code) ? Verdict::yes : Verdict::no;
            } else if (part.partial) {
                verdict = Verdict::not_checkable;
            }
        }
        break;
    case Kind::set:
        if (const auto number = part.provider->find(code)) {
            verdict = part.set.contains(*number) ? Verdict::yes : Verdict::no;
        } else {
            verdict =
                part.provider->knows(code) == Verdict::no ? Verdict::no : Verdict::not_checkable;
        }
        break;
    case Kind::undecided:
        verdict = has_code_shape(part.system, code) ? Verdict::not_checkable : Verdict::no;
        break;
    case Kind::whole:
        if (const SyntaxAnswer syntax = check_syntax_system(part.system, code);
            syntax.is_syntax_system) {
            // A grammar's "no" to a coding is reported where the code stands (facts()), not as a
            // missing member; a code without a system is judged here alone.
            verdict = syntax.verdict == Verdict::yes ? Verdict::yes
                      : system.empty()               ? Verdict::no
                                                     : Verdict::not_checkable;
        } else if (part.provider != nullptr) {
            verdict = part.provider->knows(code);
        } else if (part.index == nullptr) {
            verdict = has_code_shape(part.system, code) ? Verdict::not_checkable : Verdict::no;
        } else if (part.index->find(code) != nullptr) {
            verdict = Verdict::yes;
        } else {
            verdict = part.index->knowledge() == SystemKnowledge::complete ? Verdict::no
                                                                           : Verdict::not_checkable;
        }
        break;
    }
    if (active_only_ && verdict != Verdict::no && is_inactive(part, code)) {
        verdict = Verdict::no;
    }
    for (const ValueSetIndex* import : part.imports) {
        if (verdict == Verdict::no) {
            break;
        }
        verdict = both(verdict, import->contains(system, code));
    }
    if (part.import_missing && verdict == Verdict::yes) {
        verdict = Verdict::not_checkable;
    }
    return verdict;
}

Verdict ValueSetIndex::contains(std::string_view system, std::string_view code) const {
    const auto in_expansion = [&] {
        if (!system.empty()) {
            const auto found = expansion_.find(system);
            return found != expansion_.end() && found->second.contains(code);
        }
        for (const auto& [name, codes] : expansion_) {
            if (codes.contains(code)) {
                return true;
            }
        }
        return false;
    };
    if (!has_compose_) {
        if (in_expansion()) {
            return Verdict::yes;
        }
        return expansion_complete_ ? Verdict::no : Verdict::not_checkable;
    }
    Verdict verdict = Verdict::no;
    for (const Part& part : includes_) {
        const Verdict one = part_contains(part, system, code);
        if (one == Verdict::yes) {
            verdict = one;
            break;
        }
        if (one == Verdict::not_checkable) {
            verdict = one;
        }
    }
    if (verdict == Verdict::not_checkable && in_expansion()) {
        return Verdict::yes;
    }
    if (verdict == Verdict::no) {
        return verdict;
    }
    for (const Part& part : excludes_) {
        const Verdict one = part_contains(part, system, code);
        if (one == Verdict::yes) {
            return Verdict::no;
        }
        if (one == Verdict::not_checkable) {
            verdict = one;
        }
    }
    return verdict;
}

bool ValueSetIndex::draws_on(std::string_view system) const {
    for (const Part& part : includes_) {
        if (part.system == system) {
            return true;
        }
        if (part.system.empty()) {
            if (part.imports.empty() || part.import_missing) {
                return true;
            }
            for (const ValueSetIndex* import : part.imports) {
                if (import->draws_on(system)) {
                    return true;
                }
            }
        }
    }
    return !has_compose_ && expansion_.contains(system);
}

void ValueSetIndex::displays(
    std::string_view system, std::string_view code, std::vector<std::string_view>& out
) const {
    const Element* compose = resource_ == nullptr ? nullptr : resource_->child("compose");
    if (compose == nullptr) {
        return;
    }
    for (const Element& include : compose->children()) {
        if (include.name != "include" || include.child_value("system") != system) {
            continue;
        }
        for (const Element& entry : include.children()) {
            if (entry.name != "concept" || entry.child_value("code") != code) {
                continue;
            }
            if (const std::string_view display = entry.child_value("display"); !display.empty()) {
                out.push_back(display);
            }
            for (const Element& designation : entry.children()) {
                if (designation.name == "designation") {
                    out.push_back(designation.child_value("value"));
                }
            }
        }
    }
}

}  // namespace gatehouse::fhir
