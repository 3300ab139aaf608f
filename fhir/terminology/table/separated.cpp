// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/table/separated.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "fhir/base/utf8.hpp"
#include "fhir/terminology/code_system.hpp"

namespace gatehouse::fhir::table {
namespace {

constexpr std::size_t record_bytes_max = 1U << 20U;
constexpr std::size_t fields_max = 512;
constexpr int end_of_file = -1;

}  // namespace

Result<SeparatedReader> SeparatedReader::open(const std::filesystem::path& file) {
    std::FILE* handle = std::fopen(file.c_str(), "rbe");
    if (handle == nullptr) {
        const int error = errno;
        return Fault(
            error == ENOENT ? Errc::not_found : Errc::io,
            "code table",
            file.string() + ": " + std::generic_category().message(error)
        );
    }
    return from_handle(handle, file.string());
}

Result<SeparatedReader> SeparatedReader::from_handle(std::FILE* handle, std::string name) {
    SeparatedReader reader(handle, std::move(name));
    GH_TRY(reader.read_heading());
    return reader;
}

Fault SeparatedReader::fault(const std::string& words) const {
    return Fault(
        Errc::invalid, "code table", name_ + ":" + std::to_string(record_line_) + ": " + words
    );
}

int SeparatedReader::peek() {
    if (at_ == end_) {
        at_ = 0;
        end_ = std::fread(buffer_.data(), 1, buffer_.size(), handle_.get());
        if (end_ == 0) {
            return end_of_file;
        }
    }
    return static_cast<unsigned char>(buffer_[at_]);
}

int SeparatedReader::take() {
    const int c = peek();
    if (c != end_of_file) {
        ++at_;
        line_ += c == '\n' ? 1 : 0;
    }
    return c;
}

Result<void> SeparatedReader::read_heading() {
    // The first line decides, so it is looked at whole before it is split.
    (void)peek();
    const std::string_view start(buffer_.data(), end_);
    const std::size_t bom = start.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    at_ += bom;
    const std::string_view line = start.substr(bom, start.find('\n') - bom);
    separator_ = line.find('\t') != std::string_view::npos ? '\t' : ',';
    GH_TRY_ASSIGN(const bool any, read_record());
    if (!any || ends_.empty() || text_.empty()) {
        return fault("there is no heading: the first line must name the columns");
    }
    std::size_t from = 0;
    for (const std::size_t end : ends_) {
        std::string name = text_.substr(from, end - from);
        from = end;
        const bool twice = std::any_of(heading_.begin(), heading_.end(), [&](const auto& other) {
            return !name.empty() && equal_folded(other, name);
        });
        if (twice) {
            return fault("column '" + name.substr(0, 64) + "' stands twice in the heading");
        }
        heading_.push_back(std::move(name));
    }
    return {};
}

std::optional<std::size_t> SeparatedReader::column(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < heading_.size(); ++i) {
        if (equal_folded(heading_[i], name)) {
            return i;
        }
    }
    return std::nullopt;
}

Result<bool> SeparatedReader::read_record() {
    text_.clear();
    ends_.clear();
    record_line_ = line_;
    if (peek() == end_of_file) {
        if (std::ferror(handle_.get()) != 0) {
            return Fault(Errc::io, "code table", name_ + ": cannot be read");
        }
        return false;
    }
    bool quoted = false;
    bool was_quoted = false;  // this field began with a quote
    std::size_t field_from = 0;
    while (true) {
        if (text_.size() > record_bytes_max || ends_.size() > fields_max) {
            return fault("the record is longer than 1 MiB or has more than 512 fields");
        }
        const int c = take();
        if (quoted) {
            if (c == end_of_file) {
                return fault("a quoted field does not end");
            }
            if (c != '"') {
                text_ += static_cast<char>(c);
            } else if (peek() == '"') {
                text_ += static_cast<char>(take());
            } else {
                quoted = false;
            }
            continue;
        }
        const bool at_end = c == end_of_file || c == '\n' ||
                            (c == '\r' && (peek() == '\n' || peek() == end_of_file));
        if (at_end || c == separator_) {
            ends_.push_back(text_.size());
            field_from = text_.size();
            was_quoted = false;
            if (c == '\r' && peek() == '\n') {
                (void)take();
            }
            if (at_end) {
                break;
            }
        } else if (c == '"' && separator_ == ',' && text_.size() == field_from && !was_quoted) {
            quoted = true;
            was_quoted = true;
        } else if (was_quoted) {
            return fault("there are characters behind the end of a quoted field");
        } else {
            text_ += static_cast<char>(c);
        }
    }
    if (text_.find('\0') != std::string::npos || invalid_utf8_at(text_) != std::string_view::npos) {
        return fault(
            "the text is not UTF-8; convert the file first, for example with iconv -f WINDOWS-1252 "
            "-t UTF-8"
        );
    }
    return true;
}

Result<bool> SeparatedReader::next(std::vector<std::string_view>& fields) {
    while (true) {
        GH_TRY_ASSIGN(const bool more, read_record());
        if (!more) {
            return false;
        }
        if (!text_.empty() || ends_.size() > 1) {
            break;  // an empty line is none
        }
    }
    if (ends_.size() != heading_.size()) {
        return fault(
            "the record has " + std::to_string(ends_.size()) + " fields, the heading " +
            std::to_string(heading_.size())
        );
    }
    fields.clear();
    std::size_t from = 0;
    for (const std::size_t end : ends_) {
        fields.push_back(std::string_view(text_).substr(from, end - from));
        from = end;
    }
    return true;
}

}  // namespace gatehouse::fhir::table
