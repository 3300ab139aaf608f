// SPDX-License-Identifier: Apache-2.0
//
// ConceptMap $translate (FHIR R4 ConceptMap-translate): forward and reverse, with dependencies,
// products and what a map says of unmapped codes. A map whose target is not a match (unmatched,
// disjoint) is told, and does not make the result true.
#include <algorithm>

#include "fhir/terminology/operations/answers.hpp"

namespace gatehouse::fhir {
namespace {

struct Match {
    std::string equivalence;
    std::string system;
    std::string version;
    std::string code;
    std::string display;
    std::string source;  // the map's canonical
    std::vector<const Element*> products;
    bool operator==(const Match&) const = default;
};

struct Dependency {
    std::string element;
    std::string value;
};

// What reverse translation makes of a relation (FHIR R4 concept-map-equivalence).
std::string inverted(std::string_view equivalence) {
    static constexpr std::pair<std::string_view, std::string_view> pairs[] = {
        {"wider", "narrower"},
        {"narrower", "wider"},
        {"subsumes", "specializes"},
        {"specializes", "subsumes"}};
    for (const auto& [from, to] : pairs) {
        if (equivalence == from) {
            return std::string(to);
        }
    }
    return std::string(equivalence);
}

class Translator {
public:
    Translator(const Terminology& terminology, const Asked& asked)
        : terminology_(terminology), asked_(asked) {
        reverse_ = asked.flag("reverse", false, wrong_);
        target_system_ =
            asked.has("targetsystem") ? asked.text("targetsystem") : asked.text("targetSystem");
        read_dependencies();
    }
    void translate(const Element& map, const AskedCoding& coding, int depth);
    [[nodiscard]] const std::optional<Refusal>& wrong() const noexcept { return wrong_; }
    [[nodiscard]] const std::vector<Match>& matches() const noexcept { return matches_; }
    [[nodiscard]] bool reverse() const noexcept { return reverse_; }
    // A group of the map speaks of the coding's system.
    [[nodiscard]] bool speaks_of(const Element& map, std::string_view system) const;

private:
    void read_dependencies();
    [[nodiscard]] bool depends_well(const Element& target) const;
    void forward(const Element& map, const Element& group, const AskedCoding& coding, int depth);
    void backward(const Element& map, const Element& group, const AskedCoding& coding);
    void unmapped(const Element& map, const Element& group, const AskedCoding& coding, int depth);
    void add(Match match) {
        if (std::find(matches_.begin(), matches_.end(), match) == matches_.end()) {
            matches_.push_back(std::move(match));
        }
    }
    static std::string name_of_map(const Element& map) {
        return with_version(map.child_value("url"), map.child_value("version"));
    }

    const Terminology& terminology_;
    const Asked& asked_;
    bool reverse_ = false;
    std::string target_system_;
    std::vector<Dependency> dependencies_;
    std::vector<Match> matches_;
    std::optional<Refusal> wrong_;
};

void Translator::read_dependencies() {
    for (const OperationParameter* parameter : asked_.all("dependency")) {
        if (parameter->node == nullptr) {
            wrong_ = bad_parameter("'dependency' has parts; post it in a Parameters resource.");
            return;
        }
        Dependency one;
        for (const Element& part : parameter->node->children()) {
            if (part.name != "part") {
                continue;
            }
            const std::string_view name = part.child_value("name");
            for (const Element& value : part.children()) {
                if (!value.name.starts_with("value")) {
                    continue;
                }
                if (name == "element") {
                    one.element = value.value;
                } else if (name == "concept") {
                    const Element* coding =
                        value.name == "valueCoding" ? &value : value.child("coding");
                    one.value = coding == nullptr ? value.value : coding->child_value("code");
                }
            }
        }
        dependencies_.push_back(std::move(one));
    }
}

bool Translator::depends_well(const Element& target) const {
    for (const Element& needed : target.children()) {
        if (needed.name != "dependsOn") {
            continue;
        }
        const bool met =
            std::any_of(dependencies_.begin(), dependencies_.end(), [&](const Dependency& one) {
                return one.element == needed.child_value("property") &&
                       one.value == needed.child_value("value");
            });
        if (!met) {
            return false;
        }
    }
    return true;
}

bool Translator::speaks_of(const Element& map, std::string_view system) const {
    for (const Element& group : map.children()) {
        if (group.name != "group") {
            continue;
        }
        const std::string_view source = group.child_value("source");
        const std::string_view target = group.child_value("target");
        const std::string_view from = reverse_ ? target : source;
        const std::string_view to = reverse_ ? source : target;
        if (url_part(from) == system &&
            (target_system_.empty() || url_part(to) == url_part(target_system_))) {
            return true;
        }
    }
    return false;
}

void Translator::translate(const Element& map, const AskedCoding& coding, int depth) {
    for (const Element& group : map.children()) {
        if (group.name != "group") {
            continue;
        }
        const std::string_view source = group.child_value("source");
        const std::string_view target = group.child_value("target");
        const std::string_view from = reverse_ ? target : source;
        const std::string_view to = reverse_ ? source : target;
        const std::string_view version =
            group.child_value(reverse_ ? "targetVersion" : "sourceVersion");
        if (!coding.system.empty() && !from.empty() && url_part(from) != coding.system) {
            continue;
        }
        if (!coding.version.empty() && !version.empty() && version != coding.version) {
            continue;
        }
        if (!target_system_.empty() && url_part(to) != url_part(target_system_)) {
            continue;
        }
        if (reverse_) {
            backward(map, group, coding);
        } else {
            forward(map, group, coding, depth);
        }
    }
}

void Translator::forward(
    const Element& map, const Element& group, const AskedCoding& coding, int depth
) {
    bool mentioned = false;
    for (const Element& element : group.children()) {
        if (element.name != "element" || element.child_value("code") != coding.code) {
            continue;
        }
        mentioned = true;
        for (const Element& target : element.children()) {
            if (target.name != "target" || !depends_well(target)) {
                continue;
            }
            Match match;
            match.equivalence = target.child_value("equivalence");
            match.system = url_part(group.child_value("target"));
            match.version = group.child_value("targetVersion");
            match.code = target.child_value("code");
            match.display = target.child_value("display");
            match.source = name_of_map(map);
            for (const Element& product : target.children()) {
                if (product.name == "product") {
                    match.products.push_back(&product);
                }
            }
            add(std::move(match));
        }
    }
    if (!mentioned) {
        unmapped(map, group, coding, depth);
    }
}

void Translator::unmapped(
    const Element& map, const Element& group, const AskedCoding& coding, int depth
) {
    static constexpr int depth_max = 8;  // maps may name one another in a circle
    const Element* rule = group.child("unmapped");
    if (rule == nullptr) {
        return;
    }
    const std::string_view mode = rule->child_value("mode");
    Match match;
    match.system = url_part(group.child_value("target"));
    match.version = group.child_value("targetVersion");
    match.source = name_of_map(map);
    if (mode == "provided") {
        match.equivalence = "equal";
        match.code = coding.code;
        match.display = coding.display;
        add(std::move(match));
    } else if (mode == "fixed") {
        match.equivalence = "inexact";
        match.code = rule->child_value("code");
        match.display = rule->child_value("display");
        add(std::move(match));
    } else if (mode == "other-map" && depth < depth_max) {
        const Element* other = asked_.resolve(terminology_, "ConceptMap", rule->child_value("url"));
        if (other != nullptr) {
            translate(*other, coding, depth + 1);
        }
    }
}

void Translator::backward(const Element& map, const Element& group, const AskedCoding& coding) {
    for (const Element& element : group.children()) {
        if (element.name != "element") {
            continue;
        }
        for (const Element& target : element.children()) {
            if (target.name != "target" || target.child_value("code") != coding.code ||
                !depends_well(target)) {
                continue;
            }
            Match match;
            match.equivalence = inverted(target.child_value("equivalence"));
            match.system = url_part(group.child_value("source"));
            match.version = group.child_value("sourceVersion");
            match.code = element.child_value("code");
            match.display = element.child_value("display");
            match.source = name_of_map(map);
            add(std::move(match));
        }
    }
}

// A scope (value set) of a map: source[x] or target[x].
std::string_view scope(const Element& map, std::string_view side) {
    for (const Element& child : map.children()) {
        if (child.name.starts_with(side) && child.name.size() > side.size() &&
            (child.name.ends_with("Uri") || child.name.ends_with("Canonical"))) {
            return child.value;
        }
    }
    return {};
}

// The maps to try: the one named, or all whose scopes are those asked for.
std::vector<const Element*> maps_of(
    const Terminology& terminology,
    const Asked& asked,
    const Translator& translator,
    const std::vector<AskedCoding>& codings,
    std::optional<Refusal>& refused
) {
    std::vector<const Element*> out;
    if (asked.request().instance != nullptr) {
        out.push_back(asked.request().instance);
        return out;
    }
    if (asked.has("conceptMap")) {
        const Element* map = asked.resource("conceptMap");
        if (map == nullptr || map->resource_type() != "ConceptMap") {
            refused = bad_parameter("Parameter 'conceptMap' must hold a ConceptMap resource.");
            return out;
        }
        out.push_back(map);
        return out;
    }
    if (std::string url(asked.text("url")); !url.empty()) {
        if (version_part(url).empty()) {
            url = with_version(url, asked.text("conceptMapVersion"));
        }
        const Element* map = asked.resolve(terminology, "ConceptMap", url);
        if (map == nullptr) {
            refused = not_here("Concept map " + shown(url) + " is not known here.");
            return out;
        }
        out.push_back(map);
        return out;
    }
    const std::string_view source = asked.text("source");
    const std::string_view target = asked.text("target");
    const auto fits = [](std::string_view wanted, std::string_view has) {
        return wanted.empty() ||
               (version_part(wanted).empty() ? url_part(has) == wanted : has == wanted);
    };
    for (const Definition* definition : terminology.definitions().all("ConceptMap")) {
        const Element* map = definition->root();
        if (map == nullptr) {
            continue;
        }
        const std::string_view from = scope(*map, translator.reverse() ? "target" : "source");
        const std::string_view to = scope(*map, translator.reverse() ? "source" : "target");
        const bool spoken =
            std::any_of(codings.begin(), codings.end(), [&](const AskedCoding& coding) {
                return translator.speaks_of(*map, coding.system);
            });
        if (fits(source, from) && fits(target, to) && spoken) {
            out.push_back(map);
        }
    }
    return out;
}

std::vector<AskedCoding> translated_codings(const Asked& asked, std::optional<Refusal>& wrong) {
    std::vector<AskedCoding> out;
    if (const OperationParameter* parameter = asked.find("codeableConcept")) {
        if (parameter->element != nullptr && parameter->element->name == "valueCodeableConcept") {
            for (const Element& coding : parameter->element->children()) {
                if (coding.name == "coding") {
                    out.push_back(read_coding(coding, {}));
                }
            }
        }
    } else if (auto coding = asked.coding("coding")) {
        out.push_back(std::move(*coding));
    } else if (!asked.text("code").empty()) {
        AskedCoding one;
        one.code = asked.text("code");
        one.system = asked.text("system");
        one.version = asked.text("version");
        out.push_back(std::move(one));
    }
    const bool whole = std::all_of(out.begin(), out.end(), [](const AskedCoding& one) {
        return !one.code.empty() && !one.system.empty();
    });
    if (out.empty() || !whole) {
        wrong = Refusal{
            400,
            IssueType::required,
            "terminology-parameter",
            "Which code? Give 'code' and 'system', a 'coding' or a 'codeableConcept' with both."};
    }
    return out;
}

void write_match(ParametersWriter& out, const Match& match) {
    out.open("match");
    out.code("equivalence", match.equivalence.empty() ? "relatedto" : match.equivalence);
    if (!match.code.empty()) {
        out.coding("concept", match.system, match.version, match.code, match.display);
    }
    for (const Element* product : match.products) {
        out.open("product");
        out.uri("element", product->child_value("property"));
        out.coding(
            "concept",
            product->child_value("system"),
            {},
            product->child_value("value"),
            product->child_value("display")
        );
        out.close();
    }
    if (!match.source.empty()) {
        out.uri("source", match.source);
    }
    out.close();
}

}  // namespace

OperationAnswer run_translate(const Terminology& terminology, const Asked& asked) {
    std::optional<Refusal> wrong;
    const std::vector<AskedCoding> codings = translated_codings(asked, wrong);
    Translator translator(terminology, asked);
    if (wrong || translator.wrong()) {
        return refuse(wrong ? *wrong : *translator.wrong());
    }
    std::optional<Refusal> refused;
    const auto maps = maps_of(terminology, asked, translator, codings, refused);
    if (refused) {
        return refuse(*refused);
    }
    for (const AskedCoding& coding : codings) {
        for (const Element* map : maps) {
            translator.translate(*map, coding, 0);
        }
    }
    const bool result = std::any_of(
        translator.matches().begin(),
        translator.matches().end(),
        [](const Match& match) {
            return match.equivalence != "unmatched" && match.equivalence != "disjoint" &&
                   !match.code.empty();
        }
    );
    ParametersWriter out;
    out.boolean("result", result);
    if (maps.empty()) {
        out.text("message", "No concept map that is known here fits the question.");
    } else if (translator.matches().empty()) {
        out.text("message", "No map has this code.");
    } else if (!result) {
        out.text("message", "The map says that this code has no equivalent.");
    }
    for (const Match& match : translator.matches()) {
        write_match(out, match);
    }
    OperationAnswer answer;
    answer.json = out.take();
    return answer;
}

}  // namespace gatehouse::fhir
