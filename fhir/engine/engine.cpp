// SPDX-License-Identifier: Apache-2.0
#include "fhir/engine/engine.hpp"

#include "fhir/packages/source.hpp"
#include "fhir/terminology/remote.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

// Without content it is the packages' own, so that who loads none sees the digest of the lock file.
std::string digest_of(
    const Definitions& definitions, const TerminologyContent& content, const Advisor* advisor
) {
    if (content.providers.empty() && content.remote == nullptr && advisor == nullptr) {
        return definitions.digest();
    }
    std::string all = definitions.digest() + "\n";
    for (const auto& provider : content.providers) {
        all.append(provider->system()).append("|").append(provider->version());
        all.append(" ").append(provider->digest()).append("\n");
    }
    if (content.remote != nullptr) {
        all.append("remote ").append(content.remote->url()).append("\n");
    }
    if (advisor != nullptr) {
        all.append("advisor ").append(advisor->digest()).append("\n");
    }
    return packages::sha256_text(all);
}

}  // namespace

Result<std::shared_ptr<const Engine>> Engine::load(const EngineOptions& options) {
    std::shared_ptr<Engine> engine(new Engine());
    auto definitions = std::make_shared<Definitions>();
    if (!options.lock.packages.empty()) {
        GH_TRY(load_lock(*definitions, options.lock, options.cache, engine->notes_));
    }
    for (const PackageRef& package : options.packages) {
        GH_TRY(definitions->load(package, options.cache, engine->notes_));
    }
    engine->digest_ = digest_of(*definitions, options.content, options.advisor.get());
    engine->definitions_ = std::move(definitions);

    GH_TRY_ASSIGN(engine->schema_, Schema::build(engine->definitions_));
    engine->terminology_ =
        std::make_shared<const Terminology>(*engine->definitions_, options.content);
    engine->validator_ =
        std::make_unique<const Validator>(engine->schema_, engine->terminology_, options.advisor);
    if (options.search) {
        engine->search_ = std::make_unique<const SearchParameters>(engine->schema_, engine->notes_);
    }
    if (!options.warm_profiles.empty()) {
        Issues problems = engine->schema_->warm(options.warm_profiles);
        engine->notes_.insert(engine->notes_.end(), problems.begin(), problems.end());
    }
    return std::shared_ptr<const Engine>(std::move(engine));
}

Decoded Engine::read(
    std::string_view text,
    Format format,
    Arena& arena,
    const DecodeLimits& limits,
    const Helpers* helpers
) const {
    const SymbolTable& symbols = types().symbols();
    if (format == Format::json) {
        return read_json(text, arena, symbols, limits, {.types = &types(), .helpers = helpers});
    }
    Decoded decoded = read_xml(text, arena, symbols, limits);
    if (decoded.root != nullptr) {
        annotate(*decoded.root, types());
        check_xml_form(*decoded.root, types(), text, decoded.issues);
    }
    return decoded;
}

Format format_of(std::string_view text) noexcept {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const std::size_t at = text.find_first_not_of(" \t\r\n");
    return at != std::string_view::npos && text[at] == '<' ? Format::xml : Format::json;
}

}  // namespace gatehouse::fhir
