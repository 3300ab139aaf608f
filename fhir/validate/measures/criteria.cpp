// SPDX-License-Identifier: Apache-2.0
//
// CQL criteria: "name" or "Library.name" of a definition in one of the measure's libraries. What a
// library defines is read from its compiled form (ELM in XML, HL7 CQL 1.5 §Appendix E), without
// compiling anything here; a library that carries none is reported.
#include <string>
#include <unordered_set>
#include <vector>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/measures/measures.hpp"

namespace gatehouse::fhir::judge::measures {
namespace {

struct Library {
    const Element* node = nullptr;
    std::string_view name;
    std::string_view url;
    bool has_elm = false;
    bool readable = false;  // ELM's library element was found
    std::unordered_set<std::string> definitions;
};

// Value of an XML attribute inside one start tag; empty if it is not there.
std::string_view attribute_of(std::string_view tag, std::string_view name) {
    for (std::size_t at = tag.find(name); at != std::string_view::npos;
         at = tag.find(name, at + 1)) {
        const std::size_t equals = at + name.size();
        if (at == 0 || !is_space(tag[at - 1]) || equals + 1 >= tag.size() || tag[equals] != '=') {
            continue;
        }
        const char quote = tag[equals + 1];
        const std::size_t end = tag.find(quote, equals + 2);
        return (quote == '"' || quote == '\'') && end != std::string_view::npos
                   ? tag.substr(equals + 2, end - equals - 2)
                   : std::string_view{};
    }
    return {};
}

// Names of <def name="..."> below <statements>; prefixes are passed over.
void read_elm(std::string_view xml, Library& library) {
    bool in_statements = false;
    for (std::size_t open = xml.find('<'); open != std::string_view::npos;
         open = xml.find('<', open + 1)) {
        const std::size_t close = xml.find('>', open);
        if (close == std::string_view::npos) {
            return;
        }
        std::string_view tag = xml.substr(open + 1, close - open - 1);
        const bool ends = tag.starts_with('/');
        std::string_view name = tag.substr(ends ? 1 : 0);
        name = name.substr(0, name.find_first_of(" \t\r\n/"));
        name = name.substr(name.find(':') == std::string_view::npos ? 0 : name.find(':') + 1);
        if (name == "library" && !ends) {
            library.readable = library.readable || has_part(tag, "urn:hl7-org:elm:r1");
        } else if (name == "statements") {
            in_statements = !ends;
        } else if (name == "def" && !ends && in_statements) {
            library.definitions.emplace(attribute_of(tag, "name"));
        }
    }
}

std::vector<Library> libraries_of(const Desk& desk, const Element& measure) {
    std::vector<Library> out;
    for (const Element& canonical : children(measure, "library")) {
        const Element* node = canonical.value.starts_with('#')
                                  ? desk.contained_resource(measure, canonical.value)
                                  : desk.definition("Library", canonical.value);
        if (node == nullptr) {
            desk.report(rules::measure_library_unknown, canonical, [&] {
                return join(
                    "The library ",
                    canonical.value,
                    " is not loaded, so the criteria were not checked against it."
                );
            });
            continue;
        }
        Library& library = out.emplace_back();
        library.node = node;
        library.name = node->child_value("name");
        library.url = node->child_value("url");
        for (const Element& content : children(*node, "content")) {
            const std::string_view type = content.child_value("contentType");
            const std::string_view data = content.child_value("data");
            if (type.starts_with("application/elm+xml") && !data.empty() &&
                desk.spend(1 + data.size() / 256)) {
                library.has_elm = true;
                read_elm(lexical::decode_base64(data), library);
            }
        }
    }
    return out;
}

void check_one(const Desk& desk, const Element& criteria, const std::vector<Library>& libraries) {
    const std::string_view language = criteria.child_value("language");
    std::string_view name = criteria.child_value("expression");
    if (language.empty() || name.empty()) {
        return;
    }
    if (language != "text/cql" && language != "text/cql.identifier" &&
        language != "text/cql-identifier") {
        desk.report(rules::criteria_language, criteria, [&] {
            return join("Criteria in ", language, " are not checked here.");
        });
        return;
    }
    if (libraries.empty()) {
        desk.report(rules::criteria_no_library, criteria, [] {
            return std::string(
                "CQL criteria need a library of the measure that defines them, and none is at hand."
            );
        });
        return;
    }
    const Library* library = nullptr;
    if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
        for (const Library& one : libraries) {
            if (one.name == name.substr(0, dot)) {
                library = &one;
            }
        }
        if (library == nullptr) {
            desk.report(rules::criteria_library_unknown, criteria, [&] {
                return join("The measure has no library named ", name.substr(0, dot), ".");
            });
            return;
        }
        name = name.substr(dot + 1);
    } else if (libraries.size() == 1) {
        library = &libraries.front();
    } else {
        desk.report(rules::criteria_ambiguous, criteria, [] {
            return std::string("The measure has several libraries: write Library.name.");
        });
        return;
    }
    if (!library->has_elm || !library->readable) {
        desk.report(rules::criteria_no_elm, criteria, [&] {
            return join(
                "The library ",
                library->url,
                " carries no compiled form (application/elm+xml) to look names up in."
            );
        });
        return;
    }
    if (name.size() > 1 && name.front() == '"' && name.back() == '"') {
        name = name.substr(1, name.size() - 2);
    }
    if (!library->definitions.contains(std::string(name))) {
        desk.report(rules::criteria_unknown, criteria, [&] {
            return join("The library ", library->url, " defines nothing named ", name, ".");
        });
    }
}

}  // namespace

void check_criteria(const Desk& desk, const Element& measure) {
    bool any = measure.child("library") != nullptr;
    for (const Element& group : children(measure, "group")) {
        any = any || group.child("stratifier") != nullptr;
    }
    if (!any) {
        return;
    }
    const std::vector<Library> libraries = libraries_of(desk, measure);
    for (const Element& group : children(measure, "group")) {
        for (const Element& stratifier : children(group, "stratifier")) {
            if (const Element* criteria = stratifier.child("criteria")) {
                check_one(desk, *criteria, libraries);
            }
            for (const Element& component : children(stratifier, "component")) {
                if (const Element* criteria = component.child("criteria")) {
                    check_one(desk, *criteria, libraries);
                }
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge::measures
