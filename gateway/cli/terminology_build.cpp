// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/terminology_build.hpp"

#include <cstdio>

#include "fhir/terminology/snomed/build.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {
namespace {

struct BuildArguments {
    std::vector<std::string> folders;
    std::vector<std::string> language_refsets;
    std::string out;
    std::string version;
    std::string memory;
    bool quiet = false;
};

void print_build_report(const fhir::snomed::BuildReport& report, const std::string& out) {
    const auto line = [](const char* what, std::uint64_t count) {
        std::printf("%-26s %llu\n", what, static_cast<unsigned long long>(count));
    };
    std::printf("%s\n%s\n%s\n", out.c_str(), report.version.c_str(), report.digest.c_str());
    line("files", report.files);
    line("concepts", report.concepts);
    line("  active", report.active_concepts);
    line("is-a relationships", report.is_a_relationships);
    line("attributes", report.attributes);
    line("terms", report.terms);
    line("reference sets", report.refsets);
    line("members", report.members);
    if (report.relationships_left_out + report.members_left_out + report.terms_left_out != 0) {
        line("left out: relationships", report.relationships_left_out);
        line("left out: members", report.members_left_out);
        line("left out: terms", report.terms_left_out);
    }
    if (report.roots_beside != 0) {
        line("active without a parent", report.roots_beside);
    }
}

}  // namespace

int run_terminology_build(int argc, char** argv) {
    BuildArguments arguments;
    Options options(
        "terminology build --snomed FOLDER [--snomed FOLDER]... --out FILE",
        "Compiles a SNOMED CT release (the snapshot files of RF2, an edition with its extensions "
        "in "
        "one\nor several folders) to an index file, for 'validate --terminology FILE' and the "
        "gateway."
    );
    options.list({"--snomed"}, arguments.folders, "FOLDER", "an unpacked release; may be repeated");
    options.text({"--out", "-o"}, arguments.out, "FILE", "the index file to write");
    options.list(
        {"--language-refset"},
        arguments.language_refsets,
        "ID",
        "whose preferred terms are shown, in order (default: NHS realm, GB English, US English)"
    );
    options.text(
        {"--content-version"},
        arguments.version,
        "URI",
        "http://snomed.info/sct/MODULE/version/DATE instead of what the release says of itself"
    );
    options.text({"--memory"}, arguments.memory, "MIB", "for sorting (default 512)");
    options.flag({"--quiet"}, arguments.quiet, "no progress");
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.folders.empty() || arguments.out.empty()) {
        return options.wrong("name the release (--snomed FOLDER) and the output (--out FILE)");
    }
    fhir::snomed::BuildOptions build;
    build.folders.assign(arguments.folders.begin(), arguments.folders.end());
    build.out = arguments.out;
    build.version = arguments.version;
    if (!arguments.memory.empty()) {
        if (arguments.memory.size() > 6 ||
            arguments.memory.find_first_not_of("0123456789") != std::string::npos) {
            return options.wrong("--memory takes a number of MiB");
        }
        build.memory_bytes = static_cast<std::size_t>(std::stoul(arguments.memory)) << 20U;
    }
    if (!arguments.language_refsets.empty()) {
        build.language_refsets.clear();
        for (const std::string& text : arguments.language_refsets) {
            const auto id = fhir::snomed::parse_sctid(text);
            if (!id) {
                return options.wrong("--language-refset '" + text + "' is no SNOMED CT identifier");
            }
            build.language_refsets.push_back(*id);
        }
    }
    if (!arguments.quiet) {
        build.progress = [](const std::string& words) {
            std::fprintf(stderr, "%s\n", words.c_str());
        };
    }
    const auto report = fhir::snomed::build_index(build);
    if (!report) {
        return fail("terminology build", report.error());
    }
    print_build_report(*report, arguments.out);
    return exit_good;
}

}  // namespace gatehouse::cli
