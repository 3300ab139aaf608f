#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SeparatedReader: a table in a text file, one record after the other: comma separated as RFC 4180
// has it (quotes, doubled quotes, line breaks inside quotes) or tab separated, where a quote is a
// character like any other. The heading tells which: it has a tab or it has none. Bounded: a record
// may have 1 MiB and 512 fields.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"

namespace gatehouse::fhir::table {

class SeparatedReader {
public:
    // Reads the heading. Errc::not_found, Errc::io, Errc::invalid (no heading, a column twice).
    static Result<SeparatedReader> open(const std::filesystem::path& file);
    // Takes `handle` over, which must not be null.
    static Result<SeparatedReader> from_handle(std::FILE* handle, std::string name);

    [[nodiscard]] const std::vector<std::string>& heading() const noexcept { return heading_; }
    // Without regard to case; nullopt if there is no such column.
    [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const noexcept;
    // The next record's fields, views until the next call, as many as the heading has. False at the
    // end. Errc::invalid with file, line and reason: other number of fields, not UTF-8, a quote
    // that does not end, a NUL; Errc::io.
    Result<bool> next(std::vector<std::string_view>& fields);
    // A fault about the record read last.
    [[nodiscard]] Fault fault(const std::string& words) const;

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    SeparatedReader(std::FILE* handle, std::string name)
        : handle_(handle), name_(std::move(name)), buffer_(1U << 16U) {}
    Result<void> read_heading();
    // Splits one record into `text_` and `ends_`. False at the end.
    Result<bool> read_record();
    int take();
    int peek();

    std::unique_ptr<std::FILE, Close> handle_;
    std::string name_;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    char separator_ = ',';
    std::uint64_t line_ = 1;
    std::uint64_t record_line_ = 1;
    std::string text_;               // fields one after the other
    std::vector<std::size_t> ends_;  // where each ends in it
    std::vector<std::string> heading_;
};

}  // namespace gatehouse::fhir::table
