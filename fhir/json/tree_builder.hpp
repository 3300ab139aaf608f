#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// RapidJSON events -> Element tree (FHIR R4 §2.6.2). Keeps one frame per open object and, per
// object, the names met so far: that finds duplicates, and brings "given" and "_given" together
// whichever comes first. Lesser faults of form are collected with a place and the reading goes on;
// a fault that leaves no sensible tree ends it.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fhir/json/json.hpp"
#include "fhir/json/source_stream.hpp"

namespace gatehouse::fhir::json {

// Where nodes go: what the root holds, down to the members of an entry's resource, and the rest. In
// a large Bundle what looks at each entry a little then finds these side by side, and not one here
// and one there in a tree that no cache holds. Unescaped texts go with the rest.
class TreeArenas {
public:
    // All in one: of a small message each would be nearly empty.
    explicit TreeArenas(Arena& arena) : entries_(&arena), members_(&arena), rest_(&arena) {}
    // Three that become part of `arena` by give_to().
    TreeArenas() : entries_(&own_[0]), members_(&own_[1]), rest_(&own_[2]) {}
    TreeArenas(const TreeArenas&) = delete;
    TreeArenas& operator=(const TreeArenas&) = delete;

    // `open`: objects around the node.
    [[nodiscard]] Arena& at(std::size_t open) noexcept {
        return open <= 1 ? *entries_ : open <= 3 ? *members_ : *rest_;
    }
    [[nodiscard]] Arena& rest() noexcept { return *rest_; }
    void give_to(Arena& arena) {
        for (Arena& own : own_) {
            arena.adopt(std::move(own));
        }
    }

private:
    std::array<Arena, 3> own_;
    Arena* entries_;
    Arena* members_;
    Arena* rest_;
};

class TreeBuilder {
public:
    TreeBuilder(
        SourceStream& stream,
        std::string_view text,
        TreeArenas& arenas,
        const SymbolTable& symbols,
        const DecodeLimits& limits,
        const ReadHelp& help
    );

    // RapidJSON's handler interface. False ends the parse; then failed() holds.
    bool Null();
    bool Bool(bool value);
    bool RawNumber(const char*, rapidjson::SizeType length, bool);
    bool String(const char*, rapidjson::SizeType, bool);
    bool Key(const char*, rapidjson::SizeType, bool);
    bool StartObject();
    bool EndObject(rapidjson::SizeType);
    bool StartArray();
    bool EndArray(rapidjson::SizeType);
    // Not called with kParseNumbersAsStringsFlag.
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }

    // Findings past this are not worth their memory: the message is not FHIR.
    static constexpr std::size_t findings_max = 200;

    [[nodiscard]] bool failed() const { return failed_; }
    // Records a fault that leaves no tree, at `offset`.
    bool fail(IssueType type, const char* rule, std::size_t offset, std::string diagnostics);
    // The tree and the issues with their lines and expressions.
    Decoded finish();

private:
    // One name of an open object.
    struct Name {
        std::string_view text;  // without '_'
        Symbol symbol = unknown_symbol;
        Element* first = nullptr;
        Element* last = nullptr;
        bool plain = false;  // "name" was met
        bool twin = false;   // "_name" was met
    };
    // Frame::name before the member's name is known.
    static constexpr std::uint32_t no_name = UINT32_MAX;

    struct Frame {
        Element* node = nullptr;
        Element* last = nullptr;  // last child, where the next one goes
        std::uint64_t seen = 0;   // one bit per name hash: most names are new and skip the search
        std::uint32_t names_begin = 0;
        std::uint32_t name = no_name;  // the member being read
        std::uint32_t members = 0;
        std::uint32_t items = 0;  // of the array being read
        std::uint32_t array_depth = 0;
        std::size_t array_offset = 0;
        Element* cursor = nullptr;  // array: next element of the other spelling
        TypeModel::Place place;     // the member's, by the definitions
        bool twin = false;          // the member is "_name"
        bool merging = false;       // the other spelling came first
        bool type_member = false;   // the member is "resourceType"
        bool has_nulls = false;
        bool in_pieces = false;  // the member's array was read by read_in_pieces()
    };
    struct Finding {
        Issue issue;
        const Element* node = nullptr;
        std::string suffix;
        std::size_t offset = 0;
    };

    // pieces.cpp: the entries of a large Bundle
    class Cuts;
    struct Piece;
    struct PieceRun;
    void read_in_pieces();
    void read_piece(PieceRun& run, std::size_t number, TreeArenas& arenas) const;
    void begin_piece(const TreeBuilder& whole, Element& stand_in);
    bool join_pieces(PieceRun& run);

    Element* place(std::size_t offset);
    Element* append(Frame& frame, Name& name, std::size_t offset);
    Element* take_existing(Frame& frame, Name& name);
    bool set_value(std::string_view value, Written written, std::size_t offset, std::size_t end);
    bool set_type(std::string_view value, bool is_string, std::size_t offset);
    bool check_token(std::string_view what);
    Name* find_name(Frame& frame, std::string_view text);
    void recall_members(Frame& frame);
    void check_nulls(const Frame& frame);
    void note(
        Severity severity,
        IssueType type,
        const char* rule,
        std::size_t offset,
        std::string diagnostics
    );
    void note_at(
        const Element* node,
        std::string suffix,
        Severity severity,
        IssueType type,
        const char* rule,
        std::size_t offset,
        std::string diagnostics
    );
    [[nodiscard]] std::string member_suffix() const;

    SourceStream& stream_;
    std::string_view text_;
    TreeArenas& arenas_;
    const SymbolTable& symbols_;
    const DecodeLimits& limits_;
    const ReadHelp help_;
    std::vector<Frame> frames_;
    std::vector<Name> names_;
    std::vector<Finding> findings_;
    Element* root_ = nullptr;
    std::size_t depth_ = 0;
    std::size_t elements_ = 0;
    bool failed_ = false;
    bool typed_late_ = false;  // a resource told its type after other members
};

}  // namespace gatehouse::fhir::json
