// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/terminology_build.hpp"

#include <cstdio>

#include "fhir/terminology/snomed/build.hpp"
#include "fhir/terminology/table/loaders.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {
namespace {

struct BuildArguments {
    std::vector<std::string> folders;
    std::string dmd;
    std::string loinc;
    std::string icd10;
    std::string codes;
    std::string system;
    std::string title;
    std::vector<std::string> language_refsets;
    std::string out;
    std::string version;
    std::string memory;
    bool quiet = false;
};

void print_count(const char* what, std::uint64_t count) {
    std::printf("%-26s %llu\n", what, static_cast<unsigned long long>(count));
}

void print_build_report(const fhir::snomed::BuildReport& report, const std::string& out) {
    std::printf("%s\n%s\n%s\n", out.c_str(), report.version.c_str(), report.digest.c_str());
    print_count("files", report.files);
    print_count("concepts", report.concepts);
    print_count("  active", report.active_concepts);
    print_count("is-a relationships", report.is_a_relationships);
    print_count("attributes", report.attributes);
    print_count("terms", report.terms);
    print_count("reference sets", report.refsets);
    print_count("members", report.members);
    if (report.relationships_left_out + report.members_left_out + report.terms_left_out != 0) {
        print_count("left out: relationships", report.relationships_left_out);
        print_count("left out: members", report.members_left_out);
        print_count("left out: terms", report.terms_left_out);
    }
    if (report.roots_beside != 0) {
        print_count("active without a parent", report.roots_beside);
    }
}

std::function<void(const std::string&)> progress_of(const BuildArguments& arguments) {
    if (arguments.quiet) {
        return {};
    }
    return [](const std::string& words) { std::fprintf(stderr, "%s\n", words.c_str()); };
}

int build_table(const BuildArguments& arguments) {
    fhir::table::LoadOptions options;
    options.out = arguments.out;
    options.version = arguments.version;
    options.system = arguments.system;
    options.title = arguments.title;
    options.progress = progress_of(arguments);
    auto load = &fhir::table::load_codes;
    options.source = arguments.codes;
    if (!arguments.dmd.empty()) {
        load = &fhir::table::load_dmd;
        options.source = arguments.dmd;
    } else if (!arguments.loinc.empty()) {
        load = &fhir::table::load_loinc;
        options.source = arguments.loinc;
    } else if (!arguments.icd10.empty()) {
        load = &fhir::table::load_icd10;
        options.source = arguments.icd10;
    }
    const auto report = load(options);
    if (!report) {
        return fail("terminology build", report.error());
    }
    std::printf("%s\n", arguments.out.c_str());
    for (const std::string& system : report->info.systems) {
        std::printf("%s|%s\n", system.c_str(), report->info.version.c_str());
    }
    std::printf("%s\n", report->table.digest.c_str());
    print_count("concepts", report->table.concepts);
    print_count("  inactive", report->table.inactive);
    print_count("parents", report->table.parents);
    print_count("properties", report->table.values);
    print_count("further names", report->table.names);
    if (report->table.parents_left_out != 0) {
        print_count("left out: parents", report->table.parents_left_out);
    }
    return exit_good;
}

int build_snomed(const BuildArguments& arguments, const Options& options) {
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
    build.progress = progress_of(arguments);
    const auto report = fhir::snomed::build_index(build);
    if (!report) {
        return fail("terminology build", report.error());
    }
    print_build_report(*report, arguments.out);
    return exit_good;
}

}  // namespace

int run_terminology_build(int argc, char** argv) {
    BuildArguments arguments;
    Options options(
        "terminology build --snomed FOLDER|--dmd FOLDER|--loinc FOLDER|--icd10 FILE|--codes FILE "
        "--out FILE",
        "Compiles a release of a code system to an index file, for 'validate --terminology FILE' "
        "and the\ngateway (terminology.content): SNOMED CT (the snapshot files of RF2, an edition "
        "with its\nextensions in one or several folders), dm+d (TRUD's XML files), LOINC (its CSV "
        "tables), ICD-10\n(TRUD's titles, or columns code and description), or any list of codes "
        "as CSV or tab separated."
    );
    options.list({"--snomed"}, arguments.folders, "FOLDER", "an unpacked release; may be repeated");
    options.text({"--dmd"}, arguments.dmd, "FOLDER", "an unpacked release of dm+d");
    options.text({"--loinc"}, arguments.loinc, "FOLDER", "an unpacked release, or its Loinc.csv");
    options.text({"--icd10"}, arguments.icd10, "FILE", "*CodesAndTitlesAndMetadata*.txt, or a CSV");
    options.text(
        {"--codes"},
        arguments.codes,
        "FILE",
        "columns code and display, perhaps parent, definition, inactive; others are properties"
    );
    options.text({"--system"}, arguments.system, "URI", "the code system of --codes");
    options.text(
        {"--title"}, arguments.title, "WORDS", "what people call the code system of --codes"
    );
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
        "VERSION",
        "instead of what the release says of itself (SNOMED CT: "
        "http://snomed.info/sct/MODULE/version/DATE)"
    );
    options.text({"--memory"}, arguments.memory, "MIB", "for sorting (default 512)");
    options.flag({"--quiet"}, arguments.quiet, "no progress");
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    const int kinds = (arguments.folders.empty() ? 0 : 1) + (arguments.dmd.empty() ? 0 : 1) +
                      (arguments.loinc.empty() ? 0 : 1) + (arguments.icd10.empty() ? 0 : 1) +
                      (arguments.codes.empty() ? 0 : 1);
    if (kinds != 1 || arguments.out.empty()) {
        return options.wrong(
            "name one release (--snomed, --dmd, --loinc, --icd10 or --codes) and the output (--out "
            "FILE)"
        );
    }
    if (!arguments.codes.empty() && arguments.system.empty()) {
        return options.wrong("--codes needs --system URI: whose codes are they?");
    }
    return arguments.folders.empty() ? build_table(arguments) : build_snomed(arguments, options);
}

}  // namespace gatehouse::cli
