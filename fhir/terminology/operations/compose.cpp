// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/compose.hpp"

#include <algorithm>

#include "fhir/terminology/code_system.hpp"

namespace gatehouse::fhir {

const CodeSystemProvider* ContentView::provider(std::string_view system, std::string_view version) {
    const std::string canonical = with_version(system, version);
    if (preferred_ != nullptr && preferred_->child_value("url") == system &&
        (version.empty() || preferred_->child_value("version") == version)) {
        return provide(*preferred_);
    }
    for (const OperationParameter& parameter : asked_.request().parameters) {
        const Element* resource = parameter.resource;
        if ((parameter.name == "tx-resource" || parameter.name == "codeSystem") &&
            resource != nullptr && resource->resource_type() == "CodeSystem" &&
            resource->child_value("url") == system &&
            (version.empty() || resource->child_value("version") == version)) {
            return provide(*resource);
        }
    }
    if (const CodeSystemProvider* loaded = terminology_.provider(system, version)) {
        return loaded;
    }
    if (asked_.request().stored) {
        if (const Element* resource = asked_.request().stored("CodeSystem", canonical)) {
            return provide(*resource);
        }
    }
    return nullptr;
}

const CodeSystemProvider* ContentView::provide(const Element& resource) {
    auto& slot = inline_[&resource];
    if (!slot) {
        slot = terminology_.provide(resource);
    }
    return slot.get();
}

std::string ContentView::versions(std::string_view system) const {
    std::string out;
    for (const CodeSystemProvider* provider : terminology_.providers(system)) {
        if (!provider->version().empty()) {
            out.append(out.empty() ? "" : ", ").append(provider->version());
        }
    }
    return out;
}

const ValueSetIndex* OneUse::compile(const Element& resource) {
    if (const auto known = done_.find(&resource); known != done_.end()) {
        return known->second.get();
    }
    if (std::find(chain_.begin(), chain_.end(), &resource) != chain_.end() ||
        chain_.size() >= content_.asked().request().limits.import_depth_max) {
        return nullptr;
    }
    chain_.push_back(&resource);
    const ValueSetSources sources{
        [](std::string_view, std::string_view) -> const CodeSystemIndex* { return nullptr; },
        [this](std::string_view system, std::string_view stated) {
            const auto* provider = content_.provider(system, rules_.choose(system, stated));
            const std::string_view demanded = rules_.demanded(system);
            if (provider != nullptr && !demanded.empty() && !provider->answers_version(demanded)) {
                mismatch_ = "The value set draws on version " + std::string(provider->version()) +
                            " of " + shown(system) + "; check-system-version demands " +
                            std::string(demanded) + ".";
            }
            return provider;
        },
        [this](std::string_view canonical) -> const ValueSetIndex* {
            const Element* import =
                content_.asked().resolve(content_.terminology(), "ValueSet", canonical);
            return import == nullptr ? nullptr : compile(*import);
        },
    };
    auto index = std::make_unique<const ValueSetIndex>(resource, sources);
    chain_.pop_back();
    return (done_[&resource] = std::move(index)).get();
}

Refusal refusal_of(const Fault& fault) {
    switch (fault.code) {
    case Errc::too_large: return cannot(IssueType::too_costly, fault.detail + ".");
    case Errc::unsupported: return cannot(IssueType::not_supported, fault.detail + ".");
    case Errc::not_found: return cannot(IssueType::not_found, fault.detail + ".");
    default: break;
    }
    return cannot(IssueType::invalid, fault.detail + ".");
}

Refusal Composer::too_costly() {
    return cannot(
        IssueType::too_costly,
        "Working out this value set costs more than one request may. Narrow its filters or ask for "
        "a smaller value set."
    );
}

std::optional<Refusal> Composer::collect(std::string_view canonical, CodeBag& out) {
    const Element* resource =
        content_.asked().resolve(content_.terminology(), "ValueSet", canonical);
    if (resource != nullptr) {
        return collect(*resource, out);
    }
    bool found = false;
    if (auto refused = implicit(canonical, out, found)) {
        return refused;
    }
    if (found) {
        return std::nullopt;
    }
    return not_here("Value set " + shown(canonical) + " is not known here.");
}

std::optional<Refusal> Composer::implicit(std::string_view canonical, CodeBag& out, bool& found) {
    const std::string_view url = url_part(canonical);
    for (const CodeSystemProvider* provider : content_.terminology().content()) {
        auto set = provider->implicit_value_set(implicit_url(canonical), budget_);
        if (!set && set.error().code == Errc::not_found) {
            continue;
        }
        if (!set) {
            return refusal_of(set.error());
        }
        found = true;
        CodeGroup& group = out.group(
            provider->system(), provider->version(), &content_.terminology().supplemented(*provider)
        );
        group.set |= *set;
        systems_.insert(with_version(provider->system(), provider->version()));
        return std::nullopt;
    }
    // CodeSystem.valueSet: "all codes of this system" by a name of its own.
    for (const Definition* definition : content_.terminology().definitions().all("CodeSystem")) {
        const Element* root = definition->root();
        if (root == nullptr || url.empty() || url_part(root->child_value("valueSet")) != url) {
            continue;
        }
        if (const CodeSystemProvider* provider = content_.provider(definition->url, {})) {
            found = true;
            CodeGroup& group = out.group(provider->system(), provider->version(), provider);
            group.set |= provider->everything();
            systems_.insert(with_version(provider->system(), provider->version()));
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<Refusal> Composer::collect(const Element& value_set, CodeBag& out) {
    const std::string name =
        with_version(value_set.child_value("url"), value_set.child_value("version"));
    if (!name.empty() && std::find(chain_.begin(), chain_.end(), name) != chain_.end()) {
        std::string path;
        for (const std::string& one : chain_) {
            path += one + " -> ";
        }
        return cannot(
            IssueType::processing,
            "Value set " + shown(name) + " includes itself: " + path + name + "."
        );
    }
    if (chain_.size() >= content_.asked().request().limits.import_depth_max) {
        return cannot(
            IssueType::too_costly,
            "Value sets import one another more than " + std::to_string(chain_.size()) +
                " levels deep."
        );
    }
    const Element* compose = value_set.child("compose");
    const Element* expansion = value_set.child("expansion");
    if (compose == nullptr) {
        if (expansion == nullptr) {
            return cannot(
                IssueType::invalid,
                "Value set " + shown(name) + " has neither compose nor expansion."
            );
        }
        read_expansion(*expansion, out);
        return budget_.left == 0 ? std::optional<Refusal>(too_costly()) : std::nullopt;
    }
    for (const Element& extension : value_set.children()) {
        static constexpr std::string_view wanted =
            "http://hl7.org/fhir/StructureDefinition/valueset-supplement";
        if (extension.name != "extension" || extension.child_value("url") != wanted) {
            continue;
        }
        const std::string_view supplement = extension.child_value("valueCanonical");
        if (content_.asked().resolve(content_.terminology(), "CodeSystem", supplement) == nullptr) {
            return cannot(
                IssueType::not_found,
                "Value set " + shown(name) + " needs the supplement " + shown(supplement) +
                    ", which is not known here."
            );
        }
    }
    chain_.push_back(name);
    CodeBag own;
    std::optional<Refusal> refused;
    bool includes = false;
    for (const Element& part : compose->children()) {
        if (part.name == "include" && !refused) {
            includes = true;
            CodeBag bag;
            refused = collect_part(part, bag);
            if (!refused && !own.add(bag, budget_)) {
                refused = too_costly();
            }
        }
    }
    for (const Element& part : compose->children()) {
        if (part.name == "exclude" && !refused) {
            CodeBag bag;
            refused = collect_part(part, bag);
            if (!refused && !own.subtract(bag, budget_)) {
                refused = too_costly();
            }
        }
    }
    chain_.pop_back();
    if (!refused && !includes) {
        refused = cannot(
            IssueType::invalid, "The compose of value set " + shown(name) + " has no include."
        );
    }
    if (refused) {
        // What an author expanded before serves where the content is not here.
        const bool whole = expansion != nullptr && expansion->child("contains") != nullptr &&
                           expansion->child("offset") == nullptr;
        if (!whole || refused->type != IssueType::not_found) {
            return refused;
        }
        missing_system_.clear();
        CodeBag stored;
        read_expansion(*expansion, stored);
        own = std::move(stored);
    }
    if (compose->child_value("inactive") == "false") {
        own.drop_inactive();
    }
    return out.add(own, budget_) ? std::nullopt : std::optional<Refusal>(too_costly());
}

void Composer::read_expansion(const Element& parent, CodeBag& out) {
    for (const Element& child : parent.children()) {
        if (child.name != "contains") {
            continue;
        }
        const std::string_view system = child.child_value("system");
        const std::string_view code = child.child_value("code");
        if (!budget_.spend(1)) {
            return;
        }
        if (!code.empty() && child.child_value("abstract") != "true") {
            const std::string_view version = rules_.choose(system, child.child_value("version"));
            const CodeSystemProvider* provider = content_.provider(system, version);
            out.group(system, provider == nullptr ? version : provider->version(), provider)
                .list(code, &child);
        }
        read_expansion(child, out);
    }
}

std::optional<Refusal> Composer::collect_part(const Element& part, CodeBag& out) {
    const std::string_view system = part.child_value("system");
    bool selected = false;
    if (!system.empty()) {
        if (auto refused = select(part, out)) {
            return refused;
        }
        selected = true;
    }
    for (const Element& import : part.children()) {
        if (import.name != "valueSet") {
            continue;
        }
        value_sets_.insert(std::string(import.value));
        CodeBag bag;
        if (auto refused = collect(import.value, bag)) {
            if (refused->status == 404) {
                refused->status = 422;
                refused->words =
                    "The value set imports " + shown(import.value) + ", which is not known here.";
            }
            return refused;
        }
        const bool good = selected ? out.keep_only(bag, budget_) : out.add(bag, budget_);
        if (!good) {
            return too_costly();
        }
        selected = true;
    }
    if (!selected) {
        return cannot(
            IssueType::invalid,
            "An " + std::string(part.name) +
                " of the value set names neither a system nor a value set."
        );
    }
    return std::nullopt;
}

std::optional<Refusal> Composer::select(const Element& part, CodeBag& out) {
    const std::string_view system = part.child_value("system");
    const std::string_view version = rules_.choose(system, part.child_value("version"));
    const CodeSystemProvider* provider = content_.provider(system, version);
    const bool filtered = part.child("filter") != nullptr;
    const bool enumerated = part.child("concept") != nullptr;
    if (filtered && enumerated) {
        return cannot(
            IssueType::invalid,
            "An include of system " + shown(system) +
                " has both concepts and filters; it may have one of them (vsd-3)."
        );
    }
    const std::string_view demanded = rules_.demanded(system);
    const std::string_view used = provider == nullptr ? version : provider->version();
    if (!demanded.empty() && !used.empty() && used != demanded &&
        !(provider != nullptr && provider->answers_version(demanded))) {
        return cannot(
            IssueType::exception,
            "The value set draws on version " + std::string(used) + " of " + shown(system) +
                "; check-system-version demands " + std::string(demanded) + "."
        );
    }
    if (provider != nullptr && provider->knowledge() == SystemKnowledge::no_content &&
        provider->concept_count() == 0) {
        provider = nullptr;
    }
    CodeGroup& group = out.group(system, used, provider);
    if (enumerated) {
        for (const Element& entry : part.children()) {
            if (entry.name == "concept") {
                if (!budget_.spend(1)) {
                    return too_costly();
                }
                group.list(entry.child_value("code"), &entry);
            }
        }
        systems_.insert(with_version(system, used));
        return std::nullopt;
    }
    if (provider == nullptr) {
        if (check_syntax_system(system, {}).is_syntax_system) {
            return cannot(
                IssueType::too_costly,
                "The codes of " + shown(system) + " are a grammar without end; it cannot be listed."
            );
        }
        missing_system_ = system;
        const std::string others = version.empty() ? std::string() : content_.versions(system);
        return cannot(
            IssueType::not_found,
            "The value set needs the content of code system " +
                shown(with_version(system, version)) + ", which is not loaded here" +
                (others.empty() ? "." : "; loaded: " + others + ".")
        );
    }
    if (provider->knowledge() != SystemKnowledge::complete) {
        unclosed_ = true;
        fragments_.insert(with_version(system, used));
    }
    systems_.insert(with_version(system, used));
    if (!filtered) {
        group.set = provider->everything();
        return std::nullopt;
    }
    return select_filtered(part, *provider, group);
}

std::optional<Refusal> Composer::select_filtered(
    const Element& part, const CodeSystemProvider& provider, CodeGroup& group
) {
    ConceptSet set = provider.everything();
    for (const Element& node : part.children()) {
        if (node.name != "filter") {
            continue;
        }
        const ConceptFilter filter{
            node.child_value("property"), node.child_value("op"), node.child_value("value")};
        if (filter.property.empty() || filter.op.empty() || filter.value.empty()) {
            return cannot(
                IssueType::invalid,
                "A filter on " + shown(provider.system()) + " needs property, op and value."
            );
        }
        const auto one = provider.filter(filter, budget_);
        if (!one) {
            return refusal_of(one.error());
        }
        set &= *one;
    }
    group.set |= set;
    return std::nullopt;
}

}  // namespace gatehouse::fhir
