// SPDX-License-Identifier: Apache-2.0
//
// Element tree -> FHIR JSON (FHIR R4 §2.6.2): arrays where the definition repeats, "_name" beside
// "name" for a primitive's id and extensions, nulls that keep the two aligned.
#include <cctype>

#include "fhir/json/json.hpp"

namespace gatehouse::fhir {
namespace {

// RFC 8259 §6. Values that came from XML may be no number at all, or one beyond what readers of
// JSON take (1e308); they are then written as strings, so that the text is JSON whatever the sender
// did.
bool is_json_number(std::string_view text) {
    constexpr std::size_t exponent_digits_max = 4;
    constexpr std::size_t magnitude_max = 308;
    std::size_t at = 0;
    const auto digits = [&] {
        const std::size_t begin = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
            ++at;
        }
        return at - begin;
    };
    if (at < text.size() && text[at] == '-') {
        ++at;
    }
    const std::size_t integer = at;
    const std::size_t count = digits();
    if (count == 0 || (count > 1 && text[integer] == '0')) {
        return false;
    }
    std::size_t magnitude = count;  // at most, whatever the sign of the exponent
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (digits() == 0) {
            return false;
        }
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
            ++at;
        }
        const std::size_t exponent = at;
        const std::size_t length = digits();
        if (length == 0 || length > exponent_digits_max) {
            return false;
        }
        magnitude += std::stoul(std::string(text.substr(exponent, length)));
    }
    return at == text.size() && magnitude <= magnitude_max;
}

class TreeWriter {
public:
    TreeWriter(const TypeModel* model, const WriteOptions& options, std::string& out)
        : model_(model), pretty_(options.pretty), out_(out) {}

    void write_object(const Element& element) {
        open('{');
        if (element.is_resource) {
            member("resourceType", false);
            append_json_string(out_, element.value);
        }
        for (const Element* at = element.first_child; at != nullptr;) {
            at = write_group(element, *at);
        }
        close('}');
    }

private:
    struct Group {
        std::size_t count = 0;
        bool any_plain = false;  // a value, or an element that is no primitive
        bool any_twin = false;   // a primitive with id or extension
        const Element* end = nullptr;
    };

    // Writes the siblings of one name that begin at `first`; returns what follows them.
    const Element* write_group(const Element& parent, const Element& first) {
        const Group group = measure(first);
        const bool array = is_array(parent, first, group.count);
        // A primitive with nothing at all is "_name": {}: null would not survive.
        const bool twins = group.any_twin || (!group.any_plain && !array && is_primitive(first));
        if (group.any_plain || !twins) {
            member(first.name, false);
            write_items(first, group, array, false);
        }
        if (twins) {
            member(first.name, true);
            write_items(first, group, array, true);
        }
        return group.end;
    }

    Group measure(const Element& first) const {
        Group group;
        const Element* at = &first;
        for (; at != nullptr && at->name == first.name; at = at->next) {
            ++group.count;
            const bool has_content = at->first_child != nullptr || at->is_resource;
            if (is_primitive(*at)) {
                group.any_plain = group.any_plain || at->has_value();
                group.any_twin = group.any_twin || has_content;
            } else {
                group.any_plain = group.any_plain || has_content;
            }
        }
        group.end = at;
        return group;
    }

    bool is_primitive(const Element& element) const {
        if (element.has_value() || element.has_twin) {
            return true;
        }
        if (element.is_resource) {
            return false;
        }
        return model_ != nullptr && element.type != unknown_type &&
               model_->type(element.type).kind == TypeKind::primitive;
    }

    bool is_array(const Element& parent, const Element& first, std::size_t count) const {
        if (count > 1) {
            return true;
        }
        if (model_ != nullptr && first.child_rule != 0) {
            const auto& children = model_->type(parent.type).children;
            if (first.child_rule <= children.size()) {
                return children[first.child_rule - 1].repeats;
            }
        }
        return first.in_array;
    }

    // The group under its name, or under "_name"; null where an item has nothing for that side.
    void write_items(const Element& first, const Group& group, bool array, bool twins) {
        if (array) {
            open('[');
        }
        for (const Element* at = &first; at != group.end; at = at->next) {
            if (array) {
                separate();
            }
            const bool has_content = at->first_child != nullptr || at->is_resource;
            const bool primitive = is_primitive(*at);
            if (!twins && primitive) {
                write_value(*at);
            } else if (primitive == twins && (has_content || !array)) {
                write_object(*at);
            } else {
                out_ += "null";
            }
        }
        if (array) {
            close(']');
        }
    }

    void write_value(const Element& element) {
        switch (element.written) {
        case Written::nothing: out_ += "null"; return;
        case Written::number:
        case Written::boolean: out_ += element.value; return;
        case Written::string:
        case Written::xhtml: append_json_string(out_, element.value); return;
        case Written::text: break;
        }
        const JsonKind kind = model_ != nullptr ? model_->type(element.type).json : JsonKind::none;
        const bool bare =
            (kind == JsonKind::number && is_json_number(element.value)) ||
            (kind == JsonKind::boolean && (element.value == "true" || element.value == "false"));
        if (bare) {
            out_ += element.value;
        } else {
            append_json_string(out_, element.value);
        }
    }

    void open(char bracket) {
        out_ += bracket;
        ++depth_;
        first_ = true;
    }
    void close(char bracket) {
        --depth_;
        if (!first_) {
            new_line();
        }
        out_ += bracket;
        first_ = false;
    }
    void member(std::string_view name, bool twin) {
        separate();
        if (twin) {
            std::string with_mark = "_";
            with_mark += name;
            append_json_string(out_, with_mark);
        } else {
            append_json_string(out_, name);
        }
        out_ += pretty_ ? ": " : ":";
    }
    void separate() {
        if (!first_) {
            out_ += ',';
        }
        first_ = false;
        new_line();
    }
    void new_line() {
        if (pretty_) {
            out_ += '\n';
            out_.append(static_cast<std::size_t>(depth_) * 2, ' ');
        }
    }

    const TypeModel* model_;
    bool pretty_;
    std::string& out_;
    int depth_ = 0;
    bool first_ = true;
};

}  // namespace

std::string
write_json(const Element& element, const TypeModel* model, const WriteOptions& options) {
    std::string out;
    write_json(element, model, options, out);
    return out;
}

void write_json(
    const Element& element, const TypeModel* model, const WriteOptions& options, std::string& out
) {
    TreeWriter(model, options, out).write_object(element);
}

}  // namespace gatehouse::fhir
