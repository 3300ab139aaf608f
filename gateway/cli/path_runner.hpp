#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Compiles and evaluates FHIRPath for the command line, with the engine behind memberOf() and
// conformsTo(), and writes results as JSON. One thread.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::cli {

// A resource to evaluate on; keeps its text and tree.
struct LoadedResource {
    std::string text;
    Arena arena;
    fhir::Element* root = nullptr;
    std::string problem;  // why there is no tree
};

class PathRunner {
public:
    explicit PathRunner(std::shared_ptr<const fhir::Engine> engine);

    // Reads and annotates `path` once; later calls give the same. JSON without resourceType is
    // allowed.
    LoadedResource& load(const std::string& path);

    struct Item {
        std::string type;  // "boolean", "HumanName", "Quantity"
        std::string json;  // primitives and quantities as a JSON string, complex items as FHIR JSON
        std::string text;  // the same for people
    };
    struct Answer {
        bool failed = false;
        fhir::path::Error error;
        std::vector<Item> items;
    };
    // `loaded` has a tree, or is nullptr: empty input.
    Answer run(std::string_view expression, const LoadedResource* loaded, bool strict);

private:
    Item item_of(const fhir::path::Item& item) const;

    std::shared_ptr<const fhir::Engine> engine_;
    std::unordered_map<std::string, std::unique_ptr<LoadedResource>> loaded_;
    Arena arena_;
    std::string now_;
};

// "syntax", "semantic", "execution".
const char* phase_name(fhir::path::ErrorPhase phase) noexcept;

}  // namespace gatehouse::cli
