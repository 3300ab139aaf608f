// SPDX-License-Identifier: Apache-2.0
#include "fhir/xml/record_stream.hpp"

#include <expat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "fhir/base/assert.hpp"
#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::size_t depth_max = 16;
constexpr std::size_t fields_max = 256;
constexpr std::size_t record_bytes_max = 1U << 20U;
constexpr std::size_t name_bytes_max = 128;
constexpr int chunk_bytes = 1 << 16;

class RecordBuilder {
public:
    RecordBuilder(XML_Parser parser, const std::string& name, const VisitXmlRecord& visit)
        : parser_(parser), name_(name), visit_(visit) {}

    void start(std::string_view name) {
        if (fault_) {
            return;
        }
        if (path_ends_.size() >= depth_max || name.size() > name_bytes_max) {
            return stop("elements are nested more than 16 deep, or the name of one is too long");
        }
        path_ends_.push_back(record_.path.size());
        if (!record_.fields.empty() && field_depth_ != path_ends_.size()) {
            return stop("a record has an element with elements of its own");
        }
        if (!record_.path.empty()) {
            record_.path += '/';
        }
        record_.path.append(name);
        text_.clear();
        leaf_ = true;
    }

    void characters(std::string_view text) {
        if (fault_ || !leaf_) {
            return;
        }
        bytes_ += text.size();
        if (bytes_ > record_bytes_max) {
            return stop("a record has more than 1 MiB");
        }
        text_.append(text);
    }

    void end() {
        if (fault_) {
            return;
        }
        const std::size_t depth = path_ends_.size();
        const std::size_t before = path_ends_.back();
        const bool was_leaf = std::exchange(leaf_, false);
        if (was_leaf) {
            add_field(before == 0 ? 0 : before + 1, depth);
        } else if (!record_.fields.empty() && field_depth_ == depth + 1) {
            record_.line = static_cast<std::size_t>(XML_GetCurrentLineNumber(parser_));
            if (auto taken = visit_(record_); !taken) {
                fault_ = std::move(taken.error());
                XML_StopParser(parser_, XML_FALSE);
                return;
            }
            record_.fields.clear();
            bytes_ = 0;
        }
        path_ends_.pop_back();
        record_.path.resize(before);
    }

    void stop(const char* words) {
        fault_ = fault(words);
        XML_StopParser(parser_, XML_FALSE);
    }
    [[nodiscard]] Fault fault(const std::string& words) const {
        return Fault(
            Errc::invalid,
            "XML records",
            name_ + ":" + std::to_string(XML_GetCurrentLineNumber(parser_)) + ": " + words
        );
    }
    [[nodiscard]] const std::optional<Fault>& failed() const noexcept { return fault_; }

private:
    void add_field(std::size_t name_from, std::size_t depth) {
        const std::string_view text = trimmed(text_);
        if (text.empty() || depth < 2) {
            return;  // an empty section or root
        }
        if (record_.fields.size() >= fields_max) {
            return stop("a record has more than 256 fields");
        }
        record_.fields.push_back({record_.path.substr(name_from), std::string(text)});
        field_depth_ = depth;
    }

    XML_Parser parser_;
    const std::string& name_;
    const VisitXmlRecord& visit_;
    XmlRecord record_;
    std::vector<std::size_t> path_ends_;  // length of the path before each open element
    std::string text_;                    // of the element that began last
    bool leaf_ = false;                   // it has no child so far
    std::size_t field_depth_ = 0;
    std::size_t bytes_ = 0;  // of the record
    std::optional<Fault> fault_;
};

RecordBuilder& record_builder_of(void* user) {
    return *static_cast<RecordBuilder*>(user);
}

struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

std::string_view XmlRecord::text(std::string_view name) const noexcept {
    for (const Field& field : fields) {
        if (field.name == name) {
            return field.text;
        }
    }
    return {};
}

Result<void> read_xml_records(const std::filesystem::path& file, const VisitXmlRecord& visit) {
    const std::unique_ptr<std::FILE, CloseFile> handle(std::fopen(file.c_str(), "rbe"));
    if (!handle) {
        const int error = errno;
        return Fault(
            error == ENOENT ? Errc::not_found : Errc::io,
            "XML records",
            file.string() + ": " + std::generic_category().message(error)
        );
    }
    return read_xml_records(handle.get(), file.string(), visit);
}

Result<void>
read_xml_records(std::FILE* handle, const std::string& name, const VisitXmlRecord& visit) {
    const std::unique_ptr<XML_ParserStruct, FreeParser> parser(XML_ParserCreate(nullptr));
    GH_ASSERT(parser != nullptr);
    RecordBuilder builder(parser.get(), name, visit);
    XML_SetUserData(parser.get(), &builder);
    XML_SetElementHandler(
        parser.get(),
        [](void* user, const XML_Char* element, const XML_Char**) {
            record_builder_of(user).start(element);
        },
        [](void* user, const XML_Char*) { record_builder_of(user).end(); }
    );
    XML_SetCharacterDataHandler(parser.get(), [](void* user, const XML_Char* data, int length) {
        record_builder_of(user).characters({data, static_cast<std::size_t>(length)});
    });
    // No entities beyond XML's own five: nothing can be expanded, nothing outside is read.
    XML_SetStartDoctypeDeclHandler(
        parser.get(),
        [](void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
            record_builder_of(user).stop("the file has a document type; it must have none");
        }
    );
    bool more = true;
    while (more) {
        void* chunk = XML_GetBuffer(parser.get(), chunk_bytes);
        GH_ASSERT(chunk != nullptr);
        const std::size_t size = std::fread(chunk, 1, chunk_bytes, handle);
        if (size == 0 && std::ferror(handle) != 0) {
            return Fault(Errc::io, "XML records", name + ": cannot be read");
        }
        more = size != 0;
        const XML_Status status =
            XML_ParseBuffer(parser.get(), static_cast<int>(size), more ? XML_FALSE : XML_TRUE);
        if (builder.failed()) {
            return *builder.failed();
        }
        if (status != XML_STATUS_OK) {
            return builder.fault(
                std::string("the text is not well-formed XML: ") +
                XML_ErrorString(XML_GetErrorCode(parser.get()))
            );
        }
    }
    return {};
}

}  // namespace gatehouse::fhir
