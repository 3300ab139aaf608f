#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIR JSON <-> Element tree (FHIR R4 §2.6.2). RapidJSON's reader is the tokenizer; nothing outside
// this folder sees RapidJSON. Strict: duplicate members, bad UTF-8, lone surrogates, U+0000, depth
// and size are refused with a position.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fhir/base/arena.hpp"
#include "fhir/base/helpers.hpp"
#include "fhir/model/element.hpp"
#include "fhir/model/types.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

// Bounds on one message. Defaults are those of the HTTP door; the command line lifts them.
struct DecodeLimits {
    std::size_t depth = 64;
    std::size_t string_bytes = 4 * 1024 * 1024;  // base64Binary data may reach the body's size
    std::size_t members = 1024;                  // per object
    std::size_t elements = 2'000'000;
    // A text with bytes that are not UTF-8 is still refused, by an error in place of a fatal issue,
    // and read on with '?' for each such byte, so that a validator can say what else is wrong. The
    // tree is then not the sender's: for verdicts only.
    bool read_past_bad_bytes = false;
};

// What a decoder gives back: the tree, or nullptr when the text is not FHIR at all (then the last
// issue is fatal and says where). Lesser faults of form (empty array, wrong null) are issues beside
// a tree.
struct Decoded {
    Element* root = nullptr;
    Issues issues;
};

// What may be done while reading.
struct ReadHelp {
    const TypeModel* types = nullptr;     // the tree comes out as annotate() would leave it
    const Helpers* helpers = nullptr;     // entries of a large Bundle are read by them too
    std::size_t piece_bytes = 32 * 1024;  // so much text, at least, is worth a thread's turn
};

// Reads one resource. Nodes point into `text` where nothing had to be unescaped, so `text` must
// live as long as the arena. `symbols` may be empty (names stay unknown symbols); those of
// help.types, if it is given. The outcome does not depend on who helps.
Decoded read_json(
    std::string_view text,
    Arena& arena,
    const SymbolTable& symbols,
    const DecodeLimits& limits = {},
    const ReadHelp& help = {}
);

struct WriteOptions {
    bool pretty = false;
};

// Writes a resource (or any element as a JSON object). `model` decides arrays and spelling where
// the tree is annotated; unannotated nodes keep the way they were written.
std::string
write_json(const Element& element, const TypeModel* model, const WriteOptions& options = {});
void write_json(
    const Element& element, const TypeModel* model, const WriteOptions& options, std::string& out
);

// Appends `text` as a quoted JSON string.
void append_json_string(std::string& out, std::string_view text);

}  // namespace gatehouse::fhir
