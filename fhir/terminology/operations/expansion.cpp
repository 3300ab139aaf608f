// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/expansion.hpp"

#include <algorithm>

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/resource_provider.hpp"

namespace gatehouse::fhir {
namespace {

bool is_word_char(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z');
}

// Every word of `words` begins a word of `text`; both folded.
bool meets_words(const std::string& text, const std::vector<std::string>& words) {
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        for (std::size_t at = text.find(word); at != std::string::npos;
             at = text.find(word, at + 1)) {
            if (at == 0 || !is_word_char(text[at - 1])) {
                return true;
            }
        }
        return false;
    });
}

std::vector<std::string> words_of(std::string_view filter) {
    std::vector<std::string> out;
    const std::string text = folded(filter);
    std::size_t at = 0;
    while ((at = text.find_first_not_of(" \t\r\n", at)) != std::string::npos) {
        const std::size_t end = text.find_first_of(" \t\r\n", at);
        out.push_back(text.substr(at, end - at));
        if (end == std::string::npos) {
            break;
        }
        at = end;
    }
    return out;
}

std::string code_of(const ExpandedCode& code) {
    return code.listed != nullptr ? std::string(code.listed->code)
                                  : code.group->provider->code(*code.number);
}

// All names: the value set's own, then the code system's.
void all_names(const ExpandedCode& code, std::vector<ConceptDesignation>& out) {
    if (code.listed != nullptr && code.listed->node != nullptr) {
        ConceptDesignation own;
        own.value = code.listed->node->child_value("display");
        if (!own.value.empty()) {
            out.push_back(own);
        }
        for (const Element& child : code.listed->node->children()) {
            if (child.name == "designation") {
                out.push_back(designation_of(child));
            }
        }
    }
    if (code.number) {
        code.group->provider->designations(*code.number, out);
    }
}

bool is_inactive(const ExpandedCode& code) {
    if (code.number) {
        return code.group->provider->inactive(*code.number);
    }
    return code.listed != nullptr && code.listed->node != nullptr &&
           code.listed->node->child_value("inactive") == "true";
}

bool passes(
    const ExpandedCode& code, const ExpansionShape& shape, const std::vector<std::string>& words
) {
    if (shape.active_only && is_inactive(code)) {
        return false;
    }
    if (shape.for_ui && code.number && code.group->provider->abstract(*code.number)) {
        return false;
    }
    if (words.empty()) {
        return true;
    }
    if (meets_words(folded(code_of(code)), words)) {
        return true;
    }
    std::vector<ConceptDesignation> names;
    all_names(code, names);
    return std::any_of(names.begin(), names.end(), [&](const ConceptDesignation& name) {
        return meets_words(folded(name.value), words);
    });
}

void write_designations(
    JsonWriter& json,
    const ExpandedCode& code,
    const ExpansionShape& shape,
    const std::string& display
) {
    std::vector<ConceptDesignation> names;
    all_names(code, names);
    std::vector<const ConceptDesignation*> shown_names;
    for (const ConceptDesignation& name : names) {
        const bool is_display = name.use_code.empty() && name.value == display;
        const bool wanted =
            shape.designations.empty() ||
            std::any_of(
                shape.designations.begin(),
                shape.designations.end(),
                [&](const std::string& token) {
                    const std::size_t bar = token.find('|');
                    if (bar == std::string::npos) {
                        return language_serves(name.language, token);
                    }
                    const std::string_view system = std::string_view(token).substr(0, bar);
                    const std::string_view use = std::string_view(token).substr(bar + 1);
                    return system == "urn:ietf:bcp:47"
                               ? language_serves(name.language, use)
                               : system == name.use_system && use == name.use_code;
                }
            );
        const bool repeated = std::any_of(
            shown_names.begin(),
            shown_names.end(),
            [&](const ConceptDesignation* other) {
                return other->value == name.value && other->language == name.language &&
                       other->use_code == name.use_code;
            }
        );
        if (!is_display && wanted && !repeated) {
            shown_names.push_back(&name);
        }
    }
    if (shown_names.empty()) {
        return;
    }
    json.key("designation").begin_array();
    for (const ConceptDesignation* name : shown_names) {
        json.begin_object();
        if (!name->language.empty()) {
            json.key("language").string(name->language);
        }
        if (!name->use_code.empty()) {
            json.key("use").begin_object();
            if (!name->use_system.empty()) {
                json.key("system").string(name->use_system);
            }
            json.key("code").string(name->use_code).end_object();
        }
        json.key("value").string(name->value).end_object();
    }
    json.end_array();
}

void write_code(JsonWriter& json, const ExpandedCode& code, const ExpansionShape& shape) {
    json.key("system").string(code.group->system);
    if (code.number && code.group->provider->abstract(*code.number)) {
        json.key("abstract").boolean(true);
    }
    if (is_inactive(code)) {
        json.key("inactive").boolean(true);
    }
    if (shape.versions && !code.group->version.empty()) {
        json.key("version").string(code.group->version);
    }
    json.key("code").string(code_of(code));
    const std::string display = display_of(code, shape.language);
    if (!display.empty()) {
        json.key("display").string(display);
    }
    if (shape.with_designations) {
        write_designations(json, code, shape, display);
    }
}

// Codes below the nearest codes above them that are in the expansion too.
struct Nest {
    std::vector<std::vector<std::size_t>> below;
    std::vector<std::size_t> tops;
};

Nest nest(const std::vector<ExpandedCode>& codes) {
    Nest out;
    out.below.resize(codes.size());
    std::map<std::pair<const CodeGroup*, ConceptNumber>, std::size_t> places;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i].number) {
            places[{codes[i].group, *codes[i].number}] = i;
        }
    }
    std::vector<std::size_t> above(codes.size(), SIZE_MAX);
    const auto leads_to = [&](std::size_t from, std::size_t target) {
        for (std::size_t at = from; at != SIZE_MAX; at = above[at]) {
            if (at == target) {
                return true;
            }
        }
        return false;
    };
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i].number && codes[i].group->provider->has_hierarchy()) {
            std::vector<ConceptNumber> open{*codes[i].number};
            std::set<ConceptNumber> seen{*codes[i].number};
            for (std::size_t next = 0; next < open.size() && above[i] == SIZE_MAX; ++next) {
                std::vector<ConceptNumber> parents;
                codes[i].group->provider->parents(open[next], parents);
                for (const ConceptNumber parent : parents) {
                    const auto place = places.find({codes[i].group, parent});
                    if (place != places.end() && !leads_to(place->second, i)) {
                        above[i] = place->second;
                        break;
                    }
                    if (seen.insert(parent).second) {
                        open.push_back(parent);
                    }
                }
            }
        }
        if (above[i] == SIZE_MAX) {
            out.tops.push_back(i);
        } else {
            out.below[above[i]].push_back(i);
        }
    }
    return out;
}

void write_nested(
    JsonWriter& json,
    const std::vector<ExpandedCode>& codes,
    const ExpansionShape& shape,
    const Nest& tree,
    const std::vector<std::size_t>& list,
    std::size_t depth
) {
    // The writer and every reader have a depth; what lies deeper stands at this level.
    static constexpr std::size_t depth_max = 48;
    json.key("contains").begin_array();
    std::vector<std::size_t> open(list.rbegin(), list.rend());
    while (!open.empty()) {
        const std::size_t at = open.back();
        open.pop_back();
        json.begin_object();
        write_code(json, codes[at], shape);
        if (!tree.below[at].empty()) {
            if (depth < depth_max) {
                write_nested(json, codes, shape, tree, tree.below[at], depth + 1);
            } else {
                open.insert(open.end(), tree.below[at].rbegin(), tree.below[at].rend());
            }
        }
        json.end_object();
    }
    json.end_array();
}

}  // namespace

std::string display_of(const ExpandedCode& code, std::string_view language) {
    const Element* node = code.listed == nullptr ? nullptr : code.listed->node;
    if (!language.empty()) {
        std::vector<ConceptDesignation> names;
        all_names(code, names);
        for (const ConceptDesignation& name : names) {
            if (!name.language.empty() && language_serves(name.language, language)) {
                return std::string(name.value);
            }
        }
    }
    if (node != nullptr && !node->child_value("display").empty()) {
        return std::string(node->child_value("display"));
    }
    return code.number ? std::string(code.group->provider->display(*code.number, language))
                       : std::string();
}

bool arrange(
    const CodeBag& bag,
    const ExpansionShape& shape,
    ConceptBudget& budget,
    std::vector<ExpandedCode>& out
) {
    const std::vector<std::string> words = words_of(shape.filter);
    const std::uint64_t cost = 1 + words.size() * 4;
    for (const CodeGroup& group : bag.groups()) {
        std::set<ConceptNumber> done;
        for (const ListedCode& entry : group.listed) {
            if (!budget.spend(cost)) {
                return false;
            }
            if (entry.number ? !group.set.contains(*entry.number) : !entry.alive) {
                continue;
            }
            ExpandedCode code{&group, entry.number, &entry};
            if (entry.number && !done.insert(*entry.number).second) {
                continue;
            }
            if (passes(code, shape, words)) {
                out.push_back(code);
            }
        }
        bool spent = false;
        group.set.for_each([&](ConceptNumber number) {
            if (!budget.spend(cost)) {
                spent = true;
                return false;
            }
            ExpandedCode code{&group, number, nullptr};
            if (!done.contains(number) && passes(code, shape, words)) {
                out.push_back(code);
            }
            return true;
        });
        if (spent) {
            return false;
        }
    }
    return true;
}

void write_contains(
    JsonWriter& json, const std::vector<ExpandedCode>& codes, const ExpansionShape& shape
) {
    const std::size_t from = std::min<std::size_t>(shape.offset.value_or(0), codes.size());
    const std::size_t end =
        shape.count ? std::min(codes.size(), from + std::size_t{*shape.count}) : codes.size();
    if (from == end) {
        return;
    }
    if (shape.nested) {
        const Nest tree = nest(codes);
        write_nested(json, codes, shape, tree, tree.tops, 0);
        return;
    }
    json.key("contains").begin_array();
    for (std::size_t i = from; i < end; ++i) {
        json.begin_object();
        write_code(json, codes[i], shape);
        json.end_object();
    }
    json.end_array();
}

}  // namespace gatehouse::fhir
