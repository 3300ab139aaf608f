// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/rules.hpp"

#include <utility>

#include "gateway/base/profiles.hpp"
#include "gateway/pipeline/route_table.hpp"
#include "gateway/policy/policy.hpp"

namespace gatehouse::gateway {

namespace {

Result<fhir::ProfileChooser> load_chooser(const Config& config) {
    if (config.folders.profiles_file.empty()) {
        return fhir::ProfileChooser();
    }
    GH_TRY_ASSIGN(
        DefaultProfiles table, DefaultProfiles::load(config.folders.profiles_file.string())
    );
    return DefaultProfiles::chooser(std::make_shared<const DefaultProfiles>(std::move(table)));
}

}  // namespace

Result<std::shared_ptr<const fhir::Engine>> load_engine(const Config& config) {
    fhir::EngineOptions options;
    GH_TRY_ASSIGN(options.lock, fhir::read_lock(config.packages.lock_file));
    for (const std::string& package : config.packages.load) {
        options.packages.push_back({package});
    }
    options.cache = config.packages.cache;
    return fhir::Engine::load(options);
}

Result<Rulebook> load_rulebook(const Config& config) {
    Rulebook out;
    Problems problems;
    auto policy = PolicySet::load(config.folders.policies);
    if (policy) {
        out.policy = std::move(*policy);
    } else {
        problems.add(policy.error().detail);
    }
    auto chooser = load_chooser(config);
    if (chooser) {
        out.chooser = std::move(*chooser);
    } else {
        problems.add(chooser.error().detail);
    }
    auto routes = RouteTable::load(config.folders.routes, config.folders.owners);
    if (routes) {
        out.routes = std::move(*routes);
    } else {
        problems.add(routes.error().detail);
    }
    if (!problems.empty()) {
        return Fault(Errc::invalid, "rules", problems.text());
    }
    return out;
}

PartnerSource partner_source(const Config& config) {
    PartnerSource out;
    out.partners = config.folders.partners;
    out.owners = config.folders.owners;
    out.samples_allowed = config.profile == RunProfile::development;
    return out;
}

DirectoryOptions directory_options(const Config& config, const Clock& clock) {
    DirectoryOptions out;
    out.source = partner_source(config);
    out.token_store = config.token_store();
    out.token_folder = config.token_folder();
    out.clock = &clock;
    return out;
}

void check_rules(const Config& config, Problems& problems) {
    load_partners(partner_source(config), problems);
    const auto rulebook = load_rulebook(config);
    if (!rulebook) {
        problems.add(rulebook.error().detail);
    }
}

}  // namespace gatehouse::gateway
