#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The tags and texts of a narrative's XHTML, in order. Its form is judged in narrative.cpp; what is
// malformed is passed over here.

#include <algorithm>
#include <string_view>

#include "fhir/validate/text.hpp"

namespace gatehouse::fhir::judge::xhtml {

struct Tag {
    std::string_view name;
    std::string_view attributes;
    bool closing = false;
    bool empty = false;  // <br/>
};

// Value of an attribute in the text of a tag; empty if it has none.
inline std::string_view attribute(std::string_view attributes, std::string_view name) noexcept {
    for (std::size_t at = attributes.find(name); at != std::string_view::npos;
         at = attributes.find(name, at + 1)) {
        const std::size_t equals = at + name.size();
        if ((at > 0 && !is_space(attributes[at - 1])) || equals + 1 >= attributes.size() ||
            attributes[equals] != '=') {
            continue;
        }
        const char quote = attributes[equals + 1];
        const std::size_t end = attributes.find(quote, equals + 2);
        return end == std::string_view::npos ? std::string_view{}
                                             : attributes.substr(equals + 2, end - equals - 2);
    }
    return {};
}

// Calls `on_tag(Tag)` and `on_text(text)` in order of the source; comments are skipped.
template <class OnTag, class OnText>
void scan(std::string_view source, const OnTag& on_tag, const OnText& on_text) {
    std::size_t at = 0;
    while (at < source.size()) {
        const std::size_t open = std::min(source.find('<', at), source.size());
        if (open > at) {
            on_text(source.substr(at, open - at));
        }
        if (open == source.size()) {
            return;
        }
        if (source.substr(open).starts_with("<!--")) {
            const std::size_t end = source.find("-->", open);
            at = end == std::string_view::npos ? source.size() : end + 3;
            continue;
        }
        constexpr std::string_view section = "<![CDATA[";
        if (source.substr(open).starts_with(section)) {
            const std::size_t end = std::min(source.find("]]>", open), source.size());
            on_text(source.substr(open + section.size(), end - open - section.size()));
            at = std::min(end + 3, source.size());
            continue;
        }
        const std::size_t close = std::min(source.find('>', open), source.size() - 1);
        Tag tag;
        std::string_view inner = source.substr(open + 1, close - open - 1);
        tag.closing = inner.starts_with('/');
        tag.empty = inner.ends_with('/');
        inner = inner.substr(tag.closing ? 1 : 0);
        const std::size_t name_end = std::min(inner.find_first_of(" \t\r\n/"), inner.size());
        tag.name = inner.substr(0, name_end);
        tag.attributes = inner.substr(name_end);
        on_tag(tag);
        at = close + 1;
    }
}

}  // namespace gatehouse::fhir::judge::xhtml
