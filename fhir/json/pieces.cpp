// SPDX-License-Identifier: Apache-2.0
//
// Entries of a large Bundle, read by several threads. The text is cut where an entry seems to
// begin; each thread reads pieces into an arena of its own, from a cut to the next one it arrives
// at; then the pieces are put together from the first one on, each at the cut where the one before
// it ended. So each of them is known to begin where an entry does, however the cuts were guessed,
// and the tree and its findings are those of one reading. Where anything is odd (a fault of syntax,
// an entry that is no object, a limit, cuts that are none) nothing is kept, and the reading goes on
// as if nobody had helped.

#include <string.h>  // memmem

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "fhir/base/blanks.hpp"
#include "fhir/json/tree_builder.hpp"

namespace gatehouse::fhir::json {
namespace {

// A piece that passes over more cuts than this is read for nothing, as all who guessed so.
constexpr std::size_t passed_max = 2;
constexpr std::size_t sign_bytes_max = 256;
constexpr std::size_t sample_bytes_max = 1024 * 1024;  // of the first element

std::size_t behind_white(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_space(text[at])) {
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

// Where pieces of the array may begin. The text is thought of as stretches of equal length; each
// has the first place within it that looks like the beginning of an element, found when somebody
// asks. Any thread may.
class TreeBuilder::Cuts {
public:
    static constexpr std::size_t none = std::string_view::npos;

    // Of the array whose first element follows at `from` (behind the '['). An element is known by
    // how the second one follows the first; text that looks like it may stand in a string or in a
    // Bundle within, so who reads from one cut on has to arrive at the next one to know that it is
    // one. No stretches: not worth it.
    Cuts(std::string_view text, std::size_t from, std::size_t stretch_bytes)
        : text_(text), first_(behind_white(text, from)), stretch_(stretch_bytes) {
        if (first_ >= text.size() || text[first_] != '{' || text.size() - first_ < 2 * stretch_) {
            return;
        }
        // From the brace that ends the first element to the first name of the second.
        const std::size_t end = behind_object(text.substr(0, first_ + sample_bytes_max), first_);
        if (end == none) {
            return;
        }
        const std::size_t comma = behind_white(text, end);
        const std::size_t brace = comma < text.size() ? behind_white(text, comma + 1) : comma;
        const std::size_t quote = brace < text.size() ? behind_white(text, brace + 1) : brace;
        if (quote >= text.size() || text[comma] != ',' || text[brace] != '{' ||
            text[quote] != '"') {
            return;
        }
        const std::size_t name_end = behind_string(text, quote);
        if (name_end == none || name_end - end >= sign_bytes_max) {
            return;
        }
        sign_ = text.substr(end - 1, name_end - (end - 1));
        lead_ = brace - (end - 1);
        found_ =
            std::vector<std::atomic<std::size_t>>((text.size() - first_ + stretch_ - 1) / stretch_);
        found_.front() = first_ + offsets;
    }

    // Stretches.
    [[nodiscard]] std::size_t count() const noexcept { return found_.size(); }
    [[nodiscard]] std::size_t begin_of(std::size_t number) const noexcept {
        return first_ + number * stretch_;
    }
    // The offset of the element that is first in a stretch, or none.
    [[nodiscard]] std::size_t at(std::size_t number) noexcept {
        std::size_t found = found_[number].load(std::memory_order_relaxed);
        if (found == not_looked) {
            found = look(number);
            found_[number].store(found, std::memory_order_relaxed);
        }
        return found == nothing ? none : found - offsets;
    }

private:
    // In found_, beside offsets, which are kept as `offsets` more than they are.
    static constexpr std::size_t not_looked = 0;
    static constexpr std::size_t nothing = 1;
    static constexpr std::size_t offsets = 2;

    [[nodiscard]] std::size_t look(std::size_t number) const noexcept {
        const std::size_t begin = begin_of(number) - std::min(begin_of(number), lead_);
        const std::size_t end = begin_of(number + 1) - lead_ + sign_.size() - 1;
        const std::string_view part = text_.substr(begin, end - begin);
        // memmem() and not find(), which stops at each brace, and JSON is full of them.
        const void* at = memmem(part.data(), part.size(), sign_.data(), sign_.size());
        if (at == nullptr) {
            return nothing;
        }
        const auto place = static_cast<std::size_t>(static_cast<const char*>(at) - text_.data());
        return place + lead_ + offsets;
    }

    std::string_view text_;
    std::size_t first_;
    std::size_t stretch_;
    std::string_view sign_;
    std::size_t lead_ = 0;  // from the sign's first byte to the element
    std::vector<std::atomic<std::size_t>> found_;
};

struct TreeBuilder::Piece {
    Element* first = nullptr;
    Element* last = nullptr;
    std::uint32_t items = 0;
    std::size_t elements = 0;
    // The stretch whose piece begins where this one ends; or the count: all is read, and the
    // array's ']' is at `end`.
    std::size_t next = 0;
    std::size_t end = 0;
    std::vector<Finding> findings;
    bool whole = false;
    bool typed_late = false;
};

struct TreeBuilder::PieceRun {
    explicit PieceRun(Cuts found) : cuts(std::move(found)), pieces(cuts.count()) {}
    Cuts cuts;
    std::vector<Piece> pieces;  // by stretch
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
    PieceRun run(Cuts(text_, stream_.Tell(), help_.piece_bytes));
    if (run.pieces.size() < 2) {
        return;
    }
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
    const std::size_t begin = run.cuts.at(number);
    if (begin == Cuts::none) {
        return;  // no piece arrives here either
    }
    Piece& piece = run.pieces[number];
    SourceStream stream(text_);
    stream.skip_bytes(begin);
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
            piece.next = run.cuts.count();
            piece.end = stream.Tell();
            piece.whole = true;
            break;
        }
        if (stream.Take() != ',') {
            return;
        }
        stream.skip_whitespace();
        const std::size_t here = stream.Tell();
        for (; piece.next < run.cuts.count() && here >= run.cuts.begin_of(piece.next);
             ++piece.next) {
            const std::size_t cut = run.cuts.at(piece.next);
            if (cut == Cuts::none) {
                continue;
            }
            piece.whole = cut == here;
            if (cut >= here) {
                break;
            }
            if (++passed > passed_max) {
                return;
            }
        }
        if (piece.whole) {
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
