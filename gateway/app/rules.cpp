// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/rules.hpp"

#include <utility>

#include "fhir/terminology/load/content.hpp"
#include "gateway/base/advisor_file.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/base/profiles.hpp"
#include "gateway/pipeline/route_table.hpp"
#include "gateway/policy/policy.hpp"
#include "gateway/terminology/remote_server.hpp"

namespace gatehouse::gateway {

namespace {

Result<fhir::ProfileChooser> load_chooser(const std::filesystem::path& file) {
    if (file.empty()) {
        return fhir::ProfileChooser();
    }
    GH_TRY_ASSIGN(DefaultProfiles table, DefaultProfiles::load(file.string()));
    return DefaultProfiles::chooser(std::make_shared<const DefaultProfiles>(std::move(table)));
}

// Paths in the table are relative to the installation, as everywhere in the configuration.
std::filesystem::path at_home(const Config& config, const std::string& text) {
    return text.empty() ? std::filesystem::path() : config.home / text;
}

// Errors stay: what an error leads to is the policies' to say (G01), from the national one down.
Result<std::shared_ptr<const fhir::Advisor>> configured_advisor(const Config& config) {
    if (config.validation.advisor.empty()) {
        return std::shared_ptr<const fhir::Advisor>();
    }
    return load_advisor(config.validation.advisor, fhir::Advisor::Reach::lesser_only);
}

Result<DefinitionSet> load_set(
    const Config& config,
    const fhir::TerminologyContent& content,
    const DefinitionRules::Set& wanted
) {
    DefinitionSet out;
    out.name = wanted.name;
    fhir::EngineOptions options;
    GH_TRY_ASSIGN(
        options.lock,
        fhir::read_lock(
            wanted.lock_file.empty() ? config.packages.lock_file : at_home(config, wanted.lock_file)
        )
    );
    for (const std::string& package : wanted.load) {
        options.packages.push_back({package});
    }
    options.cache = config.packages.cache;
    options.content = content;
    GH_TRY_ASSIGN(options.advisor, configured_advisor(config));
    options.search = false;  // one search index for all, by the gateway's own definitions
    GH_TRY_ASSIGN(out.engine, fhir::Engine::load(options));
    GH_TRY_ASSIGN(
        out.chooser,
        load_chooser(
            wanted.profiles.empty() ? config.folders.profiles_file
                                    : at_home(config, wanted.profiles)
        )
    );
    return out;
}

}  // namespace

Result<fhir::TerminologyContent> load_terminology(const Config& config) {
    auto content = fhir::load_content(config.terminology.content);
    if (!content) {
        return Fault(
            content.error().code,
            "terminology content",
            config.file.string() + ": terminology.content: " + content.error().detail
        );
    }
    return content;
}

Result<std::shared_ptr<fhir::RemoteTerminology>> open_remote_terminology(const Config& config) {
    const Config::Terminology::Remote& given = config.terminology.remote;
    if (given.url.empty()) {
        return std::shared_ptr<fhir::RemoteTerminology>();
    }
    RemoteServerOptions options;
    options.url = given.url;
    options.systems = given.systems;
    options.timeout = given.timeout;
    options.threads = given.connections;
    options.queue_max = given.queue_max;
    options.cache_bytes_max = given.cache_bytes_max;
    options.cache_life = given.cache_life;
    options.undecided_life = given.undecided_life;
    options.breaker_failures = given.breaker_failures;
    options.breaker_pause = given.breaker_pause;
    auto server =
        open_remote_server(std::move(options), {given.ca_file, given.token_file}, &metrics());
    if (!server) {
        return Fault(
            server.error().code,
            "terminology server",
            config.file.string() + ": terminology.remote: " + server.error().detail
        );
    }
    return std::shared_ptr<fhir::RemoteTerminology>(std::move(*server));
}

Result<std::shared_ptr<const DefinitionSets>> load_versions(
    const Config& config, const fhir::TerminologyContent& content, const DefinitionSets* known
) {
    if (config.packages.sets_file.empty()) {
        return std::shared_ptr<const DefinitionSets>();
    }
    auto out = std::make_shared<DefinitionSets>();
    GH_TRY_ASSIGN(out->rules, DefinitionRules::load(config.packages.sets_file));
    for (const DefinitionRules::Set& wanted : out->rules.sets()) {
        auto set = load_set(config, content, wanted);
        if (!set) {
            return Fault(
                set.error().code,
                "definition set",
                config.packages.sets_file.string() + ": set '" + wanted.name +
                    "': " + set.error().detail
            );
        }
        if (known != nullptr) {
            for (const DefinitionSet& old : known->sets) {
                if (old.name == set->name && old.engine->digest() == set->engine->digest()) {
                    set->engine = old.engine;
                }
            }
        }
        out->sets.push_back(std::move(*set));
    }
    return std::shared_ptr<const DefinitionSets>(std::move(out));
}

void check_validator_door(const Config& config, const Partners& partners, Problems& problems) {
    const std::string& id = config.validate_resource.open_partner;
    if (!config.validate_resource.enabled || id.empty()) {
        return;
    }
    const std::string place = config.file.string() + ": validate_resource.open_partner: ";
    for (const auto& partner : partners) {
        if (partner->id != id) {
            continue;
        }
        if (partner->all_rights ||
            partner->limits.interactions != std::vector<std::string>{"validate"}) {
            problems.add(
                place + "partner '" + id +
                "' speaks for callers without a credential, so it may only validate: give it "
                "limits: {interactions: [validate]} and no all_rights (" +
                partner->file + ")"
            );
        }
        return;
    }
    problems.add(place + "there is no partner '" + id + "'");
}

Result<std::shared_ptr<const fhir::Engine>>
load_engine(const Config& config, const fhir::TerminologyContent& content) {
    fhir::EngineOptions options;
    options.content = content;
    GH_TRY_ASSIGN(options.lock, fhir::read_lock(config.packages.lock_file));
    for (const std::string& package : config.packages.load) {
        options.packages.push_back({package});
    }
    options.cache = config.packages.cache;
    GH_TRY_ASSIGN(options.advisor, configured_advisor(config));
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
    auto chooser = load_chooser(config.folders.profiles_file);
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
    check_validator_door(config, load_partners(partner_source(config), problems), problems);
    if (!config.packages.sets_file.empty()) {
        if (const auto sets = DefinitionRules::load(config.packages.sets_file); !sets) {
            problems.add(sets.error().detail);
        }
    }
    if (const auto advisor = configured_advisor(config); !advisor) {
        problems.add(advisor.error().detail);
    }
    const auto rulebook = load_rulebook(config);
    if (!rulebook) {
        problems.add(rulebook.error().detail);
    }
}

}  // namespace gatehouse::gateway
