#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// How `gatehouse validate` writes its verdicts. Workers render (the costly part), the main thread
// only prints. A rendered verdict begins with one letter that is not printed: 'v' valid, 'i'
// invalid, 'u' unreadable.

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "fhir/json/value.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/validate_options.hpp"

namespace gatehouse::cli {

std::string
render_verdict(Output output, const std::string& file, const Verdict& verdict, bool readable);
// A batch row: {"id","valid","outcome"}. `id` is the row's own, of any kind, or nullptr.
std::string render_row(
    const fhir::JsonValue* id,
    bool valid,
    const fhir::Issues& issues,
    std::string_view definitions = {}
);

inline bool rendered_valid(const std::string& rendered) {
    return rendered.front() == 'v';
}

// Puts rendered files together: lines, or one OperationOutcome (one file), or a Bundle of them.
class FileReport {
public:
    // `definitions`: what a text report says at its end; empty: nothing.
    FileReport(Output output, std::size_t files, std::FILE* out, std::string definitions = {});
    void add(const std::string& rendered);
    void finish();
    [[nodiscard]] std::size_t invalid() const { return invalid_; }
    [[nodiscard]] std::size_t unreadable() const { return unreadable_; }

private:
    Output output_;
    std::size_t files_;
    std::FILE* out_;
    std::string definitions_;
    std::size_t added_ = 0;
    std::size_t invalid_ = 0;
    std::size_t unreadable_ = 0;
};

}  // namespace gatehouse::cli
