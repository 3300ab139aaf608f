// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/app.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include <malloc.h>

#include "adapters/spool/spool_sink.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "fhir/json/value.hpp"
#include "gateway/app/data_folder.hpp"
#include "gateway/app/doors.hpp"
#include "gateway/app/housekeeping.hpp"
#include "gateway/app/reindexer.hpp"
#include "gateway/app/rules.hpp"
#include "gateway/audit/audit.hpp"
#include "gateway/base/log.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/pipeline/route_table.hpp"

namespace gatehouse::gateway {

namespace {

using Steady = std::chrono::steady_clock;

// How long the admin port stays up while the last page is read.
constexpr std::chrono::milliseconds admin_drain{200};

template <class T> void add_fault(Problems& problems, const Result<T>& result) {
    if (!result) {
        problems.add(result.error().detail);
    }
}

// What opens journal, audit or store on a full disk fails with all kinds of words; say the likely
// reason.
Fault with_disk(Fault fault, const std::filesystem::path& dir) {
    constexpr std::uint64_t little_bytes = 8ULL << 20U;
    const auto space = disk_space(dir);
    if (space && space->free_bytes < little_bytes) {
        fault.detail += "; the disk of " + dir.string() + " has " +
                        std::to_string(space->free_bytes) +
                        " bytes free: make room and start again, nothing that was accepted is lost";
    }
    return fault;
}

std::string public_base(const Config& config, std::uint16_t port) {
    if (!config.http.public_base.empty()) {
        return config.http.public_base;
    }
    std::string host = config.http.address;
    if (host == "0.0.0.0") {
        host = "127.0.0.1";
    } else if (host == "::") {
        host = "::1";
    }
    if (host.find(':') != std::string::npos) {
        host = "[" + host + "]";
    }
    return (config.http.tls.enabled ? "https://" : "http://") + host + ":" + std::to_string(port) +
           config.http.base_path;
}

// One for each destination that is not the store.
Sinks make_sinks(const RouteTable& routes, const std::filesystem::path& data) {
    Sinks sinks;
    for (const auto& [id, destination] : routes.all_destinations()) {
        if (destination.kind == DestinationKind::spool) {
            adapters::SpoolOptions spool;
            spool.folder = data / destination.folder;
            spool.files_max = destination.files_max;
            sinks.emplace(id, adapters::make_spool_sink(spool));
        }
    }
    return sinks;
}

class Gateway final : public App {
public:
    explicit Gateway(const Config& config) : config_(config), began_(Steady::now()) {}
    ~Gateway() override { stop(); }
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    Result<void> run();
    Result<void> reload() override;
    bool stop() override;
    [[nodiscard]] std::uint16_t http_port() const override { return front_->port(); }
    [[nodiscard]] std::uint16_t admin_port() const override { return admin_->port(); }

private:
    Result<void> open_doors();
    Result<void> open_keeping();
    void make_road(std::shared_ptr<const Rulebook> rulebook);
    void set_rulebook(std::shared_ptr<const Rulebook> rulebook);
    [[nodiscard]] std::shared_ptr<const Rulebook> rulebook() const;
    bool ready(std::string& why) const;
    [[nodiscard]] std::string status() const;

    const Config config_;
    const Steady::time_point began_;
    SystemClock clock_;
    std::optional<DataFolder> folder_;
    std::shared_ptr<fhir::RemoteTerminology> remote_;
    std::unique_ptr<Directory> directory_;
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<Audit> audit_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Pool> cpu_pool_;
    std::unique_ptr<Pool> read_pool_;
    std::unique_ptr<Pipeline> pipeline_;
    std::unique_ptr<Housekeeping> housekeeping_;
    std::unique_ptr<Reindexer> reindexer_;
    FrontDoor door_;
    std::unique_ptr<Server> admin_;
    std::unique_ptr<Server> front_;

    mutable std::mutex mutex_;
    std::shared_ptr<const Rulebook> rulebook_;
    std::string base_;
    std::atomic<bool> ready_{false};
    std::atomic<bool> stopping_{false};
    bool stopped_ = false;
};

Result<void> Gateway::open_doors() {
    auto view = std::make_shared<AdminView>();
    view->ready = [this](std::string& why) { return ready(why); };
    view->status = [this] { return status(); };
    GH_TRY_ASSIGN(admin_, Server::start(admin_options(config_), admin_handler(std::move(view))));
    GH_TRY_ASSIGN(front_, Server::start(front_options(config_), door_.handler()));
    base_ = public_base(config_, front_->port());
    return {};
}

Result<void> Gateway::open_keeping() {
    Metrics& all = metrics();
    const Histogram journal_sync = all.histogram(
        "gatehouse_journal_fsync_seconds", "Time of one group commit's sync of the journal"
    );
    const Histogram audit_sync = all.histogram(
        "gatehouse_audit_fsync_seconds", "Time of one group commit's sync of the audit"
    );

    GH_TRY(make_data_part(config_.store_file().parent_path()));
    adapters::SqliteOptions store;
    store.file = config_.store_file();
    store.readers_max = config_.store.readers_max;
    store.search_budget_ms = static_cast<std::uint32_t>(config_.store.search_budget.count());
    store.search_steps_max = config_.store.search_steps_max;
    GH_TRY_ASSIGN(store_, adapters::open_sqlite_store(store));

    JournalOptions journal;
    journal.folder = config_.journal_folder();
    journal.segment_bytes = config_.journal.segment_bytes;
    journal.queue_max = config_.journal.queue_max;
    journal.record_bytes_max = config_.http.body_bytes_max + (1ULL << 20U);
    journal.clock = &clock_;
    journal.synced = [journal_sync](double seconds) { journal_sync.observe(seconds); };
    GH_TRY_ASSIGN(journal_, Journal::open(journal));

    AuditOptions audit;
    audit.folder = config_.audit_folder();
    audit.file_bytes = config_.audit.file_bytes;
    audit.queue_max = config_.audit.queue_max;
    audit.clock = &clock_;
    audit.synced = [audit_sync](double seconds) { audit_sync.observe(seconds); };
    GH_TRY_ASSIGN(audit_, Audit::open(audit));
    return {};
}

void Gateway::make_road(std::shared_ptr<const Rulebook> rulebook) {
    cpu_pool_ = std::make_unique<Pool>(config_.cpu_thread_count(), config_.pools.cpu_queue_max);
    read_pool_ = std::make_unique<Pool>(config_.read_thread_count(), config_.pools.read_queue_max);
    ApiContext api;
    api.base = base_;
    api.base_path = config_.http.base_path;
    api.page_default = config_.api.page_default;
    api.page_max = config_.api.page_max;
    api.bounds = {
        config_.api.included_max, config_.api.include_levels_max, config_.api.examined_max};
    api.software_version = GATEHOUSE_VERSION;
    api.check_references = config_.api.check_references;
    api.validator_door.enabled = config_.validate_resource.enabled;
    api.validator_door.default_profiles = config_.validate_resource.default_profiles;
    api.validator_door.open_partner = config_.validate_resource.open_partner;
    api.update_create = config_.api.update_create;
    api.delete_max = config_.api.conditional_delete_max;
    api.cors_origins = config_.api.cors_origins;
    api.smart = {
        config_.smart.issuer,
        config_.smart.authorization_endpoint,
        config_.smart.token_endpoint,
        config_.smart.jwks_uri};
    fhir::DecodeLimits decode;
    decode.depth = config_.decode.depth_max;
    decode.string_bytes = config_.decode.string_bytes_max;
    decode.members = config_.decode.members_max;
    decode.elements = config_.decode.elements_max;
    PipelineDeps deps{
        *directory_,
        *journal_,
        *audit_,
        *store_,
        *cpu_pool_,
        *read_pool_,
        clock_,
        std::move(api),
        decode,
        config_.deduplication.window,
        &metrics()};
    deps.cpu_helpers = static_cast<unsigned>(config_.cpu_thread_count() - 1);
    deps.notify = {
        config_.notify.attempts_max,
        config_.notify.pause_first,
        config_.notify.pause_max,
        config_.notify.batch_max};
    pipeline_ = make_pipeline(std::move(deps));
    set_rulebook(std::move(rulebook));
}

void Gateway::set_rulebook(std::shared_ptr<const Rulebook> rulebook) {
    pipeline_->set_rulebook(rulebook);
    const std::lock_guard lock(mutex_);
    rulebook_ = std::move(rulebook);
}

std::shared_ptr<const Rulebook> Gateway::rulebook() const {
    const std::lock_guard lock(mutex_);
    return rulebook_;
}

Result<void> Gateway::run() {
    GH_TRY_ASSIGN(folder_, DataFolder::open(config_.data.dir));
    GH_TRY(open_doors());

    // Definitions are CPU, the rest is disk: together they take as long as the longer.
    GH_TRY_ASSIGN(fhir::TerminologyContent content, load_terminology(config_));
    GH_TRY_ASSIGN(remote_, open_remote_terminology(config_));
    content.remote = remote_;
    auto engine = std::async(std::launch::async, [&] { return load_engine(config_, content); });
    auto versions = std::async(std::launch::async, [&] { return load_versions(config_, content); });
    auto kept = open_keeping();
    auto directory = Directory::open(directory_options(config_, clock_));
    auto rules = load_rulebook(config_);
    auto loaded = engine.get();
    auto others = versions.get();
    if (!kept) {
        return with_disk(std::move(kept.error()), config_.data.dir);
    }
    Problems problems;
    add_fault(problems, directory);
    add_fault(problems, rules);
    add_fault(problems, others);
    if (directory) {
        check_validator_door(config_, (*directory)->partners(), problems);
    }
    if (!problems.empty()) {
        return Fault(Errc::invalid, "rules", problems.text());
    }
    directory_ = std::move(*directory);
    GH_TRY_ASSIGN(auto compiled, std::move(loaded));
    for (const fhir::Issue& note : compiled->notes()) {
        if (note.severity != fhir::Severity::information) {
            log::warn("definition.noted", log::with("note", log::problem(note.diagnostics)));
        }
    }
    rules->engine = std::move(compiled);
    rules->versions = std::move(*others);
    rules->loaded_at = clock_.now();
    make_road(std::make_shared<const Rulebook>(std::move(*rules)));

    reindexer_ = Reindexer::start(store_->search_index(), base_);
    GH_TRY(reindexer_->use(rulebook()->engine, {}));
    GH_TRY_ASSIGN(const std::uint64_t replayed, pipeline_->recover());
    pipeline_->set_sinks(make_sinks(*rulebook()->routes, config_.data.dir));
    GH_TRY(directory_->mint_sample_tokens());
    housekeeping_ = Housekeeping::start({config_, clock_, *journal_, *store_, *pipeline_});
    // What start-up needed and nothing needs any more goes back to the system.
    ::malloc_trim(0);
    door_.open(pipeline_.get());
    ready_.store(true);
    log::info(
        "gateway.ready",
        log::with("took_ms", Steady::now() - began_),
        log::with("http_port", front_->port()),
        log::with("admin_port", admin_->port()),
        log::with("tls", config_.http.tls.enabled),
        log::with("partners", directory_->partners().size()),
        log::with("replayed", replayed),
        log::with("data", log::file(config_.data.dir))
    );
    return {};
}

Result<void> Gateway::reload() {
    GH_TRY_ASSIGN(fhir::TerminologyContent content, load_terminology(config_));
    content.remote = remote_;
    GH_TRY_ASSIGN(auto engine, load_engine(config_, content));
    if (engine->digest() == rulebook()->engine->digest()) {
        engine = rulebook()->engine;  // nothing changed: keep the warm one
    }
    GH_TRY_ASSIGN(auto rules, load_rulebook(config_));
    rules.engine = std::move(engine);
    GH_TRY_ASSIGN(rules.versions, load_versions(config_, content, rulebook()->versions.get()));
    GH_TRY_ASSIGN(auto partners, directory_->prepare());
    Problems problems;
    check_validator_door(config_, *partners, problems);
    if (!problems.empty()) {
        return Fault(Errc::invalid, "rules", problems.text());
    }
    GH_TRY(front_->reload_certificates());
    directory_->install(std::move(partners));
    pipeline_->set_sinks(make_sinks(*rules.routes, config_.data.dir));
    if (rules.engine != rulebook()->engine) {
        GH_TRY(reindexer_->use(rules.engine, 2 * config_.http.answer_deadline));
    }
    rules.loaded_at = clock_.now();
    set_rulebook(std::make_shared<const Rulebook>(std::move(rules)));
    ::malloc_trim(0);
    return {};
}

bool Gateway::stop() {
    if (std::exchange(stopped_, true)) {
        return true;
    }
    stopping_.store(true);
    bool clean = true;
    if (front_) {
        clean = front_->drain(config_.http.drain_timeout);
    }
    if (housekeeping_) {
        housekeeping_->stop();
    }
    if (reindexer_) {
        reindexer_->stop();
    }
    if (pipeline_) {
        pipeline_->drain();
    }
    if (journal_) {
        journal_->close();
    }
    if (audit_) {
        audit_->close();
    }
    if (cpu_pool_) {
        cpu_pool_->join();
        read_pool_->join();
    }
    if (admin_) {
        admin_->drain(admin_drain);
    }
    return clean;
}

bool Gateway::ready(std::string& why) const {
    if (stopping_.load()) {
        why = "stopping";
        return false;
    }
    if (!ready_.load()) {
        why = "starting: definitions are loaded and the journal is replayed";
        return false;
    }
    if (!pipeline_->applying()) {
        // Reads go on, so a load balancer should keep sending; but an operator should look.
        why = "the store cannot be written at present; writes get 503";
    } else if (housekeeping_->mark() != Watermark::fine) {
        why = housekeeping_->mark() == Watermark::warned ? "the disk is filling up"
                                                         : "the disk is full: writes get 503";
    }
    return true;
}

std::string Gateway::status() const {
    fhir::JsonWriter out(true);
    std::string why;
    const bool is_ready = ready(why);
    out.begin_object();
    out.key("software").string("gatehouse").key("version").string(GATEHOUSE_VERSION);
    out.key("dataFormat").number(data_format_version);
    out.key("ready").boolean(is_ready);
    if (!why.empty()) {
        out.key("why").string(why);
    }
    out.key("profile").string(
        config_.profile == RunProfile::production ? "production" : "development"
    );
    out.key("base").string(base_);
    out.key("uptimeSeconds")
        .number(std::chrono::duration_cast<std::chrono::seconds>(Steady::now() - began_).count());
    if (!ready_.load()) {
        return out.end_object().take();
    }
    const auto rules = rulebook();
    out.key("definitions").begin_object().key("digest").string(rules->engine->digest());
    out.key("packages").begin_array();
    for (const fhir::PackageInfo& package : rules->engine->definitions().packages()) {
        out.string(package.name + "#" + package.version);
    }
    out.end_array();
    out.key("content").begin_array();
    for (const fhir::CodeSystemProvider* loaded : rules->engine->terminology().content()) {
        out.begin_object().key("system").string(loaded->system());
        out.key("version").string(loaded->version()).key("title").string(loaded->title());
        out.key("concepts").number(static_cast<long long>(loaded->concept_count()));
        out.key("digest").string(loaded->digest()).end_object();
    }
    out.end_array();
    if (remote_ != nullptr) {
        out.key("remote").string(remote_->url());
    }
    if (rules->versions != nullptr && !rules->versions->sets.empty()) {
        out.key("sets").begin_array();
        for (const DefinitionSet& set : rules->versions->sets) {
            out.begin_object().key("name").string(set.name);
            out.key("digest").string(set.engine->digest()).key("packages").begin_array();
            for (const fhir::PackageInfo& package : set.engine->definitions().packages()) {
                out.string(package.name + "#" + package.version);
            }
            out.end_array().end_object();
        }
        out.end_array();
    }
    out.end_object();
    out.key("policyDigest").string(rules->policy->digest());
    out.key("partners").number(static_cast<long long>(directory_->partners().size()));
    out.key("connections").number(front_->connections());
    out.key("journal").begin_object();
    out.key("lastPosition").number(static_cast<long long>(journal_->last_position()));
    out.key("bytes").number(static_cast<long long>(journal_->bytes()));
    out.key("backlogMessages").number(static_cast<long long>(pipeline_->backlog())).end_object();
    if (const auto stats = store_->stats()) {
        out.key("store").begin_object();
        out.key("bytes").number(static_cast<long long>(stats->bytes));
        out.key("resources").number(static_cast<long long>(stats->resources));
        out.key("versions").number(static_cast<long long>(stats->versions)).end_object();
    }
    SearchIndex* const index = store_->search_index();
    if (const auto state = index != nullptr ? index->state() : SearchIndex::State{}) {
        constexpr std::size_t named_max = 20;
        out.key("searchIndex").begin_object();
        out.key("complete").boolean(state->pending.empty());
        out.key("versionsRead").number(static_cast<long long>(state->versions));
        out.key("versions").number(static_cast<long long>(state->versions_last));
        out.key("pending").number(static_cast<long long>(state->pending.size()));
        out.key("pendingParts").begin_array();
        for (std::size_t i = 0; i < std::min(named_max, state->pending.size()); ++i) {
            out.string(state->pending[i]);
        }
        out.end_array().end_object();
    }
    out.key("audit").begin_object();
    out.key("bytes").number(static_cast<long long>(audit_->bytes())).end_object();
    if (const auto space = disk_space(config_.data.dir)) {
        out.key("disk").begin_object();
        out.key("freeBytes").number(static_cast<long long>(space->free_bytes));
        out.key("totalBytes").number(static_cast<long long>(space->total_bytes));
        out.key("watermark").string(to_string(housekeeping_->mark())).end_object();
    }
    out.key("logLinesDropped").number(static_cast<long long>(log::dropped()));
    return out.end_object().take();
}

}  // namespace

Result<std::unique_ptr<App>> App::start(const Config& config) {
    Problems problems;
    check_settings(config, problems);
    if (!problems.empty()) {
        check_rules(config, problems);  // all that is wrong, at once
        return Fault(Errc::invalid, "configuration", problems.text());
    }
    auto app = std::make_unique<Gateway>(config);
    GH_TRY(app->run());
    return std::unique_ptr<App>(std::move(app));
}

}  // namespace gatehouse::gateway
