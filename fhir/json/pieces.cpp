// SPDX-License-Identifier: Apache-2.0
//
// Entries of a large Bundle, read by several threads. The text is cut where an entry seems to
// begin; each thread reads pieces into an arena of its own, from a cut to the next one it arrives
// at; then the pieces are put together from the first one on, each at the cut where the one before
// it ended. So each of them is known to begin where an entry does, however the cuts were guessed,
// and the tree and its findings are those of one reading. Where anything is odd (a fault of syntax,
// an entry that is no object, a limit, cuts that are none) nothing is kept, and the reading goes on
// as if nobody had helped.

#include "fhir/json/pieces.hpp"

#include <atomic>
#include <memory>
#include <mutex>

#include "fhir/json/tree_builder.hpp"

namespace gatehouse::fhir::json {
namespace {

// A piece that passes over more cuts than this is read for nothing, as all who guessed so.
constexpr std::size_t passed_max = 2;
constexpr std::size_t sign_bytes_max = 256;
constexpr std::size_t sample_bytes_max = 1024 * 1024;  // of the first element

bool is_white(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::size_t behind_white(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_white(text[at])) {
        ++at;
    }
    return at;
}

// Behind the string whose opening quote is at `at`, or npos.
std::size_t behind_string(std::string_view text, std::size_t at) noexcept {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1U : 0U;
    }
    return at < text.size() ? at + 1 : std::string_view::npos;
}

// Behind the object that begins at `at`, or npos.
std::size_t behind_object(std::string_view text, std::size_t at) noexcept {
    std::size_t depth = 0;
    while (at < text.size()) {
        if (text[at] == '"') {
            at = behind_string(text, at);
            continue;
        }
        depth += text[at] == '{' ? 1U : 0U;
        depth -= text[at] == '}' ? 1U : 0U;
        ++at;
        if (depth == 0) {
            return at;
        }
    }
    return std::string_view::npos;
}

}  // namespace

std::vector<std::size_t>
guess_cuts(std::string_view text, std::size_t from, std::size_t piece_bytes) {
    const std::size_t first = behind_white(text, from);
    if (first >= text.size() || text[first] != '{' || text.size() - first < 2 * piece_bytes) {
        return {};
    }
    // From the brace that ends the first element to the first name of the second.
    const std::size_t end = behind_object(text.substr(0, first + sample_bytes_max), first);
    if (end == std::string_view::npos) {
        return {};
    }
    const std::size_t comma = behind_white(text, end);
    const std::size_t brace = comma < text.size() ? behind_white(text, comma + 1) : comma;
    const std::size_t quote = brace < text.size() ? behind_white(text, brace + 1) : brace;
    if (quote >= text.size() || text[comma] != ',' || text[brace] != '{' || text[quote] != '"') {
        return {};
    }
    const std::size_t name_end = behind_string(text, quote);
    if (name_end == std::string_view::npos || name_end - end >= sign_bytes_max) {
        return {};
    }
    const std::string_view sign = text.substr(end - 1, name_end - (end - 1));
    std::vector<std::size_t> cuts{first};
    for (std::size_t at = text.find(sign, first + piece_bytes); at != std::string_view::npos;
         at = text.find(sign, cuts.back() + piece_bytes)) {
        cuts.push_back(at + (brace - (end - 1)));
    }
    return cuts;
}

struct TreeBuilder::Piece {
    Element* first = nullptr;
    Element* last = nullptr;
    std::uint32_t items = 0;
    std::size_t elements = 0;
    std::size_t next = 0;  // the piece that begins where this one ends; or the count: all is read,
    std::size_t end = 0;   // and the array's ']' is here
    std::vector<Finding> findings;
    bool whole = false;
    bool typed_late = false;
};

struct TreeBuilder::PieceRun {
    std::vector<std::size_t> cuts;
    std::vector<Piece> pieces;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> elements{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::vector<std::unique_ptr<TreeArenas>> arenas;
};

void TreeBuilder::read_in_pieces() {
    const Frame& frame = frames_.back();
    if (help_.helpers->count == 0 || frame.twin || frame.merging) {
        return;
    }
    PieceRun run;
    run.cuts = guess_cuts(text_, stream_.Tell(), help_.piece_bytes);
    if (run.cuts.size() < 2) {
        return;
    }
    run.pieces.resize(run.cuts.size());
    run.elements = elements_;
    help_.helpers->run([&] {
        try {
            auto arenas = std::make_unique<TreeArenas>();
            for (std::size_t number = run.next++; number < run.pieces.size() && !run.failed;
                 number = run.next++) {
                read_piece(run, number, *arenas);
            }
            const std::lock_guard lock(run.mutex);
            run.arenas.push_back(std::move(arenas));
        } catch (...) {
            run.failed = true;  // out of memory: one reading needs less
        }
    });
    if (run.failed || !join_pieces(run)) {
        return;
    }
    for (const auto& arenas : run.arenas) {
        arenas->give_to(arenas_.rest());
    }
}

// An object and an array are open, as they are in the whole.
void TreeBuilder::begin_piece(const TreeBuilder& whole, Element& stand_in) {
    const Frame& outer = whole.frames_.back();
    const Name& name = whole.names_[outer.name];
    names_.push_back({name.text, name.symbol});
    Frame frame;
    frame.node = &stand_in;
    frame.name = 0;
    frame.members = outer.members;
    frame.array_depth = 1;
    frame.place = outer.place;
    frames_.push_back(frame);
    depth_ = whole.depth_;
}

void TreeBuilder::read_piece(PieceRun& run, std::size_t number, TreeArenas& arenas) const {
    Piece& piece = run.pieces[number];
    SourceStream stream(text_);
    stream.skip_bytes(run.cuts[number]);
    ReadHelp help = help_;
    help.helpers = nullptr;
    TreeBuilder builder(stream, text_, arenas, symbols_, limits_, help);
    Element stand_in;
    builder.begin_piece(*this, stand_in);
    rapidjson::Reader reader;
    std::size_t passed = 0;
    piece.next = number + 1;
    while (stream.Peek() == '{' && !run.failed) {
        if (reader.Parse<value_flags>(stream, builder).IsError()) {
            return;
        }
        stream.skip_whitespace();
        if (stream.Peek() == ']') {
            piece.next = run.cuts.size();
            piece.end = stream.Tell();
            piece.whole = true;
            break;
        }
        if (stream.Take() != ',') {
            return;
        }
        stream.skip_whitespace();
        for (; piece.next < run.cuts.size() && run.cuts[piece.next] < stream.Tell(); ++piece.next) {
            if (++passed > passed_max) {
                return;
            }
        }
        if (piece.next < run.cuts.size() && run.cuts[piece.next] == stream.Tell()) {
            piece.whole = true;
            break;
        }
    }
    if (!piece.whole) {
        return;
    }
    if (run.elements.fetch_add(builder.elements_) + builder.elements_ > limits_.elements) {
        run.failed = true;
        return;
    }
    piece.first = stand_in.first_child;
    piece.last = builder.frames_.back().last;
    piece.items = builder.frames_.back().items;
    piece.elements = builder.elements_;
    piece.findings = std::move(builder.findings_);
    piece.typed_late = builder.typed_late_;
    for (Element* entry = piece.first; entry != nullptr; entry = entry->next) {
        entry->parent = root_;
    }
}

bool TreeBuilder::join_pieces(PieceRun& run) {
    std::size_t end = 0;
    for (std::size_t at = 0; at < run.pieces.size(); at = run.pieces[at].next) {
        if (!run.pieces[at].whole) {
            return false;
        }
        end = run.pieces[at].end;
    }
    Frame& frame = frames_.back();
    Name& name = names_[frame.name];
    for (std::size_t at = 0; at < run.pieces.size(); at = run.pieces[at].next) {
        Piece& piece = run.pieces[at];
        (frame.last != nullptr ? frame.last->next : frame.node->first_child) = piece.first;
        frame.last = name.last = piece.last;
        if (name.first == nullptr) {
            name.first = piece.first;
        }
        frame.items += piece.items;
        elements_ += piece.elements;
        typed_late_ = typed_late_ || piece.typed_late;
        for (Finding& finding : piece.findings) {
            if (findings_.size() < findings_max) {
                findings_.push_back(std::move(finding));
            }
        }
    }
    frame.in_pieces = true;
    stream_.skip_bytes(end - stream_.Tell());
    return true;
}

}  // namespace gatehouse::fhir::json
