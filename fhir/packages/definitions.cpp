// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "fhir/packages/block.hpp"
#include "fhir/packages/facts.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/packages/source.hpp"

namespace gatehouse::fhir {

namespace fs = std::filesystem;

namespace {

// Where an explicit package's rank starts; packages loaded only because others name them stay
// below.
constexpr std::uint32_t explicit_rank = 1'000'000;
constexpr unsigned dependency_depth_max = 16;

bool same_release(std::string_view a, std::string_view b) {
    const auto minor = [](std::string_view version) {
        const auto first = version.find('.');
        const auto second = first == std::string_view::npos ? first : version.find('.', first + 1);
        return version.substr(0, second);
    };
    return a.empty() || b.empty() || minor(a) == minor(b);
}

// "4.0.1" asked as "4.0.1", "4.0", "4" or "4.0.x".
bool version_fits(std::string_view version, std::string_view wanted) {
    if (wanted.empty() || wanted == version || wanted == "*" || wanted == "current" ||
        wanted == "latest") {
        return true;
    }
    if (wanted.ends_with(".x")) {
        wanted.remove_suffix(2);
    }
    return version.size() > wanted.size() && version.starts_with(wanted) &&
           version[wanted.size()] == '.';
}

Issue package_note(Severity severity, std::string rule, std::string text) {
    Issue issue;
    issue.severity = severity;
    issue.type =
        severity == Severity::information ? IssueType::informational : IssueType::processing;
    issue.rule = std::move(rule);
    issue.diagnostics = std::move(text);
    return issue;
}

}  // namespace

struct Definition::Body {
    std::string_view block;
    std::vector<std::string_view> names;
    std::mutex* mutex = nullptr;
    Arena* arena = nullptr;
};

Element* Definition::decode(Arena& arena) const {
    return packages::decode_tree(body_->block, body_->names, offset_, length_, arena);
}

const Element* Definition::root() const {
    if (const Element* known = root_.load(std::memory_order_acquire); known != nullptr) {
        return known;
    }
    const std::scoped_lock lock(*body_->mutex);
    const Element* root = root_.load(std::memory_order_relaxed);
    if (root == nullptr) {
        root = decode(*body_->arena);
        root_.store(root, std::memory_order_release);
    }
    return root;
}

struct Definitions::Impl {
    DefinitionOptions options;
    std::vector<PackageInfo> packages;
    std::deque<packages::Block> blocks;
    std::deque<Definition::Body> bodies;
    std::deque<Definition> definitions;
    std::unordered_map<std::string_view, std::vector<const Definition*>> by_url;
    std::mutex mutex;
    Arena arena;
    unsigned depth = 0;

    // Facts of a source: from its facts file while the source looks the same, else built and kept.
    Result<void> load_path(
        const fs::path& path,
        const fs::path& cache,
        std::string_view label,
        bool implicit,
        Issues& notes
    );
    Result<void> add_block(
        packages::Block& block,
        std::string_view label,
        bool implicit,
        const fs::path& cache,
        Issues& notes
    );
    void dependencies_of(const PackageInfo& info, const fs::path& cache, Issues& notes);
    [[nodiscard]] fs::path facts_path(const fs::path& path, const fs::path& cache) const;
};

fs::path Definitions::Impl::facts_path(const fs::path& path, const fs::path& cache) const {
    if (cache.empty()) {
        return {};
    }
    const std::string suffix = options.keep_prose ? ".prose.facts" : ".facts";
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(path, error);
    const fs::path root = fs::weakly_canonical(cache, error);
    if (whole.filename() == "package" && whole.parent_path().parent_path() == root) {
        return whole.parent_path() / (".gatehouse" + suffix);
    }
    if (fs::is_regular_file(path, error) && fs::file_size(path, error) < 256U * 1024) {
        return {};  // reading it again is as quick
    }
    return root / ".facts" / (packages::sha256_text(whole.string()).substr(7, 32) + suffix);
}

Result<void> Definitions::Impl::load_path(
    const fs::path& path,
    const fs::path& cache,
    std::string_view label,
    bool implicit,
    Issues& notes
) {
    const fs::path kept = facts_path(path, cache);
    const std::string stamp = kept.empty() ? std::string() : packages::stamp_source(path);
    packages::Block& block = blocks.emplace_back();
    if (!kept.empty() && block.map(kept)) {
        packages::Facts facts;
        if (packages::read_facts(block.view(), facts) && facts.stamp == stamp) {
            block.release_pages();
            return add_block(block, label, implicit, cache, notes);
        }
    }
    blocks.pop_back();
    auto source = packages::read_source(path, [](std::string_view member) {
        return packages::is_definition_member(member) || member == "package.json";
    });
    if (!source) {
        return source.error();
    }
    PackageInfo info;
    info.source = label;
    std::vector<std::string> problems;
    std::string bytes = packages::build_facts(*source, info, options.keep_prose, stamp, problems);
    // A package of nothing but dependencies is fine; a folder without a manifest was a mistake.
    if (info.resource_count == 0 && problems.empty() &&
        (source->is_file || source->find("package.json") == nullptr)) {
        return Fault{
            Errc::invalid,
            "load definitions",
            path.string() + " holds no conformance resource (StructureDefinition, ValueSet, "
                            "CodeSystem, ... or a Bundle of them)"};
    }
    if (info.resource_count == 0 && source->is_file) {
        return Fault{Errc::invalid, "load definitions", path.string() + ": " + problems.front()};
    }
    if (!kept.empty()) {
        // Best effort: a read-only cache costs a slower start, nothing else.
        std::error_code error;
        fs::create_directories(kept.parent_path(), error);
        if (packages::write_file(kept, bytes)) {
            packages::Block& mapped = blocks.emplace_back();
            if (mapped.map(kept)) {
                return add_block(mapped, label, implicit, cache, notes);
            }
            blocks.pop_back();
        }
    }
    return add_block(blocks.emplace_back(std::move(bytes)), label, implicit, cache, notes);
}

Result<void> Definitions::Impl::add_block(
    packages::Block& block,
    std::string_view label,
    bool implicit,
    const fs::path& cache,
    Issues& notes
) {
    packages::Facts facts;
    if (!packages::read_facts(block.view(), facts)) {
        return Fault{
            Errc::corrupt, "load definitions", std::string(label) + ": facts cannot be read"};
    }
    PackageInfo info = std::move(facts.info);
    info.source = label;
    if (info.name.empty()) {
        info.name = fs::path(label).stem().string();
    }
    for (const std::string& note : facts.notes) {
        notes.push_back(package_note(Severity::warning, "package-member", info.name + ": " + note));
    }
    // A dependency joins first, so what names it comes later and wins.
    const bool known =
        std::any_of(packages.begin(), packages.end(), [&](const PackageInfo& loaded) {
            return loaded.name == info.name && loaded.version == info.version &&
                   loaded.digest == info.digest;
        });
    if (!known) {
        dependencies_of(info, cache, notes);
    }
    const auto package = static_cast<std::uint32_t>(packages.size());
    Definition::Body& body = bodies.emplace_back();
    body.block = block.view();
    body.names = std::move(facts.names);
    body.mutex = &mutex;
    body.arena = &arena;
    for (const packages::FactsEntry& entry : facts.entries) {
        Definition& definition = definitions.emplace_back();
        definition.type = entry.type;
        definition.url = entry.url;
        definition.version = entry.version;
        definition.id = entry.id;
        definition.package = package;
        definition.body_ = &body;
        definition.offset_ = entry.offset;
        definition.length_ = entry.length;
        definition.rank_ = package + 1 + (implicit ? 0 : explicit_rank);
        by_url[definition.url].push_back(&definition);
    }
    packages.push_back(std::move(info));
    return {};
}

void Definitions::Impl::dependencies_of(
    const PackageInfo& info, const fs::path& cache, Issues& notes
) {
    for (const auto& [name, version] : info.dependencies) {
        const bool loaded =
            std::any_of(packages.begin(), packages.end(), [&](const PackageInfo& other) {
                // Simplifier's name for the core package of R4.
                const bool core =
                    (name == "simplifier.core.r4" || name.starts_with("simplifier.core.r4.")) &&
                    other.name == "hl7.fhir.r4.core";
                return core || (other.name == name && version_fits(other.version, version));
            });
        if (loaded) {
            continue;
        }
        const std::string wanted = version.empty() ? name : name + "#" + version;
        const auto path = packages::resolve_ref(wanted, cache);
        // A core package of another FHIR version would redefine every type if a dependency pulled
        // it in.
        const bool is_core = name.starts_with("hl7.fhir.r") && name.ends_with(".core");
        if (path && !is_core && depth < dependency_depth_max) {
            PackageInfo other;
            const auto manifest = packages::read_file(*path / "package.json");
            if (manifest && packages::read_manifest(*manifest, other) &&
                same_release(other.fhir_version, info.fhir_version)) {
                ++depth;
                const auto done = load_path(*path, cache, wanted, true, notes);
                --depth;
                if (done) {
                    continue;
                }
            }
        }
        if (is_core) {
            notes.push_back(package_note(
                Severity::information,
                "package-core",
                info.name + (info.version.empty() ? "" : "#" + info.version) + " names " + wanted +
                    ", the types of another FHIR version, which are not used here."
            ));
            continue;
        }
        notes.push_back(package_note(
            Severity::information,
            "package-dependency",
            info.name + (info.version.empty() ? "" : "#" + info.version) + " depends on " + wanted +
                ", which is not loaded; what only it defines is not checkable. Add it to the cache "
                "with "
                "\"gatehouse packages add\" or name it with --package."
        ));
    }
}

Definitions::Definitions(const DefinitionOptions& options) : impl_(std::make_unique<Impl>()) {
    impl_->options = options;
}
Definitions::Definitions(Definitions&&) noexcept = default;
Definitions& Definitions::operator=(Definitions&&) noexcept = default;
Definitions::~Definitions() = default;

Result<void> Definitions::load(const PackageRef& ref, const fs::path& cache, Issues& notes) {
    GH_TRY_ASSIGN(const fs::path path, packages::resolve_ref(ref.text, cache));
    return impl_->load_path(path, cache, ref.text, false, notes);
}

Result<void> Definitions::load_text(std::string_view text, std::string_view name, Issues& notes) {
    packages::Source source;
    source.is_file = true;
    source.members.push_back({std::string(name), std::string(text)});
    PackageInfo info;
    info.source = name;
    std::vector<std::string> problems;
    std::string bytes =
        packages::build_facts(source, info, impl_->options.keep_prose, {}, problems);
    if (info.resource_count == 0) {
        return Fault{
            Errc::invalid,
            "load definitions",
            std::string(name) + ": " +
                (problems.empty() ? "holds no conformance resource" : problems.front())};
    }
    return impl_->add_block(impl_->blocks.emplace_back(std::move(bytes)), name, false, {}, notes);
}

const Definition* Definitions::find(std::string_view type, std::string_view canonical) const {
    const auto bar = canonical.find('|');
    const std::string_view url = canonical.substr(0, bar);
    const std::string_view version =
        bar == std::string_view::npos ? std::string_view{} : canonical.substr(bar + 1);
    const auto at = impl_->by_url.find(url);
    if (at == impl_->by_url.end()) {
        return nullptr;
    }
    const Definition* best = nullptr;
    bool best_exact = false;
    for (const Definition* candidate : at->second) {
        if (candidate->type != type ||
            !(version.empty() || version_fits(candidate->version, version))) {
            continue;
        }
        const bool exact = !version.empty() && candidate->version == version;
        if (best == nullptr || (exact && !best_exact) ||
            (exact == best_exact && candidate->rank_ >= best->rank_)) {
            best = candidate;
            best_exact = exact;
        }
    }
    return best;
}

std::vector<const Definition*> Definitions::all(std::string_view type) const {
    std::vector<const Definition*> found;
    for (const Definition& definition : impl_->definitions) {
        if (definition.type == type &&
            (definition.url.empty() || find(type, definition.url) == &definition)) {
            found.push_back(&definition);
        }
    }
    return found;
}

std::vector<const Definition*> Definitions::every(std::string_view type) const {
    std::vector<const Definition*> found;
    for (const Definition& definition : impl_->definitions) {
        if (definition.type == type) {
            found.push_back(&definition);
        }
    }
    return found;
}

const std::vector<PackageInfo>& Definitions::packages() const {
    return impl_->packages;
}

std::string Definitions::digest() const {
    std::string all;
    for (const PackageInfo& package : impl_->packages) {
        all += package.name + "#" + package.version + " " + package.digest + "\n";
    }
    return packages::sha256_text(all);
}

}  // namespace gatehouse::fhir
