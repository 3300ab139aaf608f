// SPDX-License-Identifier: Apache-2.0
//
// Element tree -> FHIR XML (FHIR R4 §2.6.1): children in definition order, id and url as
// attributes, values in the attribute "value", narrative exactly as it came.
#include <algorithm>
#include <vector>

#include "fhir/xml/xhtml_text.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

// What the definition says of an element among its parent's children, or nullptr.
const ChildInfo* info_of(const TypeModel& model, const Element& parent, const Element& child) {
    const auto& children = model.type(parent.type).children;
    return child.child_rule == 0 || child.child_rule > children.size()
               ? nullptr
               : &children[child.child_rule - 1];
}

class XmlWriter {
public:
    XmlWriter(const TypeModel& model, const WriteOptions& options, std::string& out)
        : model_(model), pretty_(options.pretty), out_(out) {}

    void write_root(const Element& root) {
        out_ += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        if (pretty_) {
            out_ += '\n';
        }
        out_ += '<';
        const std::string name = xml_name(root, root.is_resource ? root.value : root.name);
        out_ += name;
        out_ += " xmlns=\"http://hl7.org/fhir\"";
        write_content(root, name);
        if (pretty_) {
            out_ += '\n';
        }
    }

private:
    // Attributes and children of `element`, whose start tag is open, and its end tag.
    void write_content(const Element& element, std::string_view tag) {
        for (const Element& child : element.children()) {
            if (is_attribute(element, child)) {
                attribute(child.name, child.value);
            }
        }
        if (element.has_value() && !element.is_resource) {
            attribute("value", element.value);
        }
        std::vector<const Element*> ordered;
        const Element* first = in_order(element, ordered);
        if (first == nullptr) {
            out_ += "/>";
            return;
        }
        out_ += '>';
        ++depth_;
        if (ordered.empty()) {
            for (const Element* child = first; child != nullptr; child = child->next) {
                if (!is_attribute(element, *child)) {
                    write_element(*child);
                }
            }
        } else {
            for (const Element* child : ordered) {
                if (!is_attribute(element, *child)) {
                    write_element(*child);
                }
            }
        }
        --depth_;
        new_line();
        out_ += "</";
        out_ += tag;
        out_ += '>';
    }

    // First child that is an element, or nullptr. `ordered` is filled only if the children do not
    // stand in definition order as they are.
    const Element* in_order(const Element& element, std::vector<const Element*>& ordered) const {
        const Element* first = nullptr;
        std::uint32_t previous = 0;
        bool sorted = true;
        for (const Element& child : element.children()) {
            if (first == nullptr && !is_attribute(element, child)) {
                first = &child;
            }
            const std::uint32_t rank = rank_of(child);
            sorted = sorted && rank >= previous;
            previous = rank;
        }
        if (!sorted) {
            for (const Element& child : element.children()) {
                ordered.push_back(&child);
            }
            std::stable_sort(
                ordered.begin(),
                ordered.end(),
                [](const Element* left, const Element* right) {
                    return rank_of(*left) < rank_of(*right);
                }
            );
        }
        return first;
    }

    // Unknown children (rule 0) go last.
    static std::uint32_t rank_of(const Element& child) { return child.child_rule - 1U; }

    bool is_attribute(const Element& parent, const Element& child) const {
        const ChildInfo* info = info_of(model_, parent, child);
        // An attribute has a value and stands once; whatever else a sender wrote stays an element.
        return info != nullptr && info->attribute && child.has_value() && child.index() == 0;
    }

    void write_element(const Element& element) {
        new_line();
        if (element.written == Written::xhtml ||
            model_.type(element.type).json == JsonKind::xhtml) {
            append_xhtml(out_, element.value, element.written == Written::xhtml);
            return;
        }
        const std::string name = xml_name(element, element.name);
        out_ += '<';
        out_ += name;
        if (!element.is_resource) {
            write_content(element, name);
            return;
        }
        const std::string type = xml_name(element, element.value);
        out_ += '>';
        ++depth_;
        new_line();
        out_ += '<';
        out_ += type;
        write_content(element, type);
        --depth_;
        new_line();
        out_ += "</";
        out_ += name;
        out_ += '>';
    }

    // Names that no definition knows may come from JSON, where a name is any text; what XML cannot
    // hold in a name becomes '_', so that no name can open or close anything. None begins with '_',
    // which read_xml refuses.
    static std::string xml_name(const Element& element, std::string_view name) {
        std::string safe(name);
        if (element.type != unknown_type || element.child_rule != 0) {
            return safe;
        }
        for (char& c : safe) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                               (c >= '0' && c <= '9') || c == '-' || c == '.';
            c = plain ? c : '_';
        }
        const bool starts = !safe.empty() && safe.front() != '_' && safe.front() != '-' &&
                            safe.front() != '.' && (safe.front() < '0' || safe.front() > '9');
        return starts ? safe : "x" + safe;
    }

    void attribute(std::string_view name, std::string_view value) {
        out_ += ' ';
        out_ += name;
        out_ += "=\"";
        append_xml_text(out_, value, true);
        out_ += '"';
    }

    void new_line() {
        if (pretty_) {
            out_ += '\n';
            out_.append(static_cast<std::size_t>(depth_) * 2, ' ');
        }
    }

    const TypeModel& model_;
    bool pretty_;
    std::string& out_;
    int depth_ = 0;
};

}  // namespace

std::string write_xml(const Element& root, const TypeModel& model, const WriteOptions& options) {
    std::string out;
    XmlWriter(model, options, out).write_root(root);
    return out;
}

}  // namespace gatehouse::fhir
