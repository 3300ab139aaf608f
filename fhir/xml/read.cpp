// SPDX-License-Identifier: Apache-2.0
#include <expat.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <string>
#include <vector>

#include "fhir/base/assert.hpp"
#include "fhir/json/bad_bytes.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

constexpr char name_separator = '\x1f';  // no XML name or namespace can hold it
constexpr std::string_view fhir_namespace = "http://hl7.org/fhir";
constexpr std::string_view xhtml_namespace = "http://www.w3.org/1999/xhtml";
constexpr std::string_view schema_instance = "http://www.w3.org/2001/XMLSchema-instance";
constexpr std::size_t xml_findings_max = 200;
// As in fhir/json: everything that walks the tree recurses.
constexpr std::size_t xml_depth_ceiling = 1024;

struct ParserFree {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

struct QualifiedName {
    std::string_view uri;
    std::string_view local;
};

QualifiedName split_name(const XML_Char* name) {
    const std::string_view text(name);
    const auto at = text.find(name_separator);
    if (at == std::string_view::npos) {
        return {{}, text};
    }
    return {text.substr(0, at), text.substr(at + 1)};
}

bool is_upper(std::string_view name) {
    return !name.empty() && name[0] >= 'A' && name[0] <= 'Z';
}

// Expat events -> Element tree (FHIR R4 §2.6.1).
class XmlTreeBuilder {
public:
    XmlTreeBuilder(
        XML_Parser parser,
        std::string_view text,
        Arena& arena,
        const SymbolTable& symbols,
        const DecodeLimits& limits
    )
        : parser_(parser), text_(text), arena_(arena), symbols_(symbols), limits_(limits) {
        frames_.reserve(16);
        groups_.reserve(64);
    }

    void start(const XML_Char* name, const XML_Char** attributes);
    void end();
    void characters(const XML_Char* data, int length);
    void doctype() {
        const std::size_t at = text_.find("<!DOCTYPE");
        fail(
            IssueType::structure,
            "xml-doctype",
            at == std::string_view::npos ? offset() : at,
            "the text has a DOCTYPE, which FHIR XML forbids (FHIR R4 §2.6.1); remove it"
        );
    }
    void instruction() {
        if (xhtml_ == nullptr) {
            note(
                Severity::error,
                IssueType::structure,
                "xml-instruction",
                offset(),
                "a processing instruction is no part of FHIR XML (FHIR R4 §2.6.1); remove it"
            );
        }
    }
    void declaration(const XML_Char* version, const XML_Char* encoding) {
        if (version != nullptr && std::string_view(version) != "1.0") {
            fail(
                IssueType::structure,
                "xml-version",
                0,
                "the XML declaration names another version than 1.0, the only one FHIR allows"
            );
        }
        const std::string_view name = encoding != nullptr ? encoding : "UTF-8";
        if (!equal_ignoring_case(name, "utf-8") && !equal_ignoring_case(name, "us-ascii")) {
            fail(
                IssueType::structure,
                "xml-encoding",
                0,
                "the XML declaration names another encoding than UTF-8, the only one FHIR allows"
            );
        }
    }
    void fail(IssueType type, const char* rule, std::size_t at, std::string diagnostics) {
        if (failed_) {
            return;
        }
        note(Severity::fatal, type, rule, at, std::move(diagnostics));
        failed_ = true;
        XML_StopParser(parser_, XML_FALSE);
    }
    [[nodiscard]] bool failed() const { return failed_; }
    Decoded finish();

private:
    struct Group {
        std::string_view name;
        Symbol symbol = unknown_symbol;
        Element* last = nullptr;
    };
    struct Frame {
        Element* node = nullptr;
        Element* last = nullptr;
        std::uint32_t groups_begin = 0;
        bool wrapper = false;  // the <Patient> inside <contained>: same node as the frame below
        bool in_text = false;  // the run of text here has been noted
    };
    struct Finding {
        Issue issue;
        const Element* node = nullptr;
        std::string suffix;
        std::size_t offset = 0;
    };

    [[nodiscard]] std::size_t offset() const {
        return static_cast<std::size_t>(XML_GetCurrentByteIndex(parser_));
    }
    static bool equal_ignoring_case(std::string_view left, std::string_view right) {
        return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
        });
    }
    void start_root(std::string_view name);
    void start_wrapper(std::string_view name);
    Element* append(std::string_view name);
    void add_attributes(Element& node, const XML_Char** attributes);
    void add_attribute(Element& node, const QualifiedName& name, std::string_view value);
    void open(Element* node, bool wrapper);
    void start_xhtml(std::string_view name);
    void note(
        Severity severity,
        IssueType type,
        const char* rule,
        std::size_t at,
        std::string diagnostics,
        std::string suffix = {}
    );

    XML_Parser parser_;
    std::string_view text_;
    Arena& arena_;
    const SymbolTable& symbols_;
    const DecodeLimits& limits_;
    std::vector<Frame> frames_;
    std::vector<Group> groups_;
    std::vector<Finding> findings_;
    Element* root_ = nullptr;
    Element* xhtml_ = nullptr;  // the div being passed over
    std::size_t xhtml_depth_ = 0;
    std::size_t skip_depth_ = 0;  // inside an element of a foreign namespace
    std::size_t elements_ = 0;
    bool failed_ = false;
};

void XmlTreeBuilder::start(const XML_Char* name, const XML_Char** attributes) {
    if (failed_) {
        return;
    }
    if (xhtml_ != nullptr) {
        ++xhtml_depth_;
        return;
    }
    if (skip_depth_ > 0) {
        ++skip_depth_;
        return;
    }
    const QualifiedName qualified = split_name(name);
    const std::size_t depth_max = std::min(limits_.depth, xml_depth_ceiling);
    if (frames_.size() >= depth_max) {
        fail(
            IssueType::too_costly,
            "xml-depth",
            offset(),
            "elements nest deeper than " + std::to_string(depth_max) + ", the limit here"
        );
        return;
    }
    if (++elements_ > limits_.elements) {
        fail(
            IssueType::too_costly,
            "xml-elements",
            offset(),
            "the message has more than " + std::to_string(limits_.elements) +
                " elements, the limit here"
        );
        return;
    }
    if (frames_.empty()) {
        if (qualified.uri != fhir_namespace) {
            fail(
                IssueType::structure,
                "xml-namespace",
                offset(),
                "the root element is not in the namespace http://hl7.org/fhir; write "
                "xmlns=\"http://hl7.org/fhir\" on it"
            );
            return;
        }
        start_root(qualified.local);
    } else if (qualified.uri == xhtml_namespace) {
        start_xhtml(qualified.local);
        return;
    } else if (qualified.uri != fhir_namespace) {
        note(
            Severity::error,
            IssueType::structure,
            "xml-namespace",
            offset(),
            "an element is not in the namespace http://hl7.org/fhir",
            "." + std::string(qualified.local.substr(0, 64))
        );
        skip_depth_ = 1;
        return;
    } else if (qualified.local == "resourceType" || qualified.local.starts_with('_')) {
        // JSON gives these names a meaning of their own, so no element has them.
        note(
            Severity::error,
            IssueType::structure,
            "xml-name",
            offset(),
            "no FHIR element has such a name; remove it",
            "." + std::string(qualified.local.substr(0, 64))
        );
        skip_depth_ = 1;
        return;
    } else if (is_upper(qualified.local)) {
        start_wrapper(qualified.local);
        if (skip_depth_ > 0) {
            return;
        }
    } else {
        Element* node = append(qualified.local);
        if (node == nullptr) {
            return;
        }
        open(node, false);
    }
    if (!failed_) {
        add_attributes(*frames_.back().node, attributes);
    }
}

void XmlTreeBuilder::open(Element* node, bool wrapper) {
    Frame frame;
    frame.node = node;
    frame.wrapper = wrapper;
    frame.groups_begin = static_cast<std::uint32_t>(groups_.size());
    frames_.push_back(frame);
}

void XmlTreeBuilder::start_root(std::string_view name) {
    if (!is_upper(name)) {
        fail(
            IssueType::structure,
            "xml-root",
            offset(),
            "the root element is not a resource's name, such as Patient"
        );
        return;
    }
    root_ = arena_.create<Element>();
    root_->name = arena_.copy(name);
    root_->value = root_->name;
    root_->symbol = symbols_.find(name);
    root_->is_resource = true;
    root_->offset = static_cast<std::uint32_t>(offset());
    open(root_, false);
}

void XmlTreeBuilder::start_wrapper(std::string_view name) {
    Element* node = frames_.back().node;
    if (node->is_resource || node->first_child != nullptr) {
        note(
            Severity::error,
            IssueType::structure,
            "xml-resource",
            offset(),
            "an element holds more than one resource, or a resource beside other content",
            "." + std::string(name.substr(0, 64))
        );
        skip_depth_ = 1;
        return;
    }
    node->is_resource = true;
    node->value = arena_.copy(name);
    node->written = Written::nothing;
    open(node, true);
}

Element* XmlTreeBuilder::append(std::string_view name) {
    Frame& frame = frames_.back();
    Group* group = nullptr;
    if (groups_.size() > frame.groups_begin && groups_.back().name == name) {
        group = &groups_.back();
    } else {
        for (std::size_t at = frame.groups_begin; at < groups_.size(); ++at) {
            if (groups_[at].name == name) {
                group = &groups_[at];
                break;
            }
        }
        if (group != nullptr) {
            note(
                Severity::error,
                IssueType::structure,
                "xml-order",
                offset(),
                "elements of one name do not stand together; XML keeps them in one run, in the "
                "order of the definition",
                "." + std::string(name.substr(0, 64))
            );
        } else {
            if (groups_.size() - frame.groups_begin >= limits_.members) {
                fail(
                    IssueType::too_costly,
                    "xml-members",
                    offset(),
                    "an element has more than " + std::to_string(limits_.members) +
                        " different children, the limit here"
                );
                return nullptr;
            }
            groups_.push_back({arena_.copy(name), symbols_.find(name), nullptr});
            group = &groups_.back();
        }
    }
    Element* node = arena_.create<Element>();
    node->name = group->name;
    node->symbol = group->symbol;
    node->parent = frame.node;
    node->offset = static_cast<std::uint32_t>(offset());
    Element* before = group->last != nullptr ? group->last : frame.last;
    if (before != nullptr) {
        node->next = before->next;
        before->next = node;
    } else {
        frame.node->first_child = node;
    }
    if (node->next == nullptr) {
        frame.last = node;
    }
    group->last = node;
    return node;
}

void XmlTreeBuilder::add_attributes(Element& node, const XML_Char** attributes) {
    for (; attributes[0] != nullptr; attributes += 2) {
        add_attribute(node, split_name(attributes[0]), attributes[1]);
    }
}

void XmlTreeBuilder::add_attribute(
    Element& node, const QualifiedName& name, std::string_view value
) {
    if (name.uri == schema_instance) {
        // For editors, no part of the resource, and R4 §2.6.1.6 forbids it in what is exchanged:
        // said, then dropped.
        note(
            Severity::error,
            IssueType::structure,
            "xml-schema-location",
            offset(),
            "an xsi attribute is no part of a resource, and what is exchanged must not hold one; "
            "leave "
            "it out",
            ".@xsi:" + std::string(name.local.substr(0, 64))
        );
        return;
    }
    const bool known = name.uri.empty() && !node.is_resource &&
                       (name.local == "value" || name.local == "id" || name.local == "url");
    if (!known) {
        note(
            Severity::error,
            IssueType::structure,
            "xml-attribute",
            offset(),
            "an attribute is not one that FHIR defines here (value, id, and url on extension)",
            ".@" + std::string(name.local.substr(0, 64))
        );
        return;
    }
    if (value.size() > limits_.string_bytes && node.name != "data" &&
        node.name != "valueBase64Binary") {
        fail(
            IssueType::too_long,
            "xml-string",
            offset(),
            "an attribute is longer than " + std::to_string(limits_.string_bytes) +
                " bytes, the limit here"
        );
        return;
    }
    Element* target = &node;
    if (name.local != "value") {
        ++elements_;
        target = append(name.local);
        if (target == nullptr) {
            return;
        }
        target->end_offset = target->offset;
    }
    target->value = arena_.copy(value);
    target->written = Written::text;
}

void XmlTreeBuilder::start_xhtml(std::string_view name) {
    if (name != "div") {
        note(
            Severity::error,
            IssueType::structure,
            "xml-namespace",
            offset(),
            "an XHTML element stands where only div may",
            "." + std::string(name.substr(0, 64))
        );
        skip_depth_ = 1;
        return;
    }
    xhtml_ = append(name);
    xhtml_depth_ = 1;
}

void XmlTreeBuilder::end() {
    if (failed_) {
        return;
    }
    const std::size_t after = offset() + static_cast<std::size_t>(XML_GetCurrentByteCount(parser_));
    if (xhtml_ != nullptr) {
        if (--xhtml_depth_ == 0) {
            const std::string_view source = text_.substr(xhtml_->offset, after - xhtml_->offset);
            xhtml_->value = source;
            xhtml_->written = Written::xhtml;
            xhtml_->end_offset = static_cast<std::uint32_t>(after);
            if (!source.starts_with("<div")) {
                note(
                    Severity::error,
                    IssueType::structure,
                    "xml-xhtml-prefix",
                    xhtml_->offset,
                    "the narrative's div has a namespace prefix; write "
                    "<div xmlns=\"http://www.w3.org/1999/xhtml\">"
                );
            } else if (source.substr(0, source.find('>')).find("xmlns") == std::string_view::npos) {
                // The namespace came from outside the div; the text alone must say it too.
                std::string with_namespace = "<div xmlns=\"";
                with_namespace += xhtml_namespace;
                with_namespace += '"';
                with_namespace += source.substr(4);
                xhtml_->value = arena_.copy(with_namespace);
            }
            xhtml_ = nullptr;
        }
        return;
    }
    if (skip_depth_ > 0) {
        --skip_depth_;
        return;
    }
    const Frame& frame = frames_.back();
    frame.node->end_offset = static_cast<std::uint32_t>(after);
    groups_.resize(frame.groups_begin);
    frames_.pop_back();
    if (!frames_.empty()) {
        frames_.back().in_text = false;
    }
}

void XmlTreeBuilder::characters(const XML_Char* data, int length) {
    if (failed_ || xhtml_ != nullptr || skip_depth_ > 0 || frames_.empty()) {
        return;
    }
    const std::string_view text(data, static_cast<std::size_t>(length));
    Frame& frame = frames_.back();
    if (frame.in_text || text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return;
    }
    frame.in_text = true;
    note(
        Severity::error,
        IssueType::structure,
        "xml-text",
        offset(),
        "text stands between elements; FHIR XML keeps values in the attribute 'value'"
    );
}

void XmlTreeBuilder::note(
    Severity severity,
    IssueType type,
    const char* rule,
    std::size_t at,
    std::string diagnostics,
    std::string suffix
) {
    if (findings_.size() >= xml_findings_max && severity != Severity::fatal) {
        // Interleaved names cost a search each: stop rather than search for ever.
        fail(
            IssueType::too_costly,
            "xml-findings",
            at,
            "the message has more than 200 faults of form; it is not FHIR XML"
        );
        return;
    }
    Finding finding;
    finding.issue.severity = severity;
    finding.issue.type = type;
    finding.issue.rule = rule;
    finding.issue.diagnostics = std::move(diagnostics);
    finding.node = frames_.empty() ? nullptr : frames_.back().node;
    finding.suffix = std::move(suffix);
    finding.offset = at;
    findings_.push_back(std::move(finding));
}

Decoded XmlTreeBuilder::finish() {
    Decoded decoded;
    for (Finding& finding : findings_) {
        const Position position = position_of(text_, finding.offset);
        finding.issue.line = position.line;
        finding.issue.column = position.column;
        if (finding.node != nullptr) {
            finding.issue.expression = expression_of(*finding.node) + finding.suffix;
        }
        decoded.issues.push_back(std::move(finding.issue));
    }
    decoded.root = failed_ ? nullptr : root_;
    return decoded;
}

XmlTreeBuilder& builder_of(void* user) {
    return *static_cast<XmlTreeBuilder*>(user);
}

void XMLCALL on_start(void* user, const XML_Char* name, const XML_Char** attributes) {
    builder_of(user).start(name, attributes);
}
void XMLCALL on_end(void* user, const XML_Char*) {
    builder_of(user).end();
}
void XMLCALL on_characters(void* user, const XML_Char* data, int length) {
    builder_of(user).characters(data, length);
}
void XMLCALL on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    builder_of(user).doctype();
}
void XMLCALL on_declaration(void* user, const XML_Char* version, const XML_Char* encoding, int) {
    builder_of(user).declaration(version, encoding);
}
void XMLCALL on_instruction(void* user, const XML_Char*, const XML_Char*) {
    builder_of(user).instruction();
}

std::string words_of(XML_Error code) {
    switch (code) {
    case XML_ERROR_NO_ELEMENTS: return "the text is empty or ends before the root element does";
    case XML_ERROR_INVALID_TOKEN:
        return "the text is not well-formed XML here (a stray '<' or '&', a character that XML "
               "forbids, or bytes that are not UTF-8)";
    case XML_ERROR_TAG_MISMATCH: return "an end tag does not match its start tag";
    case XML_ERROR_DUPLICATE_ATTRIBUTE: return "an attribute stands twice on one element";
    case XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
        return "there is text after the end of the resource; send one resource and nothing else";
    case XML_ERROR_UNDEFINED_ENTITY:
        return "an entity is not defined; XML knows amp, lt, gt, quot and apos, everything else is "
               "written as a character or as &#number;";
    case XML_ERROR_UNBOUND_PREFIX: return "a namespace prefix is not declared";
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_PARTIAL_CHAR: return "the text ends in the middle of a tag or character";
    default: return std::string("the text is not well-formed XML: ") + XML_ErrorString(code);
    }
}

Decoded read_whole(
    std::string_view text, Arena& arena, const SymbolTable& symbols, const DecodeLimits& limits
) {
    const std::unique_ptr<XML_ParserStruct, ParserFree> parser(
        XML_ParserCreateNS("UTF-8", name_separator)
    );
    GH_ASSERT(parser != nullptr);
    XmlTreeBuilder builder(parser.get(), text, arena, symbols, limits);
    XML_SetUserData(parser.get(), &builder);
    XML_SetElementHandler(parser.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser.get(), on_characters);
    XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
    XML_SetXmlDeclHandler(parser.get(), on_declaration);
    XML_SetProcessingInstructionHandler(parser.get(), on_instruction);

    // Expat would read UTF-16; the tree's offsets and FHIR would not.
    if (text.size() >= 2 && (text[0] == '\0' || text[1] == '\0' || text.starts_with("\xFE\xFF") ||
                             text.starts_with("\xFF\xFE"))) {
        builder.fail(
            IssueType::structure,
            "xml-encoding",
            0,
            "the text is UTF-16; UTF-8 is the only encoding FHIR allows"
        );
        return builder.finish();
    }
    if (text.size() > static_cast<std::size_t>(INT_MAX)) {
        builder.fail(IssueType::too_long, "xml-size", 0, "the text is larger than 2 GiB");
        return builder.finish();
    }
    const XML_Status status =
        XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (status != XML_STATUS_OK && !builder.failed()) {
        builder.fail(
            IssueType::structure,
            "xml-syntax",
            static_cast<std::size_t>(std::max<XML_Index>(0, XML_GetCurrentByteIndex(parser.get()))),
            words_of(XML_GetErrorCode(parser.get()))
        );
    }
    return builder.finish();
}

}  // namespace

Decoded read_xml(
    std::string_view text, Arena& arena, const SymbolTable& symbols, const DecodeLimits& limits
) {
    Decoded decoded = read_whole(text, arena, symbols, limits);
    if (decoded.root == nullptr && limits.read_past_bad_bytes) {
        read_past_bad_bytes(decoded, text, arena, "xml-encoding", [&](std::string_view mended) {
            return read_whole(mended, arena, symbols, limits);
        });
    }
    return decoded;
}

}  // namespace gatehouse::fhir
