#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// RouteTable: who else is told of an accepted message, as data (config/routes). A route matches by
// resource type, partner, acting organisation and interaction, and names destinations; its owner
// answers for it (guardrail G03). Immutable, part of the Rulebook, swapped whole at reload.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/identity/identity.hpp"

namespace gatehouse::gateway {

// The shared care record's own store: every accepted message goes there, whatever routes say.
inline constexpr std::string_view record_destination = "record";

enum class DestinationKind : std::uint8_t { store, spool };
const char* to_string(DestinationKind kind) noexcept;

struct Destination {
    std::string id;
    DestinationKind kind = DestinationKind::spool;
    Owner owner;  // empty where none is named
    // spool: where its files go (relative: to the data folder), and how many may lie there.
    std::filesystem::path folder;
    std::uint64_t files_max = 100'000;
};

struct Route {
    std::string id;
    Owner owner;
    // Each empty list: any.
    std::vector<std::string> types;
    std::vector<std::string> partners;
    std::vector<std::string> organisations;
    std::vector<std::string> interactions;  // create, update, delete, transaction
    std::vector<std::string> to;            // destination ids, sorted
};

class RouteTable {
public:
    // What a message is matched by.
    struct Facts {
        std::vector<std::string> types;  // of every resource it writes; one that fits is enough
        std::string_view partner;
        std::string_view organisation;
        std::string_view interaction;
    };

    // Every *.yaml of `folder` (absent: no routes). Errc::invalid with every problem, one a line as
    // "file:line:column: what". `owners`: the folder of named owners.
    static Result<std::shared_ptr<const RouteTable>>
    load(const std::filesystem::path& folder, const std::filesystem::path& owners);

    // Destinations of a message: `record` first, then those of all routes that match, sorted, each
    // once.
    [[nodiscard]] std::vector<std::string> destinations(const Facts& facts) const;
    // True if nothing but `record` can come out of destinations().
    [[nodiscard]] bool record_only() const noexcept { return record_only_; }

    [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }
    // Declared ones and `record`, by id.
    [[nodiscard]] const std::map<std::string, Destination>& all_destinations() const noexcept {
        return destinations_;
    }

private:
    std::vector<Route> routes_;
    std::map<std::string, Destination> destinations_;
    bool record_only_ = true;
};

}  // namespace gatehouse::gateway
