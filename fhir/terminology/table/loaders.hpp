#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Releases of code systems -> one index file: dm+d (TRUD's XML files), LOINC (its CSV tables),
// ICD-10 (the UK's tab separated titles, or a plain list) and any list of codes. All input is taken
// as hostile: bounded, and refused with file, line and reason.

#include <filesystem>
#include <functional>
#include <string>

#include "fhir/base/result.hpp"
#include "fhir/terminology/table/builder.hpp"

namespace gatehouse::fhir::table {

struct LoadOptions {
    std::filesystem::path source;  // a folder or a file
    std::filesystem::path out;
    std::string version;                               // empty: as the release says of itself
    std::string system;                                // of a plain list; others know theirs
    std::string title;                                 // of a plain list
    std::function<void(const std::string&)> progress;  // a line per step; may be empty

    void say(const std::string& words) const {
        if (progress) {
            progress(words);
        }
    }
};

struct LoadReport {
    TableInfo info;
    TableReport table;
};

// All of them: Errc::not_found, Errc::invalid (file, line, reason), Errc::too_large, Errc::io,
// Errc::no_space. The output appears whole or not at all.

// A folder with f_vtm2_*.xml, f_vmp2, f_amp2, f_vmpp2 and f_ampp2, in it or below; with f_lookup2
// and f_ingredient2 the codes that products refer to have their words. System https://dmd.nhs.uk;
// parents are VMP -> VTM, AMP -> VMP, VMPP -> VMP, AMPP -> VMPP and AMP.
Result<LoadReport> load_dmd(const LoadOptions& options);
// Loinc.csv, or the release folder: with ComponentHierarchyBySystem.csv parts are the parents of
// codes, with AnswerList.csv answers are codes too.
Result<LoadReport> load_loinc(const LoadOptions& options);
// ICD10_Edition5_CodesAndTitlesAndMetadata_*.txt of TRUD, or columns code and description (display,
// title). A code's parent is the longest listed beginning of it.
Result<LoadReport> load_icd10(const LoadOptions& options);
// Columns code and display, and perhaps parent, definition, inactive (or status), each other column
// a property of its name. Needs `system`.
Result<LoadReport> load_codes(const LoadOptions& options);

}  // namespace gatehouse::fhir::table
