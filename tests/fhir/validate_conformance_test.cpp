// SPDX-License-Identifier: Apache-2.0
//
// How far the validator agrees with HL7's reference on the shared material: seeded faults with its
// live verdict (oracle/), its own recorded cases (validator/), and UK Core's examples. Prints the
// figures; the floors may only grow. GATEHOUSE_DIFFERENCES=FILE writes every difference as a JSON
// line.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <unistd.h>

#include "fhir/json/value.hpp"
#include "fhir/validate/options.hpp"
#include "tests/fhir/validate/engine.hpp"

namespace gatehouse::fhir::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// Paths are compared without comments, types of choices, slices and a trailing dot.
std::string plain_path(std::string_view expression) {
    std::string out;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        if (expression.substr(i).starts_with("/*")) {
            const std::size_t end = expression.find("*/", i);
            if (end == std::string_view::npos) {
                break;
            }
            i = end + 1;
            continue;
        }
        if (expression.substr(i).starts_with(".ofType(")) {
            const std::size_t end = expression.find(')', i);
            if (end == std::string_view::npos) {
                break;
            }
            i = end;
            continue;
        }
        if (expression.substr(i).starts_with("[x]")) {
            i += 2;
            continue;
        }
        if (expression.substr(i).starts_with("[url=")) {
            const std::size_t end = expression.find(']', i);
            if (end == std::string_view::npos) {
                break;
            }
            i = end;
            continue;
        }
        out += expression[i];
    }
    while (!out.empty() && out.back() == '.') {
        out.pop_back();
    }
    return out;
}

struct Score {
    std::size_t rows = 0;
    std::size_t agree = 0;
    std::size_t invalid = 0;
    std::size_t invalid_found = 0;
    std::size_t valid = 0;
    std::size_t valid_accepted = 0;
    std::size_t named = 0;  // of invalid_found: the first error's element is named by one of ours
    // Error issues of the reference suite by (severity, expression), those of terminology servers
    // apart: how many ours match, and how many of ours match none.
    std::size_t issues = 0;
    std::size_t issues_matched = 0;
    std::size_t issues_as_recorded = 0;  // without putting the reference's wrong places right
    std::size_t issues_extra = 0;
    double microseconds = 0;
    // Where an element has one kind of error of ours and one of theirs: whether HL7's message id
    // that we give is the one that it gave.
    std::size_t coded = 0;
    std::size_t coded_alike = 0;
    std::map<std::string, std::size_t> coded_otherwise;  // "our rule: ours / theirs"
    std::map<std::string, std::size_t> missed;           // by the reference's message id
    std::map<std::string, std::size_t> extra;            // by our rule id

    [[nodiscard]] double agreement() const {
        return rows == 0 ? 0 : 100.0 * static_cast<double>(agree) / static_cast<double>(rows);
    }
};

double share(std::size_t part, std::size_t all) {
    return all == 0 ? 100.0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
}

void print(const std::string& name, const Score& score) {
    std::printf(
        "%s: agreement %.2f %% (%zu of %zu), invalid found %.2f %% (%zu of %zu), valid accepted "
        "%.2f %% "
        "(%zu of %zu), first element named %.2f %%, %.1f us a row\n",
        name.c_str(),
        score.agreement(),
        score.agree,
        score.rows,
        share(score.invalid_found, score.invalid),
        score.invalid_found,
        score.invalid,
        share(score.valid_accepted, score.valid),
        score.valid_accepted,
        score.valid,
        share(score.named, score.invalid),
        score.rows == 0 ? 0.0 : score.microseconds / static_cast<double>(score.rows)
    );
    if (score.issues > 0) {
        std::printf(
            "%s: error issues matched %.2f %% (%zu of %zu; %zu by the places as recorded), "
            "extra %zu (%.2f %%)\n",
            name.c_str(),
            share(score.issues_matched, score.issues),
            score.issues_matched,
            score.issues,
            score.issues_as_recorded,
            score.issues_extra,
            share(score.issues_extra, score.issues_matched + score.issues_extra)
        );
    }
    const auto list = [](const char* title, const std::map<std::string, std::size_t>& counts) {
        std::vector<std::pair<std::size_t, std::string>> sorted;
        for (const auto& [id, count] : counts) {
            sorted.emplace_back(count, id);
        }
        std::sort(sorted.rbegin(), sorted.rend());
        for (std::size_t i = 0; i < sorted.size() && i < 25; ++i) {
            std::printf("  %s %5zu  %s\n", title, sorted[i].first, sorted[i].second.c_str());
        }
    };
    if (score.coded > 0) {
        std::printf(
            "%s: HL7 message ids the same %.2f %% (%zu of %zu)\n",
            name.c_str(),
            share(score.coded_alike, score.coded),
            score.coded_alike,
            score.coded
        );
    }
    list("coded ", score.coded_otherwise);
    list("missed", score.missed);
    list("extra ", score.extra);
    std::fflush(stdout);
}

void note_difference(
    const std::string& file,
    std::string_view id,
    bool expected,
    const Verdict& ours,
    std::string_view theirs
) {
    const char* path = std::getenv("GATEHOUSE_DIFFERENCES");
    if (path == nullptr) {
        return;
    }
    static std::ofstream out(path);
    JsonWriter json;
    json.begin_object().key("file").string(file).key("id").string(id);
    json.key("expected").boolean(expected).key("theirs").string(theirs);
    json.key("ours").begin_array();
    for (const Issue& issue : ours.issues) {
        if (issue.severity > Severity::error) {
            continue;
        }
        json.begin_object().key("rule").string(issue.rule).key("at").string(issue.expression);
        json.key("text").string(issue.diagnostics).end_object();
    }
    json.end_array().end_object();
    out << json.text() << '\n';
}

void compare_codes(
    const Verdict& ours, const std::map<std::string, std::set<std::string>>& theirs, Score& score
) {
    std::map<std::string, std::map<std::string, std::string>> ours_at;  // element, id, our rule
    for (const Issue& issue : ours.issues) {
        if (issue.severity <= Severity::error) {
            ours_at[plain_path(issue.expression)].emplace(issue.message_id, issue.rule);
        }
    }
    for (const auto& [place, ids] : ours_at) {
        const auto there = theirs.find(place);
        if (ids.size() != 1 || ids.begin()->first.empty() || there == theirs.end() ||
            there->second.size() != 1 || there->second.begin()->empty()) {
            continue;
        }
        const auto& [id, rule] = *ids.begin();
        ++score.coded;
        if (id == *there->second.begin()) {
            ++score.coded_alike;
        } else {
            ++score.coded_otherwise[rule + ": " + id + " / " + *there->second.begin()];
        }
    }
}

Score run_oracle(Engine& engine, const fs::path& file) {
    Score score;
    std::ifstream in(file);
    std::string line;
    Arena arena;
    ValidateOptions options;
    options.show_values = true;
    while (std::getline(in, line)) {
        arena.reset();
        auto row = parse_json_value(line, arena);
        if (!row) {
            ADD_FAILURE() << describe(row.error());
            return score;
        }
        const std::string_view id = row->string("id");
        const std::string_view profile = row->string("profile");
        const bool expected = row->find("valid")->text == "true";
        std::vector<std::string_view> profiles;
        if (!profile.empty()) {
            profiles.push_back(profile);
        }
        const auto before = std::chrono::steady_clock::now();
        const Verdict ours = engine.validate(row->string("resource"), profiles, options);
        score.microseconds +=
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before)
                .count();
        ++score.rows;
        std::set<std::string> ids;
        std::map<std::string, std::set<std::string>> ids_at;  // by element
        std::string first_path;
        bool first = true;
        for (const JsonValue& issue : row->find("issues")->items) {
            if (issue.string("severity") == "warning") {
                continue;
            }
            std::string key(issue.string("id"));
            if (key.empty()) {
                key = "(parser) " + std::string(issue.string("text").substr(0, 40));
            }
            ids.insert(key);
            ids_at[plain_path(issue.string("expression"))].insert(std::string(issue.string("id")));
            if (first) {
                first_path = plain_path(issue.string("expression"));
                first = false;
            }
        }
        std::string theirs;
        for (const std::string& key : ids) {
            theirs += theirs.empty() ? key : " + " + key;
        }
        bool named = false;
        std::set<std::string> our_rules;
        for (const Issue& issue : ours.issues) {
            if (issue.severity <= Severity::error) {
                named = named || plain_path(issue.expression) == first_path;
                our_rules.insert(issue.rule);
            }
        }
        compare_codes(ours, ids_at, score);
        if (expected) {
            ++score.valid;
            score.valid_accepted += ours.valid;
        } else {
            ++score.invalid;
            score.invalid_found += !ours.valid;
            score.named += !ours.valid && named;
        }
        if (ours.valid == expected) {
            ++score.agree;
            if (!expected && !named) {
                note_difference(
                    "named:" + file.filename().string(),
                    id,
                    expected,
                    ours,
                    theirs + " @ " + first_path
                );
            }
            continue;
        }
        if (expected) {
            for (const std::string& rule : our_rules) {
                ++score.extra[rule];
            }
        } else {
            ++score.missed[theirs];
        }
        note_difference(file.filename().string(), id, expected, ours, theirs + " @ " + first_path);
    }
    return score;
}

std::unique_ptr<Engine> engine_or_skip(const std::vector<std::string>& names, std::string& why) {
    const auto shared = shared_folder();
    if (!shared) {
        why = "the shared conformance material is not here (set GATEHOUSE_SHARED)";
        return nullptr;
    }
    std::vector<std::string> packages;
    for (const std::string& name : names) {
        packages.push_back((*shared / "packages" / name).string());
    }
    return Engine::load(packages, why);
}

constexpr const char* core = "hl7.fhir.r4.core-4.0.1.tgz";
constexpr const char* uk_core = "fhir.r4.ukcore-2.0.0.tgz";

// Floors: percent agreement that must not fall again.
constexpr double floor_uk_core = 99.7;
constexpr double floor_national_pack = 99.7;
constexpr double floor_r4 = 99.8;
constexpr double floor_named = 99.0;  // element of the first error named
constexpr double floor_codes = 95.0;  // HL7 message ids alike
constexpr double floor_suite_core = 97.8;
constexpr double floor_suite_extended = 98.0;
constexpr double floor_suite_all = 98.0;
// Error issues of the reference that one of ours matches, scope core; and ours that match none.
constexpr double floor_issues_core = 88.0;
constexpr double ceiling_extra_core = 3.0;

TEST(ValidateConformance, SeededFaultsUkCore) {
    std::string why;
    const auto engine = engine_or_skip({core, uk_core}, why);
    if (!engine) {
        GTEST_SKIP() << why;
    }
    const Score score =
        run_oracle(*engine, *shared_folder() / "conformance" / "oracle" / "ukcore.jsonl");
    print("oracle/ukcore", score);
    EXPECT_GE(score.agreement(), floor_uk_core);
    EXPECT_GE(share(score.coded_alike, score.coded), floor_codes);
    EXPECT_GE(share(score.named, score.invalid), floor_named);
}

// The national pack states the same facts as UK Core's own package, so it must judge the same.
TEST(ValidateConformance, SeededFaultsNationalPack) {
    const auto shared = shared_folder();
    if (!shared) {
        GTEST_SKIP() << "the shared conformance material is not here (set GATEHOUSE_SHARED)";
    }
    std::string why;
    const auto engine = Engine::load(
        {(*shared / "packages" / core).string(),
         std::string(GATEHOUSE_SOURCE_DIR) + "/config/packages/uk-core"},
        why
    );
    ASSERT_NE(engine, nullptr) << why;
    const Score score = run_oracle(*engine, *shared / "conformance" / "oracle" / "ukcore.jsonl");
    print("oracle/ukcore with the national pack", score);
    EXPECT_GE(score.agreement(), floor_national_pack);
}

TEST(ValidateConformance, SeededFaultsR4) {
    std::string why;
    const auto engine = engine_or_skip({core}, why);
    if (!engine) {
        GTEST_SKIP() << why;
    }
    const Score score =
        run_oracle(*engine, *shared_folder() / "conformance" / "oracle" / "r4.jsonl");
    print("oracle/r4", score);
    EXPECT_GE(score.agreement(), floor_r4);
    EXPECT_GE(share(score.coded_alike, score.coded), floor_codes);
    EXPECT_GE(share(score.named, score.invalid), floor_named);
}

// UK Core's own 215 examples against the profile of their type. HL7's validator refuses ten of
// them, each for a reason that it names; every other one must pass.
TEST(ValidateConformance, UkCoreExamples) {
    static const std::set<std::string> refused = {
        "Appointment-Extension-UKCore-DeliveryChannel-Example",       // wrong display
        "Appointment-UKCore-Appointment-OrthopaedicSurgery-Example",  // wrong display
        "Bundle-UKCore-Bundle-NEWS2Observations-Example",             // vital signs units, fullUrls
        "Condition-Extension-UKCore-ConditionEpisode-Example",        // value and extension mixed
        "DiagnosticReport-UKCore-DiagnosticReport-ECG-Example",       // white space of a display
        "HealthcareService-UKCore-HealthcareService-OrthopaedicService-Example",  // wrong display
        "Observation-Extension-UKCore-RecordingSetting-Example",         // mistyped extension url
        "Observation-UKCore-Observation-VitalSigns-BodyHeight-Example",  // unit outside the value
                                                                         // set
        "Practitioner-UKCore-Practitioner-Sn-Qualification-Example",
        "Provenance-UKCore-Provenance-RARecordConsent-Example",  // reference to a definition
    };
    std::string why;
    const auto engine = engine_or_skip({core, uk_core}, why);
    if (!engine) {
        GTEST_SKIP() << why;
    }
    const fs::path folder =
        fs::temp_directory_path() / ("gatehouse-uk-core-" + std::to_string(::getpid()));
    fs::create_directories(folder);
    const std::string command = "tar xzf '" + (*shared_folder() / "packages" / uk_core).string() +
                                "' -C '" + folder.string() + "'";
    if (std::system(command.c_str()) != 0) {
        GTEST_SKIP() << "tar cannot unpack UK Core's package";
    }
    std::size_t agree = 0;
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder / "package" / "examples")) {
        const std::string name = entry.path().stem().string();
        if (name == ".index") {
            continue;
        }
        const std::string profile =
            "https://fhir.hl7.org.uk/StructureDefinition/UKCore-" + name.substr(0, name.find('-'));
        const std::vector<std::string_view> profiles{profile};
        const bool known = engine->schema().profile(profile) != nullptr;
        ValidateOptions options;
        options.show_values = true;
        const Verdict verdict = engine->validate(
            read_file(entry.path()),
            known ? std::span<const std::string_view>(profiles)
                  : std::span<const std::string_view>{},
            options
        );
        const bool expected = !refused.contains(name);
        ++count;
        agree += verdict.valid == expected;
        if (verdict.valid != expected) {
            note_difference("examples", name, expected, verdict, "");
            std::printf(
                "  example %s: expected %s\n", name.c_str(), expected ? "valid" : "invalid"
            );
            for (const Issue& issue : verdict.issues) {
                if (issue.severity <= Severity::error) {
                    std::printf(
                        "    %s @ %s: %s\n",
                        issue.rule.c_str(),
                        issue.expression.c_str(),
                        issue.diagnostics.c_str()
                    );
                }
            }
        }
    }
    fs::remove_all(folder);
    std::printf("UK Core examples: %zu of %zu agree\n", agree, count);
    EXPECT_GE(agree + 5, count);
}

// Canonical url of a definition file, JSON or XML.
std::string url_of(const std::string& text) {
    Arena arena;
    const SymbolTable symbols;
    const std::size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    const bool xml = start != std::string::npos && text[start] == '<';
    const Decoded decoded = xml ? read_xml(text, arena, symbols) : read_json(text, arena, symbols);
    return decoded.root == nullptr ? std::string{} : std::string(decoded.root->child_value("url"));
}

using Places = std::multimap<std::string, std::string>;  // element to rule, of our errors

// "Bundle.entry[1].resource.section[2].entry[1]" with each number one less: where a message counts
// entries, sections and their entries from 1.
std::string from_zero(std::string_view place) {
    std::string out;
    for (std::size_t i = 0; i < place.size(); ++i) {
        out += place[i];
        std::size_t number = 0;
        const auto parsed =
            std::from_chars(place.data() + i + 1, place.data() + place.size(), number);
        if (place[i] == '[' && parsed.ec == std::errc{} && number > 0) {
            out += std::to_string(number - 1);
            i = static_cast<std::size_t>(parsed.ptr - place.data()) - 1;
        }
    }
    return out;
}

// Ours for an issue of the reference. Some of its messages are known to stand at a place that is
// not the element's; these, and only these, are looked for where they belong, by our rule.
Places::iterator place_of(Places& ours, const std::string& at, std::string_view text) {
    const auto find_if = [&](const auto& fits) {
        return std::find_if(ours.begin(), ours.end(), fits);
    };
    const auto with_rule = [&](const std::string& place, std::string_view rule) {
        return find_if([&](const auto& one) { return one.first == place && one.second == rule; });
    };
    const auto anywhere = [&](std::string_view rule) {
        return find_if([&](const auto& one) { return one.second.starts_with(rule); });
    };
    const auto has = [&](std::string_view part) {
        return text.find(part) != std::string_view::npos;
    };
    if (has("fullUrl must be an absolute URL")) {  // always at the first entry
        if (const auto exact = with_rule(at, "bundle-full-url-absolute"); exact != ours.end()) {
            return exact;
        }
        return anywhere("bundle-full-url-absolute");
    }
    if (has("reachable by traversing")) {
        return with_rule(from_zero(at), "bundle-entry-unreachable");
    }
    // Where a narrativeLink leads stands at the Bundle; the second sentence ends with its place.
    if (at == "Bundle" && text.starts_with("Found 2 matches for fragment ")) {
        return find_if([&](const auto& one) {
            return one.second == "narrative-link-ambiguous" && has("(" + one.first + "[x])");
        });
    }
    if (at == "Bundle" && text.starts_with("Can't find '") && !has("/")) {
        return anywhere("narrative-link-lost");
    }
    // A type that a choice does not have stands at the choice's parent.
    constexpr std::string_view choice = "The type of element ";
    if (text.starts_with(choice) && has(" is not known")) {
        return find_if([&](const auto& one) {
            const std::size_t parent = at.size() + 1;
            return one.second == "wrong-type" && one.first.starts_with(at + ".") &&
                   text.substr(choice.size()).starts_with(one.first.substr(parent));
        });
    }
    if (text.starts_with("Can't find '") || text.starts_with("Found 2 matches for '")) {
        const std::string place = from_zero(at);
        return find_if([&](const auto& one) {
            return one.first == place && one.second.starts_with("bundle-reference");
        });
    }
    // The text's own faults stand at the document or the parser's name for an element.
    if (at.starts_with("/f:") && has("Text should not be present")) {
        return with_rule(at.substr(3), "xml-text");
    }
    constexpr std::string_view attribute = "Undefined attribute '";
    if (at.starts_with("/f:") && text.starts_with(attribute)) {
        const std::string_view name = text.substr(attribute.size());
        const std::string place = at.substr(3) + "." + std::string(name.substr(0, name.find('\'')));
        return find_if([&](const auto& one) { return one.first == place; });
    }
    if (has("Undefined element '")) {
        const std::string type = at.substr(0, at.find('/'));
        const std::string last =
            at.find(':') == std::string::npos ? "" : at.substr(at.find(':') + 1);
        return find_if([&](const auto& one) {
            return one.second == "unknown-element" &&
                   (last.empty() ? one.first == type || one.first.ends_with(".resource")
                                 : one.first.ends_with("." + last));
        });
    }
    if (at.empty() || at == "(xml)") {
        return anywhere(at.empty() ? "json-syntax" : "xml-syntax");
    }
    return ours.find(at);
}

// HL7's own validator cases with the outcome that its reference recorded.
TEST(ValidateConformance, ReferenceSuite) {
    std::string why;
    const auto shared_engine = engine_or_skip({core}, why);
    if (!shared_engine) {
        GTEST_SKIP() << why;
    }
    const fs::path folder = *shared_folder() / "conformance" / "validator";
    std::ifstream in(folder / "INDEX.jsonl");
    std::string line;
    std::map<std::string, Score> scores;
    std::set<std::string> unknown_options;
    Arena arena;
    while (std::getline(in, line)) {
        arena.reset();
        auto row = parse_json_value(line, arena);
        if (!row) {
            ADD_FAILURE() << describe(row.error());
            return;
        }
        const std::string id(row->string("id"));
        std::vector<std::string> texts;
        for (const JsonValue& file : row->find("supporting")->items) {
            texts.push_back(read_file(folder / std::string(file.text)));
        }
        std::string profile(row->string("profile"));
        if (!profile.empty() && fs::exists(folder / profile)) {
            texts.push_back(read_file(folder / profile));
            profile = url_of(texts.back());
        }
        std::unique_ptr<Engine> own;
        Engine* engine = shared_engine.get();
        if (!texts.empty()) {
            own = Engine::load({(*shared_folder() / "packages" / core).string()}, why, texts);
            if (!own) {
                std::printf("suite %s: definitions do not load: %s\n", id.c_str(), why.c_str());
                continue;
            }
            engine = own.get();
        }
        std::vector<std::string_view> profiles;
        if (!profile.empty()) {
            profiles.push_back(profile);
        }
        ValidateOptions options;
        options.any_extension = false;
        options.show_values = true;
        if (const JsonValue* given = row->find("options")) {
            // Others of the suite are about how its reference runs, not about the verdict.
            std::string problem;
            for (const JsonValue::Member& option : given->members) {
                if (!set_option(options, option.name, option.value.text, problem)) {
                    unknown_options.insert(std::string(option.name));
                }
            }
        }
        const std::string text = read_file(folder / std::string(row->string("file")));
        const Verdict ours = engine->validate(text, profiles, options);
        const JsonValue& expected = *row->find("expected");
        const bool valid = expected.find("valid")->text == "true";
        std::string theirs;
        Places our_places;
        std::size_t as_recorded = 0;  // matched without putting any place right
        Places unmoved;
        for (const Issue& issue : ours.issues) {
            if (issue.severity <= Severity::error) {
                our_places.emplace(plain_path(issue.expression), issue.rule);
                unmoved.emplace(plain_path(issue.expression), issue.rule);
            }
        }
        std::size_t asked = 0;
        std::size_t matched = 0;
        std::string unmatched;
        if (const JsonValue* issues = expected.find("issues")) {
            for (const JsonValue& issue : issues->items) {
                if (issue.string("severity") == "error" || issue.string("severity") == "fatal") {
                    const JsonValue* place = issue.find("expression");
                    const JsonValue* by_server = issue.find("tx");
                    if (by_server == nullptr || by_server->text != "true") {
                        const std::string at = place != nullptr && !place->items.empty()
                                                   ? plain_path(place->items.front().text)
                                                   : std::string{};
                        ++asked;
                        if (const auto found = unmoved.find(at); found != unmoved.end()) {
                            unmoved.erase(found);
                            ++as_recorded;
                        }
                        if (const auto found = place_of(our_places, at, issue.string("text"));
                            found != our_places.end()) {
                            our_places.erase(found);
                            ++matched;
                        } else {
                            unmatched += (unmatched.empty() ? "" : " + ") + at + ": " +
                                         std::string(issue.string("text").substr(0, 110));
                        }
                    }
                    theirs += (theirs.empty() ? "" : " + ");
                    theirs += std::string(issue.string("text").substr(0, 110)) + " @ " +
                              (place != nullptr && !place->items.empty()
                                   ? std::string(place->items.front().text)
                                   : std::string("?"));
                }
            }
        }
        for (const std::string& name :
             {std::string("suite/all"), "suite/" + std::string(row->string("scope"))}) {
            Score& score = scores[name];
            ++score.rows;
            score.issues += asked;
            score.issues_matched += matched;
            score.issues_as_recorded += as_recorded;
            score.issues_extra += our_places.size();
            for (const auto& [place, rule] : our_places) {
                ++score.extra[rule];
            }
            score.agree += ours.valid == valid;
            (valid ? score.valid : score.invalid) += 1;
            if (valid) {
                score.valid_accepted += ours.valid;
            } else {
                score.invalid_found += !ours.valid;
            }
        }
        if (ours.valid != valid) {
            note_difference("suite", id, valid, ours, theirs);
        } else if (!unmatched.empty() || !our_places.empty()) {
            note_difference("suite-issues", id, valid, ours, unmatched);
        }
    }
    for (const auto& [name, score] : scores) {
        print(name, score);
    }
    for (const std::string& name : unknown_options) {
        std::printf("suite: option %s is about the reference, not the verdict\n", name.c_str());
    }
    EXPECT_GE(scores["suite/core"].agreement(), floor_suite_core);
    EXPECT_GE(scores["suite/extended"].agreement(), floor_suite_extended);
    EXPECT_GE(scores["suite/all"].agreement(), floor_suite_all);
    const Score& core_score = scores["suite/core"];
    EXPECT_GE(share(core_score.issues_matched, core_score.issues), floor_issues_core);
    EXPECT_LE(
        share(core_score.issues_extra, core_score.issues_matched + core_score.issues_extra),
        ceiling_extra_core
    );
}

}  // namespace
}  // namespace gatehouse::fhir::test
