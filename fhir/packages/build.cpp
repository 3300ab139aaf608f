// SPDX-License-Identifier: Apache-2.0
//
// Members -> facts: decode each file, take the conformance resources (one, or those of a Bundle),
// cut their prose, write them into a block.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "fhir/json/json.hpp"
#include "fhir/packages/facts.hpp"
#include "fhir/packages/source.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir::packages {
namespace {

// Resources that define something. Others in a package (examples, test data) are passed over.
constexpr std::array<std::string_view, 24> conformance_types{
    "StructureDefinition",
    "ValueSet",
    "CodeSystem",
    "SearchParameter",
    "OperationDefinition",
    "ConceptMap",
    "NamingSystem",
    "CompartmentDefinition",
    "CapabilityStatement",
    "StructureMap",
    "GraphDefinition",
    "MessageDefinition",
    "Questionnaire",
    "ImplementationGuide",
    "TerminologyCapabilities",
    "ActivityDefinition",
    "PlanDefinition",
    "Library",
    "ExampleScenario",
    "EventDefinition",
    "ObservationDefinition",
    "SpecimenDefinition",
    "Measure",
    "ResearchDefinition"};

DecodeLimits definition_limits() {
    DecodeLimits limits;
    limits.depth = 256;
    limits.string_bytes = 256U * 1024 * 1024;
    limits.members = 1'000'000;
    limits.elements = 100'000'000;
    return limits;
}

// "4.0.1" -> "r4"; empty if not a version of FHIR with a core package.
std::string_view release_of(std::string_view fhir_version) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> releases{
        {{"1.0", "r2"},
         {"3.0", "r3"},
         {"4.0", "r4"},
         {"4.3", "r4b"},
         {"5.0", "r5"},
         {"6.0", "r6"}}};
    for (const auto& [prefix, release] : releases) {
        if (fhir_version.starts_with(prefix)) {
            return release;
        }
    }
    return {};
}

class FactsBuilder {
public:
    FactsBuilder(bool keep_prose, std::vector<std::string>& notes)
        : keep_prose_(keep_prose), notes_(notes) {}

    void member(const Member& member, bool only_member) {
        std::string_view text = member.bytes;
        if (text.starts_with("\xEF\xBB\xBF")) {
            text.remove_prefix(3);
        }
        const auto first = text.find_first_not_of(" \t\r\n");
        const bool is_xml = first != std::string_view::npos && text[first] == '<';
        if (!is_xml && (first == std::string_view::npos || text[first] != '{')) {
            if (only_member) {
                notes_.push_back(member.path + ": neither a JSON object nor XML");
            }
            return;
        }
        // Not FHIR at all (a tool's settings, a build file): not worth a note inside a package.
        const bool says_fhir = is_xml ? text.find("http://hl7.org/fhir") != std::string_view::npos
                                      : text.find("\"resourceType\"") != std::string_view::npos;
        if (!says_fhir && !only_member) {
            return;
        }
        Arena arena;
        static const SymbolTable no_symbols;
        Decoded decoded = is_xml ? read_xml(text, arena, no_symbols, definition_limits())
                                 : read_json(text, arena, no_symbols, definition_limits());
        if (decoded.root == nullptr) {
            std::string why = "cannot be read";
            if (!decoded.issues.empty()) {
                const Issue& issue = decoded.issues.back();
                why += ": " + issue.diagnostics;
                if (issue.line != 0) {
                    why += " (line " + std::to_string(issue.line) + ", column " +
                           std::to_string(issue.column) + ")";
                }
            }
            notes_.push_back(member.path + ": " + why);
            return;
        }
        resource(*decoded.root, member.path);
    }

    [[nodiscard]] FactsWriter& writer() { return writer_; }
    [[nodiscard]] const std::string& core_version() const { return core_version_; }

private:
    void resource(Element& root, const std::string& path) {
        const std::string_view type = root.resource_type();
        if (type == "Bundle") {
            for (const Element& entry : root.children()) {
                Element* inner = entry.name == "entry" ? entry.child("resource") : nullptr;
                if (inner != nullptr && inner->is_resource) {
                    resource(*inner, path);
                }
            }
            return;
        }
        if (std::find(conformance_types.begin(), conformance_types.end(), type) ==
            conformance_types.end()) {
            return;
        }
        const std::string_view url = root.child_value("url");
        if (url.empty() && type != "NamingSystem") {
            // The core package itself holds CapabilityStatements without url: nothing reads those.
            if (type != "CapabilityStatement") {
                notes_.push_back(
                    path + ": " + std::string(type) + " without url cannot be referred to, left out"
                );
            }
            return;
        }
        if (url == "http://hl7.org/fhir/StructureDefinition/Element") {
            core_version_ = root.child_value("fhirVersion");
        }
        if (!keep_prose_) {
            strip_prose(root);
        }
        // The name of a root depends on the codec and on whether it sat in a Bundle; the tree
        // should not.
        root.name = root.resource_type();
        writer_.add(root);
    }

    bool keep_prose_;
    std::vector<std::string>& notes_;
    FactsWriter writer_;
    std::string core_version_;
};

}  // namespace

std::string build_facts(
    const Source& source,
    PackageInfo& info,
    bool keep_prose,
    std::string_view stamp,
    std::vector<std::string>& notes
) {
    FactsBuilder builder(keep_prose, notes);
    if (const Member* manifest = source.find("package.json");
        manifest != nullptr && !read_manifest(manifest->bytes, info)) {
        notes.emplace_back("package.json: not a JSON object with a name");
    }
    for (const Member& member : source.members) {
        if (source.is_file || is_definition_member(member.path)) {
            builder.member(member, source.is_file);
        }
    }
    if (!builder.core_version().empty() && info.name.empty()) {
        // A jar or folder with the base definitions is the core package of its version, whoever
        // packed it.
        const std::string_view release = release_of(builder.core_version());
        if (!release.empty()) {
            info.name = "hl7.fhir." + std::string(release) + ".core";
            info.version = builder.core_version();
        }
    }
    if (info.fhir_version.empty()) {
        info.fhir_version = builder.core_version();
    }
    info.digest =
        source.is_file ? sha256_text(source.members.front().bytes) : digest_members(source.members);
    info.resource_count = builder.writer().count();
    return builder.writer().finish(info, stamp, notes);
}

}  // namespace gatehouse::fhir::packages
