// SPDX-License-Identifier: Apache-2.0
//
// `gatehouse serve` and `gatehouse check`.
#include <csignal>
#include <cstdio>
#include <utility>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "gateway/app/app.hpp"
#include "gateway/app/commands.hpp"
#include "gateway/app/doors.hpp"
#include "gateway/app/rules.hpp"
#include "gateway/base/log.hpp"

namespace gatehouse::cli {

using gateway::App;
using gateway::Config;
namespace log = gateway::log;

namespace {

// Signals are taken by sigwait() in this thread, so they are blocked before any other begins.
sigset_t block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&set, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit must be a failed write, not a death
    return set;
}

// A connection is a descriptor; most systems' soft limit of 1,024 is below connections_max.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// What the allocator gives back to the system after a message it must fetch again for the next: two
// system calls and the zeroing of pages. A few megabytes per thread are kept instead.
void keep_memory() {
    ::mallopt(M_TRIM_THRESHOLD, 4 << 20);
    ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

void reload(App& app) {
    const auto done = app.reload();
    if (done) {
        log::info("configuration.reloaded");
    } else {
        log::error("configuration.kept", log::with("why", log::fault(done.error())));
    }
}

// Reads certificate, key and CA as the listener would.
Result<void> check_certificates(const Config& config) {
    const gateway::ServerOptions options = gateway::front_options(config);
    return options.tls ? gateway::check_tls_files(*options.tls) : Result<void>();
}

int serve(const Config& config) {
    const sigset_t signals = block_signals();
    raise_descriptor_limit();
    keep_memory();
    ::umask(0077);
    log::Level level = log::Level::info;
    log::parse_level(config.log.level, level);
    log::set_level(level);
    log::start();

    auto app = App::start(config);
    if (!app) {
        log::stop();
        return failed("serve", app.error());
    }
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
        reload(**app);
    }
    log::info("gateway.stopping");
    const bool clean = (*app)->stop();
    log::info("gateway.stopped", log::with("clean", clean));
    app->reset();
    log::stop();
    return exit_good;
}

}  // namespace

int run_serve(int argc, char** argv) {
    Options options(
        "serve [--config FILE] [--set KEY=VALUE]...",
        "Runs the gateway in the foreground, with JSON log lines on stderr. SIGTERM or Ctrl-C "
        "drains and stops; "
        "SIGHUP reads policies, partners, packages and certificates again."
    );
    ConfigOptions given;
    given.declare(options);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    const auto config = given.load("serve");
    return config ? serve(*config) : exit_failure;
}

int run_check(int argc, char** argv) {
    Options options(
        "check [--config FILE] [--set KEY=VALUE]...",
        "Checks configuration, policies, partners, owners, default profiles, certificates and "
        "packages as "
        "`serve` would read them, and lists every problem with its place. Exit code 0: fine, 1: "
        "problems."
    );
    ConfigOptions given;
    given.declare(options);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    const auto config = given.load("check");
    if (!config) {
        return exit_findings;
    }
    gateway::Problems problems;
    gateway::check_settings(*config, problems);
    gateway::check_rules(*config, problems);
    if (const auto tls = check_certificates(*config); !tls) {
        problems.add(tls.error().detail);
    }
    auto content = gateway::load_terminology(*config);
    if (!content) {
        problems.add(content.error().detail);
        content = fhir::TerminologyContent{};
    }
    if (const auto remote = gateway::open_remote_terminology(*config); !remote) {
        problems.add(remote.error().detail);
    }
    const auto engine = gateway::load_engine(*config, *content);
    if (!engine) {
        problems.add(describe(engine.error()));
    } else {
        for (const fhir::Issue& note : (*engine)->notes()) {
            std::printf("note: %s\n", note.diagnostics.c_str());
        }
    }
    if (!problems.empty()) {
        std::fprintf(stderr, "%s\n", problems.text().c_str());
        return exit_findings;
    }
    std::printf("%s: no problems\n", config->file.c_str());
    for (const fhir::PackageInfo& package : (*engine)->definitions().packages()) {
        std::printf(
            "  %s#%s, %zu definitions\n",
            package.name.c_str(),
            package.version.c_str(),
            package.resource_count
        );
    }
    for (const auto& provider : content->providers) {
        std::printf(
            "  %s %s, %u concepts\n",
            std::string(provider->system()).c_str(),
            std::string(provider->version()).c_str(),
            provider->concept_count()
        );
    }
    return exit_good;
}

}  // namespace gatehouse::cli
