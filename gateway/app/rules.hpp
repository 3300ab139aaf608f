#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Everything a message is judged by, read from the configuration: definitions, policies, default
// profiles, routes and partners. Start, reload and `gatehouse check` read the same things in the
// same way.

#include <memory>

#include "fhir/base/result.hpp"
#include "fhir/terminology/remote.hpp"
#include "gateway/base/config.hpp"
#include "gateway/base/yaml.hpp"
#include "gateway/identity/directory.hpp"
#include "gateway/identity/partners.hpp"
#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

// The index files of terminology.content, mapped and checked: about a second for each gigabyte.
Result<fhir::TerminologyContent> load_terminology(const Config& config);

// The terminology server of terminology.remote, or null where none is configured. It outlives
// reloads: its answers are kept. Errc::invalid names the setting's file or the URL.
Result<std::shared_ptr<fhir::RemoteTerminology>> open_remote_terminology(const Config& config);

// Packages of the lock file and packages.load, compiled. Takes most of a start's time.
Result<std::shared_ptr<const fhir::Engine>>
load_engine(const Config& config, const fhir::TerminologyContent& content);

// The other sets of packages.sets_file, each with its default profiles; null where there are none.
// A set whose engine is in `known` already, by name and digest, is taken from there: it is warm.
Result<std::shared_ptr<const DefinitionSets>> load_versions(
    const Config& config,
    const fhir::TerminologyContent& content,
    const DefinitionSets* known = nullptr
);

// What is wrong with the validator's open door: its partner is unknown, or may do more than ask.
void check_validator_door(const Config& config, const Partners& partners, Problems& problems);

// Policies, default profiles and routes; the engine is the caller's to add. Every problem is in the
// fault, one a line.
Result<Rulebook> load_rulebook(const Config& config);

PartnerSource partner_source(const Config& config);
DirectoryOptions directory_options(const Config& config, const Clock& clock);

// Everything but the engine, for `gatehouse check`.
void check_rules(const Config& config, Problems& problems);

}  // namespace gatehouse::gateway
