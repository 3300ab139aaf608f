// SPDX-License-Identifier: Apache-2.0
//
// String functions (FHIRPath N1 §5.6), counted in code points.
#include <algorithm>

#include <re2/re2.h>

#include "fhir/path/functions.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/strings.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

// Input and one text argument; false with `answer` as what to return when either is missing.
bool both_texts(
    Evaluator& run,
    const Node& node,
    const Frame& frame,
    std::string_view& text,
    std::string_view& argument,
    bool& answer
) {
    const int has_text = run.input_text(node, frame, text);
    const int has_argument = has_text < 0 ? -1 : run.text_argument(node, frame, 0, argument);
    answer = has_text >= 0 && has_argument >= 0;
    return has_text == 1 && has_argument == 1;
}

std::uint64_t program_size(const re2::RE2& regex) {
    return regex.ok() ? static_cast<std::uint64_t>(regex.ProgramSize()) : 0;
}

// What looking through a text costs: RE2 is linear in it, times its program where the states do not
// fit the memory it may use.
bool pay_to_look(Evaluator& run, const re2::RE2& regex, std::string_view text) {
    constexpr std::uint64_t everyday = 32;  // instructions; a pattern for dates has about as many
    return run.pay((text.size() / 16) * std::max<std::uint64_t>(1, program_size(regex) / everyday));
}

// The regular expression of a call: compiled with the expression if literal.
const re2::RE2* regex_of(
    Evaluator& run,
    const Node& node,
    std::string_view pattern,
    std::string_view flags,
    std::unique_ptr<re2::RE2>& own
) {
    const re2::RE2* regex = nullptr;
    if (node.extra != 0) {
        regex = run.program.regexes[node.extra - 1].get();
    } else {
        own = make_regex(pattern, flags);
        regex = own.get();
    }
    // A regex that is made on the way costs by its program, which counted repetition multiplies.
    if (own && !run.pay(16 + pattern.size() / 4 + program_size(*regex) / 4)) {
        return nullptr;
    }
    if (!regex->ok()) {
        run.fail(
            node.offset,
            "the regular expression cannot be used (" + regex->error() +
                "); look-around and back-references are not available"
        );
        return nullptr;
    }
    return regex;
}

bool match(Evaluator& run, const Node& node, const Frame& frame, Sink sink, bool full) {
    std::string_view text;
    std::string_view pattern;
    bool answer = false;
    if (!both_texts(run, node, frame, text, pattern, answer)) {
        return answer;
    }
    std::string_view flags;
    if (node.argument_count > 1 && run.text_argument(node, frame, 1, flags) < 0) {
        return false;
    }
    std::unique_ptr<re2::RE2> own;
    const re2::RE2* regex = regex_of(run, node, pattern, flags, own);
    if (regex == nullptr || !pay_to_look(run, *regex, text)) {
        return false;
    }
    const re2::StringPiece piece(text.data(), text.size());
    const auto anchor = full ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
    return run.emit(sink, regex->Match(piece, 0, text.size(), anchor, nullptr, 0));
}

// "$1" and "${name}" of the specification to RE2's "\1". A name that no group has, or a group past
// the ninth, which RE2 cannot be told, becomes what no rewrite may hold.
std::string rewrite_of(std::string_view substitution, const re2::RE2& regex) {
    std::string out;
    for (std::size_t i = 0; i < substitution.size(); ++i) {
        const char c = substitution[i];
        const std::size_t close =
            substitution.substr(i, 2) == "${" ? substitution.find('}', i) : std::string_view::npos;
        if (close != std::string_view::npos) {
            const auto& names = regex.NamedCapturingGroups();
            const auto named = names.find(std::string(substitution.substr(i + 2, close - i - 2)));
            if (named == names.end() || named->second > 9) {
                return "\\?";
            }
            out += '\\';
            out += static_cast<char>('0' + named->second);
            i = close;
            continue;
        }
        if (c == '\\' && i + 1 < substitution.size() && substitution[i + 1] == '$') {
            out += '$';
            ++i;
        } else if (c == '\\') {
            out += "\\\\";
        } else if (c == '$' && i + 1 < substitution.size() && substitution[i + 1] >= '0' && substitution[i + 1] <= '9') {
            out += '\\';
            out += substitution[++i];
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

bool index_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view part;
    bool answer = false;
    if (!both_texts(run, node, frame, text, part, answer)) {
        return answer;
    }
    const auto at = find_text(text, part);
    return run.emit(
        sink,
        at == std::string_view::npos
            ? std::int64_t{-1}
            : static_cast<std::int64_t>(code_point_count(text.substr(0, at)))
    );
}

bool last_index_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view part;
    bool answer = false;
    if (!both_texts(run, node, frame, text, part, answer)) {
        return answer;
    }
    const auto at = find_last_text(text, part);
    return run.emit(
        sink,
        at == std::string_view::npos
            ? std::int64_t{-1}
            : static_cast<std::int64_t>(code_point_count(text.substr(0, at)))
    );
}

bool substring(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has_text = run.input_text(node, frame, text);
    std::int64_t start = 0;
    const int has_start = has_text < 0 ? -1 : run.integer_argument(node, frame, 0, start);
    if (has_text != 1 || has_start != 1) {
        return has_text >= 0 && has_start >= 0;
    }
    std::int64_t length = static_cast<std::int64_t>(text.size());
    if (node.argument_count > 1) {
        const int has_length = run.integer_argument(node, frame, 1, length);
        if (has_length < 0) {
            return false;
        }
    }
    if (start < 0) {
        return true;
    }
    const std::size_t first = byte_offset(text, static_cast<std::size_t>(start));
    if (first >= text.size()) {
        return true;
    }
    text.remove_prefix(first);
    const std::size_t bytes = length <= 0 ? 0 : byte_offset(text, static_cast<std::size_t>(length));
    return sink(text_item(ItemKind::string, text.substr(0, bytes)));
}

bool starts_with(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view part;
    bool answer = false;
    return both_texts(run, node, frame, text, part, answer) ? run.emit(sink, text.starts_with(part))
                                                            : answer;
}

bool ends_with(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view part;
    bool answer = false;
    return both_texts(run, node, frame, text, part, answer) ? run.emit(sink, text.ends_with(part))
                                                            : answer;
}

bool contains(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view part;
    bool answer = false;
    return both_texts(run, node, frame, text, part, answer)
               ? run.emit(sink, find_text(text, part) != std::string_view::npos)
               : answer;
}

bool upper(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has = run.input_text(node, frame, text);
    return has == 1 ? run.emit_text(sink, to_upper(text)) : has == 0;
}

bool lower(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has = run.input_text(node, frame, text);
    return has == 1 ? run.emit_text(sink, to_lower(text)) : has == 0;
}

bool replace(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view pattern;
    bool answer = false;
    if (!both_texts(run, node, frame, text, pattern, answer)) {
        return answer;
    }
    std::string_view substitution;
    const int has = run.text_argument(node, frame, 1, substitution);
    if (has != 1) {
        return has == 0;
    }
    std::string out;
    const auto put = [&](std::string_view part) {
        out += part;
        return run.pay(part.size() / 32 + 1);
    };
    std::size_t at = 0;
    if (pattern.empty()) {  // N1: between every two characters, and at both ends
        while (at < text.size()) {
            const std::size_t bytes = code_point_bytes(text, at);
            if (!put(substitution) || !put(text.substr(at, bytes))) {
                return false;
            }
            at += bytes;
        }
        return put(substitution) && run.emit_text(sink, out);
    }
    for (;;) {
        const auto found = find_text(text, pattern, at);
        if (!put(text.substr(at, found - at))) {
            return false;
        }
        if (found == std::string_view::npos) {
            return run.emit_text(sink, out);
        }
        if (!put(substitution)) {
            return false;
        }
        at = found + pattern.size();
    }
}

bool matches(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return match(run, node, frame, sink, false);
}

bool matches_full(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return match(run, node, frame, sink, true);
}

bool replace_matches(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view pattern;
    bool answer = false;
    if (!both_texts(run, node, frame, text, pattern, answer)) {
        return answer;
    }
    std::string_view substitution;
    const int has = run.text_argument(node, frame, 1, substitution);
    if (has != 1) {
        return has == 0;
    }
    std::string_view flags;
    if (node.argument_count > 2 && run.text_argument(node, frame, 2, flags) < 0) {
        return false;
    }
    if (pattern.empty()) {
        return sink(text_item(ItemKind::string, text));
    }
    std::unique_ptr<re2::RE2> own;
    const re2::RE2* regex = regex_of(run, node, pattern, flags, own);
    // The result is at most one substitution per byte.
    if (regex == nullptr || !pay_to_look(run, *regex, text) ||
        !run.pay((text.size() + 1) * (substitution.size() + 1) / 32)) {
        return false;
    }
    const std::string rewrite = rewrite_of(substitution, *regex);
    std::string problem;
    if (!regex->CheckRewriteString(rewrite, &problem)) {
        return run.fail(node.offset, "the substitution names a group that the pattern has not");
    }
    std::string out(text);
    re2::RE2::GlobalReplace(&out, *regex, rewrite);
    return run.emit_text(sink, out);
}

bool length(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has = run.input_text(node, frame, text);
    return has == 1 ? run.emit(sink, static_cast<std::int64_t>(code_point_count(text))) : has == 0;
}

bool to_chars(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has = run.input_text(node, frame, text);
    if (has != 1) {
        return has == 0;
    }
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t bytes = code_point_bytes(text, at);
        if (!run.pay() || !sink(text_item(ItemKind::string, text.substr(at, bytes)))) {
            return false;
        }
        at += bytes;
    }
    return true;
}

bool trim(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    const int has = run.input_text(node, frame, text);
    if (has != 1) {
        return has == 0;
    }
    constexpr std::string_view space = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) {
        return sink(text_item(ItemKind::string, {}));
    }
    return sink(
        text_item(ItemKind::string, text.substr(first, text.find_last_not_of(space) - first + 1))
    );
}

bool split(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view text;
    std::string_view separator;
    bool answer = false;
    if (!both_texts(run, node, frame, text, separator, answer)) {
        return answer;
    }
    if (separator.empty()) {
        return to_chars(run, node, frame, sink);
    }
    for (std::size_t at = 0;;) {
        const auto found = find_text(text, separator, at);
        const auto part = text.substr(at, found == std::string_view::npos ? found : found - at);
        if (!run.pay() || !sink(text_item(ItemKind::string, part))) {
            return false;
        }
        if (found == std::string_view::npos) {
            return true;
        }
        at = found + separator.size();
    }
}

bool join(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view separator;
    if (node.argument_count > 0 && run.text_argument(node, frame, 0, separator) < 0) {
        return false;
    }
    std::string out;
    bool any = false;
    auto append = [&](const Item& item) {
        Item value;
        if (!to_value(run, item, value)) {
            return true;
        }
        if (value.kind != ItemKind::string) {
            return run.fail(node.offset, "join() works on Strings");
        }
        if (any) {
            out += separator;
        }
        any = true;
        out += value.text;
        return run.pay((value.text.size() + separator.size()) / 32 + 1);
    };
    if (!run.input(node, frame, append)) {
        return false;
    }
    return !any || run.emit_text(sink, out);
}

}  // namespace gatehouse::fhir::path::functions

namespace gatehouse::fhir::path {

std::unique_ptr<re2::RE2> make_regex(std::string_view pattern, std::string_view flags) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(4 << 20);
    options.set_case_sensitive(flags.find('i') == std::string_view::npos);
    std::string text;
    if (flags.find('m') != std::string_view::npos) {
        text = "(?m)";
    }
    // "(?<name>" is RE2's "(?P<name>"; behind a backslash or in a class it is what it says.
    bool in_class = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        text += c;
        if (c == '\\' && i + 1 < pattern.size()) {
            text += pattern[++i];
        } else if (c == '[' || c == ']') {
            in_class = c == '[';
        } else if (!in_class && c == '(' && pattern.substr(i, 3) == "(?<" && pattern.substr(i, 4) != "(?<=" && pattern.substr(i, 4) != "(?<!") {
            text += "?P";
            ++i;
        }
    }
    return std::make_unique<re2::RE2>(text, options);
}

}  // namespace gatehouse::fhir::path
