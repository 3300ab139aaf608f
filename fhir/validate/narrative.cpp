// SPDX-License-Identifier: Apache-2.0
//
// Narrative.div (FHIR R4 §2.4.0 Narrative): well-formed XHTML of the basic formatting elements,
// without scripts, forms or events; some content (txt-1, txt-2). The kept source text is scanned,
// not rebuilt.

#include <algorithm>
#include <array>
#include <cstdint>

#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::array<std::string_view, 53> narrative_elements = {
    "a",  "abbr",    "acronym", "address", "area",   "b",        "bdo", "big",   "blockquote",
    "br", "caption", "cite",    "code",    "col",    "colgroup", "dd",  "dfn",   "div",
    "dl", "dt",      "em",      "h1",      "h2",     "h3",       "h4",  "h5",    "h6",
    "hr", "i",       "img",     "kbd",     "li",     "map",      "ol",  "p",     "pre",
    "q",  "samp",    "small",   "span",    "strong", "sub",      "sup", "table", "tbody",
    "td", "tfoot",   "th",      "thead",   "tr",     "tt",       "ul",  "var",
};

constexpr std::array<std::string_view, 22> narrative_attributes = {
    "abbr",     "accesskey", "align",  "axis",  "char",     "charoff",   "class", "colspan",
    "dir",      "headers",   "id",     "lang",  "rowspan",  "scope",     "span",  "style",
    "tabindex", "title",     "valign", "width", "xml:lang", "xml:space",
};

constexpr std::array<std::string_view, 35> narrative_pairs = {
    "a.charset",
    "a.coords",
    "a.href",
    "a.hreflang",
    "a.name",
    "a.rel",
    "a.rev",
    "a.shape",
    "a.type",
    "area.alt",
    "area.coords",
    "area.href",
    "area.nohref",
    "area.shape",
    "blockquote.cite",
    "div.xmlns",
    "img.alt",
    "img.border",
    "img.height",
    "img.ismap",
    "img.longdesc",
    "img.src",
    "img.usemap",
    "img.width",
    "map.name",
    "pre.space",
    "q.cite",
    "table.border",
    "table.cellpadding",
    "table.cellspacing",
    "table.frame",
    "table.rules",
    "table.summary",
    "table.width",
    "td.nowrap",
};

// Elements that stand only in certain others.
struct Placed {
    std::string_view element;
    std::string_view parents;  // names between spaces
};
constexpr Placed narrative_places[] = {
    {"li", " ul ol "},
    {"dt", " dl "},
    {"dd", " dl "},
    {"caption", " table "},
    {"colgroup", " table "},
    {"col", " colgroup table "},
    {"thead", " table "},
    {"tfoot", " table "},
    {"tbody", " table "},
    {"tr", " table thead tfoot tbody "},
    {"td", " tr thead tfoot "},
    {"th", " tr thead tfoot "},
};

// A list of names as a table of their hashes, laid out by the compiler: one look instead of a
// search for each tag and attribute.
template <std::size_t N> class Names {
public:
    constexpr explicit Names(const std::array<std::string_view, N>& names) : names_(names) {
        for (std::size_t i = 0; i < N; ++i) {
            std::size_t at = slot_of(names[i]);
            while (slots_[at] != 0) {
                at = (at + 1) % slot_count;
            }
            slots_[at] = static_cast<std::uint8_t>(i + 1);
        }
    }
    [[nodiscard]] constexpr bool contains(std::string_view name) const noexcept {
        for (std::size_t at = slot_of(name); slots_[at] != 0; at = (at + 1) % slot_count) {
            if (names_[slots_[at] - 1U] == name) {
                return true;
            }
        }
        return false;
    }

private:
    static constexpr std::size_t slot_count = 256;
    static constexpr std::size_t slot_of(std::string_view name) noexcept {
        if (name.empty()) {
            return 0;
        }
        const auto first = static_cast<unsigned char>(name.front());
        const auto last = static_cast<unsigned char>(name.back());
        const auto middle = static_cast<unsigned char>(name[name.size() / 2]);
        return (first * 5U + last * 37U + middle * 11U + name.size() * 3U) % slot_count;
    }
    std::array<std::string_view, N> names_;
    std::array<std::uint8_t, slot_count> slots_{};
};

constexpr Names element_names(narrative_elements);
constexpr Names attribute_names(narrative_attributes);

constexpr std::uint8_t name_class = 1;
constexpr std::uint8_t space_class = 2;
constexpr std::uint8_t special_class = 4;  // '<' and '&'
constexpr std::array<std::uint8_t, 256> classes = [] {
    std::array<std::uint8_t, 256> out{};
    for (std::size_t i = 0; i < 256; ++i) {
        const bool name = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z') ||
                          (i >= '0' && i <= '9') || i == '-' || i == '_' || i == ':' || i == '.' ||
                          i >= 0x80;
        out[i] = name                                              ? name_class
                 : i == ' ' || i == '\t' || i == '\r' || i == '\n' ? space_class
                 : i == '<' || i == '&'                            ? special_class
                                                                   : std::uint8_t{0};
    }
    return out;
}();

std::uint8_t class_of(char c) noexcept {
    return classes[static_cast<unsigned char>(c)];
}

bool name_char(char c) noexcept {
    return class_of(c) == name_class;
}

constexpr std::string_view xhtml_namespace = "http://www.w3.org/1999/xhtml";

// `text` starts with `start` (lower case), white space and case aside.
bool equal_start(std::string_view text, std::string_view start) noexcept {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    if (text.size() < start.size()) {
        return false;
    }
    for (std::size_t i = 0; i < start.size(); ++i) {
        const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
        if (c != start[i]) {
            return false;
        }
    }
    return true;
}

// What the scan found; each text is a literal or points into the div.
struct Findings {
    const char* malformed = nullptr;  // why it is not well-formed
    std::string_view malformed_name;
    std::string_view bad_element;
    std::string_view bad_attribute;
    std::string_view bad_attribute_on;
    std::string_view bad_entity;
    std::string_view bad_place;
    std::string_view bad_place_in;
    std::string_view active_link;  // its scheme
    std::string_view lost_link;    // "#x" without an x
    std::string_view root;
    std::string_view xmlns;
    bool has_content = false;
};

class DivScanner {
public:
    explicit DivScanner(std::string_view text) : text_(text) {}

    Findings scan() {
        while (at_ < text_.size() && found_.malformed == nullptr) {
            if (text_[at_] == '<') {
                scan_tag();
            } else if (text_[at_] == '&') {
                scan_entity();
            } else {
                if (depth_ == 0 && !is_space(text_[at_])) {
                    fail(opened_ ? "text after the last end tag" : "text before the first tag", {});
                }
                scan_text();
            }
        }
        if (found_.malformed == nullptr && depth_ > 0) {
            fail("no end tag for", open_[depth_ - 1]);
        }
        if (found_.malformed == nullptr && !opened_) {
            fail("no element", {});
        }
        return found_;
    }

private:
    static constexpr std::size_t depth_max = 128;

    void fail(const char* why, std::string_view name) {
        if (found_.malformed == nullptr) {
            found_.malformed = why;
            found_.malformed_name = name;
        }
    }
    std::string_view take_name() {
        const std::size_t from = at_;
        while (at_ < text_.size() && name_char(text_[at_])) {
            ++at_;
        }
        return text_.substr(from, at_ - from);
    }
    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) {
            ++at_;
        }
    }
    // Text up to the next tag or entity; outside the root only its first character is looked at.
    void scan_text() {
        if (depth_ == 0) {
            ++at_;
            return;
        }
        for (; at_ < text_.size(); ++at_) {
            const std::uint8_t kind = class_of(text_[at_]);
            if (kind == special_class) {
                return;
            }
            found_.has_content = found_.has_content || kind != space_class;
        }
    }
    void skip_past(std::string_view end) {
        const std::size_t found = text_.find(end, at_);
        if (found == std::string_view::npos) {
            fail("no end for a comment or section", {});
            return;
        }
        at_ = found + end.size();
    }
    void scan_tag() {
        if (text_.substr(at_).starts_with("<!--")) {
            skip_past("-->");
            return;
        }
        constexpr std::string_view section = "<![CDATA[";
        if (depth_ > 0 && text_.substr(at_).starts_with(section)) {
            const std::size_t from = at_ + section.size();
            skip_past("]]>");
            const std::string_view inside =
                text_.substr(from, found_.malformed == nullptr ? at_ - 3 - from : 0);
            found_.has_content =
                found_.has_content || !std::all_of(inside.begin(), inside.end(), is_space);
            return;
        }
        if (text_.substr(at_).starts_with("<?")) {
            skip_past("?>");
            return;
        }
        ++at_;
        if (at_ < text_.size() && text_[at_] == '/') {
            ++at_;
            const std::string_view name = take_name();
            skip_space();
            if (at_ >= text_.size() || text_[at_] != '>') {
                fail("an end tag that is not closed:", name);
                return;
            }
            ++at_;
            if (depth_ == 0 || open_[depth_ - 1] != name) {
                fail("an end tag that fits no start tag:", name);
                return;
            }
            --depth_;
            return;
        }
        const std::string_view name = take_name();
        if (name.empty()) {
            fail("a '<' that starts no tag", {});
            return;
        }
        if (depth_ == 0) {
            if (opened_) {
                fail("a second root element:", name);
                return;
            }
            opened_ = true;
            found_.root = name;
        }
        if (found_.bad_element.empty() && !element_names.contains(name)) {
            found_.bad_element = name;
        }
        found_.has_content = found_.has_content || name == "img";
        check_place(name);
        scan_attributes(name);
    }
    void check_place(std::string_view name) {
        if (depth_ == 0 || !found_.bad_place.empty()) {
            return;
        }
        const std::string_view parent = open_[depth_ - 1];
        for (const Placed& placed : narrative_places) {
            if (placed.element != name) {
                continue;
            }
            const std::size_t at = placed.parents.find(parent);
            if (at == std::string_view::npos || placed.parents[at - 1] != ' ' ||
                placed.parents[at + parent.size()] != ' ') {
                found_.bad_place = name;
                found_.bad_place_in = parent;
            }
        }
    }
    void scan_attributes(std::string_view element) {
        while (found_.malformed == nullptr) {
            skip_space();
            if (at_ >= text_.size()) {
                fail("a start tag that is not closed:", element);
                return;
            }
            if (text_[at_] == '>') {
                ++at_;
                if (depth_ >= depth_max) {
                    fail("more than 128 levels", {});
                    return;
                }
                open_[depth_++] = element;
                return;
            }
            if (text_.substr(at_).starts_with("/>")) {
                at_ += 2;
                return;
            }
            const std::string_view name = take_name();
            skip_space();
            if (name.empty() || at_ >= text_.size() || text_[at_] != '=') {
                fail("an attribute without a value on", element);
                return;
            }
            ++at_;
            skip_space();
            const char quote = at_ < text_.size() ? text_[at_] : '\0';
            const std::size_t close =
                quote == '"' || quote == '\'' ? text_.find(quote, at_ + 1) : std::string_view::npos;
            if (close == std::string_view::npos) {
                fail("an attribute value without quotes on", element);
                return;
            }
            const std::string_view value = text_.substr(at_ + 1, close - at_ - 1);
            at_ = close + 1;
            check_attribute(element, name, value);
        }
    }
    void check_attribute(std::string_view element, std::string_view name, std::string_view value) {
        if (name == "xmlns") {
            // A nested element that changes the namespace is as wrong as a root without it.
            if (depth_ == 0 || value != xhtml_namespace) {
                found_.xmlns = value;
            }
            return;
        }
        // A picture may stand in a contained Binary or elsewhere in the narrative.
        const bool points = name == "href" || (name == "src" && element == "img");
        if (points && value.size() > 1 && value.front() == '#' && found_.lost_link.empty() &&
            !has_anchor(value.substr(1))) {
            found_.lost_link = value;
        }
        if (name == "href" && found_.active_link.empty()) {
            for (const std::string_view scheme : {"javascript:", "vbscript:"}) {
                if (equal_start(value, scheme)) {
                    found_.active_link = scheme;
                }
            }
        }
        if (name.starts_with("xmlns:") || attribute_names.contains(name)) {
            return;
        }
        const bool paired =
            std::any_of(narrative_pairs.begin(), narrative_pairs.end(), [&](std::string_view pair) {
                return pair.size() == element.size() + 1 + name.size() &&
                       pair.starts_with(element) && pair[element.size()] == '.' &&
                       pair.ends_with(name);
            });
        if (!paired && found_.bad_attribute.empty()) {
            found_.bad_attribute = name;
            found_.bad_attribute_on = element;
        }
    }
    // An element of the div has this id or name.
    [[nodiscard]] bool has_anchor(std::string_view target) const noexcept {
        for (std::size_t at = text_.find(target); at != std::string_view::npos;
             at = text_.find(target, at + 1)) {
            const std::string_view before = text_.substr(0, at);
            const std::string_view after = text_.substr(at + target.size());
            if (after.empty() || (after.front() != '"' && after.front() != '\'')) {
                continue;
            }
            if (before.ends_with("id=\"") || before.ends_with("id='") ||
                before.ends_with("name=\"") || before.ends_with("name='")) {
                return true;
            }
        }
        return false;
    }
    void scan_entity() {
        const std::size_t close = text_.find(';', at_);
        const std::string_view name = close == std::string_view::npos || close - at_ > 12
                                          ? text_.substr(at_, 1)
                                          : text_.substr(at_, close + 1 - at_);
        const bool numeric = name.size() > 3 && name[1] == '#';
        const bool known = name == "&amp;" || name == "&lt;" || name == "&gt;" ||
                           name == "&quot;" || name == "&apos;";
        if (!numeric && !known && found_.bad_entity.empty()) {
            found_.bad_entity = name;
        }
        found_.has_content = true;
        at_ += name.size();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    bool opened_ = false;
    std::array<std::string_view, depth_max> open_;
    Findings found_;
};

}  // namespace

void Walker::check_narrative(const Element& div) {
    const Findings found = DivScanner(div.value).scan();
    if (!found.bad_entity.empty()) {
        report(rules::narrative_entity, div, [&] {
            return join(
                "The XHTML has the entity ",
                found.bad_entity,
                "; only amp, lt, gt, quot, apos and numeric ones are allowed (&#160; for a hard "
                "space)."
            );
        });
    }
    if (found.malformed != nullptr) {
        report(rules::narrative_form, div, [&] {
            return join(
                "The XHTML is not well-formed: ",
                found.malformed,
                found.malformed_name.empty() ? "" : " ",
                found.malformed_name,
                "."
            );
        });
        return;
    }
    if (found.root != "div") {
        report(rules::narrative_root, div, [&] {
            return join("The XHTML must be one <div>, not <", found.root, ">.");
        });
    }
    if (found.xmlns != xhtml_namespace) {
        report(rules::narrative_namespace, div, [] {
            return std::string("The <div> must say xmlns=\"http://www.w3.org/1999/xhtml\".");
        });
    }
    if (!found.bad_element.empty()) {
        report(rules::narrative_element, div, [&] {
            return join(
                "The XHTML has <",
                found.bad_element,
                ">, which narrative may not hold: only basic formatting, tables, lists, links and "
                "images."
            );
        });
    }
    if (!found.bad_attribute.empty()) {
        report(rules::narrative_attribute, div, [&] {
            return join(
                "The XHTML has the attribute ",
                found.bad_attribute,
                " on <",
                found.bad_attribute_on,
                ">, which narrative may not hold."
            );
        });
    }
    if (!found.bad_place.empty()) {
        report(rules::narrative_place, div, [&] {
            return join(
                "The XHTML has <",
                found.bad_place,
                "> directly in <",
                found.bad_place_in,
                ">, where it may not stand."
            );
        });
    }
    if (!found.lost_link.empty() && resolve(div, found.lost_link) == nullptr) {
        report(rules::narrative_target, div, [&] {
            return join(
                "The XHTML links to ",
                found.lost_link,
                ", but neither the narrative nor a contained resource has that id."
            );
        });
    }
    if (!found.active_link.empty()) {
        report(rules::narrative_active, div, [&] {
            return join(
                "The XHTML has a link with the scheme ",
                found.active_link,
                " which runs code. Take it out."
            );
        });
    }
    if (!found.has_content) {
        static constexpr RuleInfo empty{
            "inv:txt-2",
            "http://hl7.org/fhir/StructureDefinition/Narrative#txt-2",
            IssueType::invariant,
            Severity::error};
        report(empty, div, [] {
            return std::string(
                "The narrative has no text and no image (txt-2). Give it content or leave it out."
            );
        });
    }
}

}  // namespace gatehouse::fhir::judge
