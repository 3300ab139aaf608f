// SPDX-License-Identifier: Apache-2.0
#include "fhir/json/tree_builder.hpp"

#include <algorithm>

namespace gatehouse::fhir::json {
namespace {

// Members of an object before a linear search for a repeated name gives way to a wider look: FHIR's
// widest type has about 60 children.
std::uint64_t name_bit(std::string_view text) noexcept {
    if (text.empty()) {
        return 1;
    }
    const auto first = static_cast<unsigned char>(text.front());
    const auto last = static_cast<unsigned char>(text.back());
    const auto middle = static_cast<unsigned char>(text[text.size() / 2]);
    return 1ULL << ((first * 7U + last * 31U + middle * 3U + text.size()) & 63U);
}

// Elements of type base64Binary, which may be as large as the body.
bool may_be_large(std::string_view name) noexcept {
    return name == "data" || name == "valueBase64Binary" || name == "div";
}

}  // namespace

TreeBuilder::TreeBuilder(
    SourceStream& stream,
    std::string_view text,
    TreeArenas& arenas,
    const SymbolTable& symbols,
    const DecodeLimits& limits,
    const ReadHelp& help
)
    : stream_(stream), text_(text), arenas_(arenas), symbols_(symbols), limits_(limits),
      help_(help) {
    frames_.reserve(16);
    names_.reserve(64);
}

bool TreeBuilder::Null() {
    const std::size_t offset = stream_.Tell() - 4;
    if (frames_.empty()) {
        return fail(
            IssueType::structure,
            "json-root",
            offset,
            "the text is null; a FHIR resource is a JSON object"
        );
    }
    Frame& frame = frames_.back();
    if (frame.array_depth == 0 || frame.type_member) {
        note(
            Severity::error,
            IssueType::structure,
            "json-null",
            offset,
            "null is no value here; leave the member out (null is for gaps in arrays of primitives)"
        );
        return true;
    }
    Element* node = place(offset);
    if (node == nullptr) {
        return false;
    }
    frame.has_nulls = true;
    if (node->end_offset == 0) {
        node->end_offset = static_cast<std::uint32_t>(stream_.Tell());
    }
    return true;
}

bool TreeBuilder::Bool(bool value) {
    const std::size_t length = value ? 4 : 5;
    const std::size_t offset = stream_.Tell() - length;
    return set_value(stream_.source(offset, length), Written::boolean, offset, stream_.Tell());
}

bool TreeBuilder::RawNumber(const char*, rapidjson::SizeType length, bool) {
    const std::size_t offset = stream_.Tell() - length;
    return set_value(stream_.source(offset, length), Written::number, offset, stream_.Tell());
}

bool TreeBuilder::String(const char*, rapidjson::SizeType, bool) {
    if (!check_token("a string")) {
        return false;
    }
    return set_value(
        stream_.token(arenas_.rest()), Written::string, stream_.token_offset(), stream_.Tell()
    );
}

bool TreeBuilder::check_token(std::string_view what) {
    if (!stream_.unescaped()) {
        return true;
    }
    if (stream_.has_lone_surrogate()) {
        return fail(
            IssueType::value,
            "json-surrogate",
            stream_.token_offset(),
            std::string(what) + " holds half of a \\u surrogate pair; write the character "
                                "itself or both halves"
        );
    }
    if (stream_.has_nul()) {
        return fail(
            IssueType::value,
            "json-nul",
            stream_.token_offset(),
            std::string(what) + " holds U+0000, which FHIR does not allow; remove it"
        );
    }
    return true;
}

bool TreeBuilder::Key(const char*, rapidjson::SizeType, bool) {
    if (!check_token("a member name")) {
        return false;
    }
    Frame& frame = frames_.back();
    // Until this member is known by name, a finding is about the object.
    frame.name = no_name;
    frame.type_member = false;
    if (++frame.members > limits_.members) {
        return fail(
            IssueType::too_costly,
            "json-members",
            stream_.token_offset(),
            "an object has more than " + std::to_string(limits_.members) +
                " members, the limit here"
        );
    }
    std::string_view text = stream_.token(arenas_.rest());
    frame.items = 0;
    frame.merging = false;
    frame.in_pieces = false;
    frame.cursor = nullptr;
    frame.type_member = text == "resourceType";
    frame.twin = text.size() > 1 && text.front() == '_';
    if (frame.twin &&
        text.substr(std::min(text.find_first_not_of('_'), text.size())) == "resourceType") {
        frame.twin = false;
        return fail(
            IssueType::structure,
            "json-resource-type",
            stream_.token_offset(),
            "resourceType is no element and has no extensions; remove '" +
                std::string(text.substr(0, 64)) + "'"
        );
    }
    if (frame.twin) {
        text.remove_prefix(1);
    }
    Name* known = find_name(frame, text);
    if (known == nullptr) {
        frame.name = static_cast<std::uint32_t>(names_.size());
        names_.push_back({text, frame.type_member ? unknown_symbol : symbols_.find(text)});
        known = &names_.back();
    } else {
        frame.name = static_cast<std::uint32_t>(known - names_.data());
        frame.merging = true;
        frame.cursor = known->first;
    }
    bool& seen = frame.twin ? known->twin : known->plain;
    if (seen) {
        return fail(
            IssueType::structure,
            "json-duplicate",
            stream_.token_offset(),
            "the member '" + std::string(frame.twin ? "_" : "") + std::string(text.substr(0, 64)) +
                "' stands twice in one object (or in one and its '_' pair); send it once, as an "
                "array if it repeats"
        );
    }
    seen = true;
    if (help_.types != nullptr) {
        frame.place = help_.types->place_of(frame.node->type, known->symbol);
    }
    return true;
}

TreeBuilder::Name* TreeBuilder::find_name(Frame& frame, std::string_view text) {
    const std::uint64_t bit = name_bit(text);
    if ((frame.seen & bit) == 0) {
        frame.seen |= bit;
        return nullptr;
    }
    for (std::size_t at = frame.names_begin; at < names_.size(); ++at) {
        if (names_[at].text == text) {
            return &names_[at];
        }
    }
    return nullptr;
}

bool TreeBuilder::StartObject() {
    const std::size_t offset = stream_.Tell() - 1;
    const std::size_t depth_max = std::min(limits_.depth, depth_ceiling);
    if (++depth_ > depth_max) {
        return fail(
            IssueType::too_costly,
            "json-depth",
            offset,
            "objects and arrays nest deeper than " + std::to_string(depth_max) + ", the limit here"
        );
    }
    Element* node = nullptr;
    if (frames_.empty()) {
        node = arenas_.at(0).create<Element>();
        node->offset = static_cast<std::uint32_t>(offset);
        root_ = node;
        ++elements_;
    } else {
        if (frames_.back().type_member) {
            return set_type({}, false, offset);
        }
        node = place(offset);
        if (node == nullptr) {
            return false;
        }
    }
    Frame frame;
    frame.node = node;
    frame.last = node->first_child;
    while (frame.last != nullptr && frame.last->next != nullptr) {
        frame.last = frame.last->next;
    }
    frame.names_begin = static_cast<std::uint32_t>(names_.size());
    recall_members(frame);
    frames_.push_back(frame);
    return true;
}

// 'name' and '_name' both held an object, which only a primitive's '_name' may: the validator says
// so, by type. Here what the first one held counts as met in the second, or the element would have
// members twice.
void TreeBuilder::recall_members(Frame& frame) {
    for (Element* child = frame.node->first_child; child != nullptr; child = child->next) {
        Name* name = find_name(frame, child->name);
        if (name == nullptr) {
            names_.push_back({child->name, child->symbol, child, child});
            name = &names_.back();
        }
        name->last = child;
        name->plain = name->plain || child->has_value() || !child->has_twin;
        name->twin = name->twin || child->has_twin;
    }
}

bool TreeBuilder::EndObject(rapidjson::SizeType) {
    --depth_;
    const Frame& frame = frames_.back();
    if (frame.has_nulls) {
        check_nulls(frame);
    }
    Element* node = frame.node;
    if (frame.members == 0) {
        note_at(
            node,
            {},
            Severity::error,
            IssueType::structure,
            "json-empty-object",
            node->offset,
            "an object is empty; an element has a value or children, so leave it out"
        );
    }
    if (node->end_offset == 0) {
        node->end_offset = static_cast<std::uint32_t>(stream_.Tell());
    }
    names_.resize(frame.names_begin);
    frames_.pop_back();
    return true;
}

void TreeBuilder::check_nulls(const Frame& frame) {
    for (const Element& child : frame.node->children()) {
        if (!child.has_value() && child.first_child == nullptr && child.in_array) {
            note_at(
                &child,
                {},
                Severity::error,
                IssueType::structure,
                "json-null-item",
                child.offset,
                "an item is null and has no extension either; leave the item out or say why it "
                "is missing in '_" +
                    std::string(child.name.substr(0, 64)) + "'"
            );
        }
    }
}

bool TreeBuilder::StartArray() {
    const std::size_t offset = stream_.Tell() - 1;
    const std::size_t depth_max = std::min(limits_.depth, depth_ceiling);
    if (++depth_ > depth_max) {
        return fail(
            IssueType::too_costly,
            "json-depth",
            offset,
            "objects and arrays nest deeper than " + std::to_string(depth_max) + ", the limit here"
        );
    }
    if (frames_.empty()) {
        return fail(
            IssueType::structure,
            "json-root",
            offset,
            "the text is an array; a FHIR resource is a JSON object"
        );
    }
    Frame& frame = frames_.back();
    if (frame.type_member) {
        return set_type({}, false, offset);
    }
    if (++frame.array_depth == 1) {
        frame.items = 0;
        frame.array_offset = offset;
        if (frames_.size() == 1 && help_.helpers != nullptr && names_[frame.name].text == "entry") {
            read_in_pieces();
        }
    } else if (frame.array_depth == 2) {
        note(
            Severity::error,
            IssueType::structure,
            "json-nested-array",
            offset,
            "an array stands directly inside an array; FHIR has no such form"
        );
    }
    return true;
}

bool TreeBuilder::EndArray(rapidjson::SizeType count) {
    --depth_;
    Frame& frame = frames_.back();
    --frame.array_depth;
    if (count == 0 && !(frame.in_pieces && frame.array_depth == 0)) {
        note(
            Severity::error,
            IssueType::structure,
            "json-empty-array",
            frame.array_offset,
            "an array is empty; leave the member out"
        );
        frame.node->lost_part = true;
    }
    return true;
}

Element* TreeBuilder::append(Frame& frame, Name& name, std::size_t offset) {
    Element* node = arenas_.at(frames_.size()).create<Element>();
    // The nodes after it, whose memory another core may have used last.
    constexpr std::size_t ahead = 8 * sizeof(Element);
    prefetch_for_write(reinterpret_cast<const char*>(node) + ahead);
    prefetch_for_write(reinterpret_cast<const char*>(node) + ahead + 64);
    node->name = name.text;
    node->symbol = name.symbol;
    node->parent = frame.node;
    node->offset = static_cast<std::uint32_t>(offset);
    frame.place.set(*node);
    Element* before = name.last != nullptr ? name.last : frame.last;
    if (before != nullptr) {
        node->next = before->next;
        before->next = node;
    } else {
        frame.node->first_child = node;
    }
    if (node->next == nullptr) {
        frame.last = node;
    }
    if (name.first == nullptr) {
        name.first = node;
    }
    name.last = node;
    return node;
}

Element* TreeBuilder::take_existing(Frame& frame, Name&) {
    Element* node = frame.cursor;
    frame.cursor = node->next_same();
    return node;
}

// The element that the value at hand belongs to: a new one, or the one its twin spelling made.
Element* TreeBuilder::place(std::size_t offset) {
    Frame& frame = frames_.back();
    Name& name = names_[frame.name];
    const bool in_array = frame.array_depth > 0;
    Element* node = nullptr;
    if (frame.merging && frame.cursor != nullptr) {
        node = take_existing(frame, name);
        if (node->in_array != in_array && frame.items == 0) {
            note(
                Severity::error,
                IssueType::structure,
                "json-twin-shape",
                offset,
                "one of the pair 'name' and '_name' is an array and the other is not; write both "
                "alike"
            );
        }
        if (!frame.twin) {
            node->offset = static_cast<std::uint32_t>(offset);
            node->end_offset = 0;
        }
    } else {
        if (++elements_ > limits_.elements) {
            fail(
                IssueType::too_costly,
                "json-elements",
                offset,
                "the message has more than " + std::to_string(limits_.elements) +
                    " elements, the limit here"
            );
            return nullptr;
        }
        node = append(frame, name, offset);
        node->in_array = in_array;
    }
    node->has_twin = node->has_twin || frame.twin;
    ++frame.items;
    return node;
}

bool TreeBuilder::set_value(
    std::string_view value, Written written, std::size_t offset, std::size_t end
) {
    if (frames_.empty()) {
        return fail(
            IssueType::structure,
            "json-root",
            offset,
            "the text is a single value; a FHIR resource is a JSON object"
        );
    }
    Frame& frame = frames_.back();
    if (frame.type_member) {
        return set_type(value, written == Written::string, offset);
    }
    if (frame.twin) {
        note(
            Severity::error,
            IssueType::structure,
            "json-twin-value",
            offset,
            "a member whose name starts with '_' holds id and extension of a primitive, so it is "
            "an "
            "object (or an array of objects and null)"
        );
        ++frame.items;
        return true;
    }
    if (value.size() > limits_.string_bytes && !may_be_large(names_[frame.name].text)) {
        return fail(
            IssueType::too_long,
            "json-string",
            offset,
            "a string is longer than " + std::to_string(limits_.string_bytes) +
                " bytes, the limit here"
        );
    }
    Element* node = place(offset);
    if (node == nullptr) {
        return false;
    }
    node->value = value;
    node->written = written;
    node->end_offset = static_cast<std::uint32_t>(end);
    return true;
}

bool TreeBuilder::set_type(std::string_view value, bool is_string, std::size_t offset) {
    Element* node = frames_.back().node;
    if (!is_string || value.empty()) {
        return fail(
            IssueType::structure,
            "json-resource-type",
            offset,
            "resourceType is not a resource's name in a string, such as \"Patient\""
        );
    }
    if (node->has_twin) {
        return fail(
            IssueType::structure,
            "json-resource-type",
            offset,
            "a member whose name starts with '_' cannot hold a resource"
        );
    }
    node->is_resource = true;
    node->value = value;
    if (help_.types != nullptr) {
        node->type = help_.types->resource_type(symbols_.find(value));
        typed_late_ = typed_late_ || node->first_child != nullptr;
    }
    return true;
}

std::string TreeBuilder::member_suffix() const {
    if (frames_.empty() || frames_.back().members == 0) {
        return {};
    }
    const Frame& frame = frames_.back();
    if (frame.type_member) {
        return ".resourceType";
    }
    if (frame.name == no_name) {
        return {};
    }
    std::string suffix = ".";
    suffix += names_[frame.name].text.substr(0, 64);
    if (frame.array_depth > 0) {
        suffix += '[' + std::to_string(frame.items) + ']';
    }
    return suffix;
}

void TreeBuilder::note(
    Severity severity, IssueType type, const char* rule, std::size_t offset, std::string diagnostics
) {
    const Element* node = frames_.empty() ? nullptr : frames_.back().node;
    note_at(node, member_suffix(), severity, type, rule, offset, std::move(diagnostics));
}

void TreeBuilder::note_at(
    const Element* node,
    std::string suffix,
    Severity severity,
    IssueType type,
    const char* rule,
    std::size_t offset,
    std::string diagnostics
) {
    if (findings_.size() >= findings_max && severity != Severity::fatal) {
        return;
    }
    Finding finding;
    finding.issue.severity = severity;
    finding.issue.type = type;
    finding.issue.rule = rule;
    finding.issue.diagnostics = std::move(diagnostics);
    finding.node = node;
    finding.suffix = std::move(suffix);
    finding.offset = offset;
    findings_.push_back(std::move(finding));
}

bool TreeBuilder::fail(
    IssueType type, const char* rule, std::size_t offset, std::string diagnostics
) {
    note(Severity::fatal, type, rule, offset, std::move(diagnostics));
    failed_ = true;
    return false;
}

Decoded TreeBuilder::finish() {
    Decoded decoded;
    if (root_ != nullptr && root_->is_resource) {
        root_->name = root_->value;
        root_->symbol = symbols_.find(root_->name);
    }
    if (typed_late_ && !failed_) {
        annotate(*root_, *help_.types);
    }
    if (!failed_ && root_ != nullptr && !root_->is_resource) {
        note_at(
            root_,
            {},
            Severity::error,
            IssueType::structure,
            "json-resource-type",
            root_->offset,
            "the object has no resourceType; a FHIR resource names its type there"
        );
    }
    PositionCursor places(text_);
    for (Finding& finding : findings_) {
        const Position position = places.at(finding.offset);
        finding.issue.line = position.line;
        finding.issue.column = position.column;
        if (finding.node != nullptr) {
            finding.issue.expression = expression_of(*finding.node) + finding.suffix;
            if (finding.issue.expression.starts_with('.')) {
                finding.issue.expression.erase(0, 1);
            }
        }
        decoded.issues.push_back(std::move(finding.issue));
    }
    decoded.root = failed_ ? nullptr : root_;
    return decoded;
}

}  // namespace gatehouse::fhir::json
