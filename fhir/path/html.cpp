// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/html.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir::path {
namespace html {

// FHIR R4 narrative.html: formatting elements of XHTML chapters 7 to 11 (less section 4 of chapter
// 9) and 15, <a>, images and inline style.
constexpr std::array<std::string_view, 60> elements{
    "a",     "abbr",  "acronym", "address",  "b",      "big",    "blockquote", "br",  "caption",
    "cite",  "code",  "col",     "colgroup", "dd",     "del",    "dfn",        "div", "dl",
    "dt",    "em",    "h1",      "h2",       "h3",     "h4",     "h5",         "h6",  "hr",
    "i",     "img",   "ins",     "kbd",      "li",     "ol",     "p",          "pre", "q",
    "s",     "samp",  "small",   "span",     "strike", "strong", "style",      "sub", "sup",
    "table", "tbody", "td",      "tfoot",    "th",     "thead",  "title",      "tr",  "tt",
    "u",     "ul",    "var",     "map",      "area",   "bdo",
};
constexpr std::array<std::string_view, 45> attributes{
    "abbr",  "accesskey", "align",   "alt",    "axis",  "border",   "cellpadding", "cellspacing",
    "char",  "charoff",   "charset", "cite",   "class", "colspan",  "compact",     "coords",
    "dir",   "frame",     "headers", "height", "href",  "hreflang", "hspace",      "id",
    "lang",  "longdesc",  "name",    "nowrap", "rel",   "rev",      "rowspan",     "rules",
    "scope", "shape",     "span",    "src",    "start", "style",    "summary",     "tabindex",
    "title", "type",      "valign",  "value",  "width",
};

template <std::size_t N>
bool listed(const std::array<std::string_view, N>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

class Checker {
public:
    explicit Checker(std::string_view text) : text_(text) {}

    bool run() {
        skip_space();
        while (at_ < text_.size()) {
            if (text_[at_] != '<') {
                const auto end = std::min(text_.find('<', at_), text_.size());
                const auto part = text_.substr(at_, end - at_);
                const bool blank = std::all_of(part.begin(), part.end(), is_space);
                if (!blank && open_.empty()) {
                    return false;
                }
                content_ = content_ || !blank;
                at_ = end;
            } else if (!markup()) {
                return false;
            }
        }
        return closed_ && open_.empty() && content_;
    }

private:
    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) {
            ++at_;
        }
    }

    bool skip_past(std::string_view end) {
        const auto found = text_.find(end, at_);
        at_ = found == std::string_view::npos ? text_.size() : found + end.size();
        return found != std::string_view::npos;
    }

    std::string_view name() {
        const std::size_t start = at_;
        while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != '>' &&
               text_[at_] != '/' && text_[at_] != '=') {
            ++at_;
        }
        return text_.substr(start, at_ - start);
    }

    bool markup() {
        const std::string_view rest = text_.substr(at_);
        if (rest.starts_with("<!--")) {
            return skip_past("-->");
        }
        if (rest.starts_with("<![CDATA[")) {
            content_ = true;
            return !open_.empty() && skip_past("]]>");
        }
        if (rest.starts_with("<!") || rest.starts_with("<?")) {
            return false;
        }
        if (rest.starts_with("</")) {
            at_ += 2;
            const std::string_view tag = name();
            skip_space();
            if (open_.empty() || open_.back() != tag || at_ >= text_.size() || text_[at_] != '>') {
                return false;
            }
            ++at_;
            open_.pop_back();
            closed_ = open_.empty();
            return true;
        }
        ++at_;
        return start_tag();
    }

    bool start_tag() {
        const std::string_view tag = name();
        // One div around everything; nothing after it closed.
        if (!listed(elements, tag) || (open_.empty() && (tag != "div" || closed_)) ||
            open_.size() > 200) {
            return false;
        }
        content_ = content_ || tag == "img";
        for (;;) {
            skip_space();
            if (at_ >= text_.size()) {
                return false;
            }
            if (text_[at_] == '>') {
                ++at_;
                open_.push_back(tag);
                return true;
            }
            if (text_.substr(at_, 2) == "/>") {
                at_ += 2;
                closed_ = closed_ || open_.empty();
                return true;
            }
            if (!attribute()) {
                return false;
            }
        }
    }

    bool attribute() {
        const std::string_view key = name();
        skip_space();
        if (key.empty() || at_ >= text_.size() || text_[at_] != '=') {
            return false;
        }
        ++at_;
        skip_space();
        if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\'')) {
            return false;
        }
        const char quote = text_[at_++];
        const auto end = text_.find(quote, at_);
        if (end == std::string_view::npos) {
            return false;
        }
        at_ = end + 1;
        return listed(attributes, key) || key.starts_with("xml:") || key == "xmlns" ||
               key.starts_with("xmlns:");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<std::string_view> open_;
    bool content_ = false;
    bool closed_ = false;
};

}  // namespace html

bool is_narrative(std::string_view xhtml) {
    return html::Checker(xhtml).run();
}

}  // namespace gatehouse::fhir::path
