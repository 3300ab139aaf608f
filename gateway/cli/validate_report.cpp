// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/validate_report.hpp"

#include <algorithm>

#include "fhir/outcome/outcome.hpp"
#include "gateway/cli/batch.hpp"

namespace gatehouse::cli {
namespace {

char letter_of(const Verdict& verdict, bool readable) {
    if (!readable) {
        return 'u';
    }
    return verdict.valid ? 'v' : 'i';
}

void append_text(std::string& out, const std::string& file, const Verdict& verdict, bool readable) {
    std::size_t errors = 0;
    std::size_t warnings = 0;
    for (const fhir::Issue& issue : verdict.issues) {
        errors += issue.severity <= fhir::Severity::error ? 1 : 0;
        warnings += issue.severity == fhir::Severity::warning ? 1 : 0;
    }
    out += file;
    out += readable ? (verdict.valid ? ": valid" : ": not valid") : ": not read";
    out += ", " + std::to_string(errors) + (errors == 1 ? " error, " : " errors, ") +
           std::to_string(warnings) + (warnings == 1 ? " warning\n" : " warnings\n");
    for (const fhir::Issue& issue : verdict.issues) {
        std::string severity = to_string(issue.severity);
        severity.resize(std::max<std::size_t>(severity.size(), 11), ' ');
        out += "  " + severity + ' ';
        if (issue.line != 0) {
            out += std::to_string(issue.line) + ':' + std::to_string(issue.column) + ' ';
        }
        if (!issue.expression.empty()) {
            out += issue.expression + ' ';
        }
        out += '[' + issue.rule + "] " + issue.diagnostics;
        if (!issue.profile.empty()) {
            out += " (" + issue.profile + ')';
        }
        out += '\n';
    }
}

}  // namespace

std::string
render_verdict(Output output, const std::string& file, const Verdict& verdict, bool readable) {
    std::string out(1, letter_of(verdict, readable));
    switch (output) {
    case Output::text: append_text(out, file, verdict, readable); break;
    case Output::json: {
        Arena arena;
        fhir::Element* outcome = make_outcome(verdict.issues, arena, {verdict.definitions});
        // HL7's own extension says which file an outcome is about.
        fhir::Element* extension = arena.create<fhir::Element>();
        fhir::Element* url = arena.create<fhir::Element>();
        fhir::Element* value = arena.create<fhir::Element>();
        extension->name = "extension";
        extension->in_array = true;
        extension->parent = outcome;
        extension->next = outcome->first_child;
        extension->first_child = url;
        url->name = "url";
        url->value = "http://hl7.org/fhir/StructureDefinition/operationoutcome-file";
        url->written = fhir::Written::string;
        url->next = value;
        value->name = "valueString";
        value->value = file;
        value->written = fhir::Written::string;
        outcome->first_child = extension;
        write_json(*outcome, nullptr, {}, out);
        break;
    }
    case Output::ndjson: {
        fhir::JsonWriter writer;
        writer.begin_object().key("file").string(file);
        writer.key("valid").boolean(verdict.valid);
        writer.key("outcome")
            .raw(fhir::outcome_json(verdict.issues, {verdict.definitions}))
            .end_object();
        out += writer.text();
        out += '\n';
        break;
    }
    }
    return out;
}

std::string render_row(
    const fhir::JsonValue* id, bool valid, const fhir::Issues& issues, std::string_view definitions
) {
    fhir::JsonWriter writer;
    writer.begin_object();
    write_row_id(writer, id);
    writer.key("valid").boolean(valid);
    writer.key("outcome").raw(fhir::outcome_json(issues, {definitions})).end_object();
    return std::string(1, valid ? 'v' : 'i') + writer.text() + '\n';
}

FileReport::FileReport(Output output, std::size_t files, std::FILE* out, std::string definitions)
    : output_(output), files_(files), out_(out), definitions_(std::move(definitions)) {}

void FileReport::add(const std::string& rendered) {
    invalid_ += rendered.front() == 'i' ? 1 : 0;
    unreadable_ += rendered.front() == 'u' ? 1 : 0;
    if (output_ == Output::json && files_ > 1) {
        std::fputs(
            added_ == 0 ? "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n"
                        : ",\n",
            out_
        );
        std::fputs("{\"resource\":", out_);
    }
    std::fwrite(rendered.data() + 1, 1, rendered.size() - 1, out_);
    if (output_ == Output::json) {
        std::fputs(files_ > 1 ? "}" : "\n", out_);
    }
    ++added_;
}

void FileReport::finish() {
    if (output_ == Output::json && files_ > 1) {
        std::fputs("\n]}\n", out_);
    }
    if (output_ == Output::text && files_ > 1) {
        std::fprintf(
            out_,
            "%zu files: %zu valid, %zu not valid, %zu not read\n",
            files_,
            files_ - invalid_ - unreadable_,
            invalid_,
            unreadable_
        );
    }
    if (output_ == Output::text && !definitions_.empty()) {
        std::fprintf(out_, "judged by %s\n", definitions_.c_str());
    }
    std::fflush(out_);
}

}  // namespace gatehouse::cli
