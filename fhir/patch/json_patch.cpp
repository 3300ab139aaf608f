// SPDX-License-Identifier: Apache-2.0
//
// JSON Patch, RFC 6902.
#include <algorithm>
#include <charconv>

#include "fhir/patch/json_tree.hpp"
#include "fhir/patch/patch.hpp"

namespace gatehouse::fhir {
namespace patch {

enum class Op : std::uint8_t { add, remove, replace, move, copy, test };

struct JsonOperation {
    Op op = Op::add;
    std::string path_text;
    std::vector<std::string> path;
    std::vector<std::string> from;
    Node value;
};

}  // namespace patch

namespace {

using patch::JsonOperation;
using patch::Node;
using patch::Op;
using Kind = PatchFault::Kind;

bool read_op(std::string_view name, Op& out) {
    static constexpr std::pair<std::string_view, Op> names[] = {
        {"add", Op::add},
        {"remove", Op::remove},
        {"replace", Op::replace},
        {"move", Op::move},
        {"copy", Op::copy},
        {"test", Op::test}};
    for (const auto& [word, op] : names) {
        if (word == name) {
            out = op;
            return true;
        }
    }
    return false;
}

// The index of an array step: digits without a leading zero (RFC 6901 §4).
std::optional<std::size_t> index_of(std::string_view step) {
    std::size_t index = 0;
    if (step.empty() || (step.size() > 1 && step.front() == '0') || step.size() > 9) {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    if (error != std::errc{} || end != step.data() + step.size()) {
        return std::nullopt;
    }
    return index;
}

Node* child_at(Node& node, const std::string& step) {
    if (node.kind == Node::Kind::object) {
        return node.member(step);
    }
    if (node.kind == Node::Kind::array) {
        const auto index = index_of(step);
        return index && *index < node.items.size() ? &node.items[*index] : nullptr;
    }
    return nullptr;
}

// The node at the first `count` steps, or nullptr.
Node* walk_to(Node& root, const std::vector<std::string>& steps, std::size_t count) {
    Node* at = &root;
    for (std::size_t i = 0; i < count && at != nullptr; ++i) {
        at = child_at(*at, steps[i]);
    }
    return at;
}

bool begins_with(const std::vector<std::string>& path, const std::vector<std::string>& start) {
    return path.size() > start.size() && std::equal(start.begin(), start.end(), path.begin());
}

class JsonPatcher {
public:
    explicit JsonPatcher(Node& root) : root_(root), nodes_(patch::size_of(root)) {}

    std::optional<PatchFault> run(const JsonOperation& operation, std::uint32_t index) {
        index_ = index;
        operation_ = &operation;
        switch (operation.op) {
        case Op::add: return add(operation.path, operation.value);
        case Op::remove: return remove(operation.path);
        case Op::replace: return replace(operation);
        case Op::move: return move(operation);
        case Op::copy: return copy(operation);
        case Op::test: return test(operation);
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] PatchFault fault(Kind kind, const char* text) const {
        return {kind, index_, std::string(text) + " (path '" + operation_->path_text + "')"};
    }

    std::optional<PatchFault> add(const std::vector<std::string>& path, Node value) {
        nodes_ += patch::size_of(value);
        if (nodes_ > patch_nodes_max || path.size() + patch::depth_of(value) > patch_depth_max) {
            return fault(Kind::too_large, "the result would be too large or nested too deep");
        }
        if (path.empty()) {
            root_ = std::move(value);
            return std::nullopt;
        }
        Node* parent = walk_to(root_, path, path.size() - 1);
        if (parent == nullptr) {
            return fault(Kind::unmet, "the element that should hold it is not there");
        }
        const std::string& last = path.back();
        if (parent->kind == Node::Kind::object) {
            if (Node* old = parent->member(last)) {
                *old = std::move(value);
            } else {
                parent->members.emplace_back(last, std::move(value));
            }
            return std::nullopt;
        }
        if (parent->kind == Node::Kind::array) {
            const auto index =
                last == "-" ? std::optional<std::size_t>(parent->items.size()) : index_of(last);
            if (!index || *index > parent->items.size()) {
                return fault(Kind::unmet, "there is no such place in the array");
            }
            parent->items.insert(
                parent->items.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value)
            );
            return std::nullopt;
        }
        return fault(Kind::unmet, "a value cannot hold another");
    }

    std::optional<PatchFault> remove(const std::vector<std::string>& path) {
        if (path.empty()) {
            return fault(Kind::unmet, "the whole document cannot be removed");
        }
        Node* parent = walk_to(root_, path, path.size() - 1);
        Node* target = parent == nullptr ? nullptr : child_at(*parent, path.back());
        if (target == nullptr) {
            return fault(Kind::unmet, "there is nothing at the path");
        }
        nodes_ -= std::min(nodes_, patch::size_of(*target));
        if (parent->kind == Node::Kind::object) {
            std::erase_if(parent->members, [&](const auto& member) {
                return member.first == path.back();
            });
        } else {
            parent->items.erase(parent->items.begin() + (target - parent->items.data()));
        }
        return std::nullopt;
    }

    std::optional<PatchFault> replace(const JsonOperation& operation) {
        Node* target = walk_to(root_, operation.path, operation.path.size());
        if (target == nullptr) {
            return fault(Kind::unmet, "there is nothing at the path");
        }
        nodes_ += patch::size_of(operation.value);
        if (nodes_ > patch_nodes_max ||
            operation.path.size() + patch::depth_of(operation.value) > patch_depth_max) {
            return fault(Kind::too_large, "the result would be too large or nested too deep");
        }
        *target = operation.value;
        return std::nullopt;
    }

    std::optional<PatchFault> move(const JsonOperation& operation) {
        if (begins_with(operation.path, operation.from)) {
            return fault(Kind::unmet, "an element cannot be moved into itself");
        }
        Node* source = walk_to(root_, operation.from, operation.from.size());
        if (source == nullptr) {
            return fault(Kind::unmet, "there is nothing at 'from'");
        }
        if (operation.from == operation.path) {
            return std::nullopt;
        }
        Node value = *source;
        if (auto failed = remove(operation.from)) {
            return failed;
        }
        return add(operation.path, std::move(value));
    }

    std::optional<PatchFault> copy(const JsonOperation& operation) {
        const Node* source = walk_to(root_, operation.from, operation.from.size());
        if (source == nullptr) {
            return fault(Kind::unmet, "there is nothing at 'from'");
        }
        if (nodes_ + patch::size_of(*source) > patch_nodes_max) {
            return fault(Kind::too_large, "the result would be too large or nested too deep");
        }
        return add(operation.path, *source);
    }

    std::optional<PatchFault> test(const JsonOperation& operation) {
        const Node* target = walk_to(root_, operation.path, operation.path.size());
        if (target == nullptr) {
            return fault(Kind::untrue, "there is nothing at the path to test");
        }
        if (!patch::equal(*target, operation.value)) {
            return fault(Kind::untrue, "the value is not the one that the test names");
        }
        return std::nullopt;
    }

    Node& root_;
    std::size_t nodes_;
    std::uint32_t index_ = 0;
    const JsonOperation* operation_ = nullptr;
};

std::optional<PatchFault>
read_operation(const JsonValue& item, std::uint32_t index, JsonOperation& out) {
    const auto malformed = [&](std::string text) {
        return PatchFault{Kind::malformed, index, std::move(text)};
    };
    if (!item.is(JsonValue::Kind::object)) {
        return malformed("an operation is a JSON object with op and path");
    }
    const JsonValue* op = item.find("op");
    if (op == nullptr || !op->is(JsonValue::Kind::string) || !read_op(op->text, out.op)) {
        return malformed("op must be add, remove, replace, move, copy or test");
    }
    const auto pointer = [&](const char* name, std::vector<std::string>& steps) {
        const JsonValue* value = item.find(name);
        if (value == nullptr || !value->is(JsonValue::Kind::string)) {
            return false;
        }
        auto read = patch::read_pointer(value->text);
        if (!read || read->size() > patch_depth_max) {
            return false;
        }
        steps = std::move(*read);
        return true;
    };
    if (!pointer("path", out.path)) {
        return malformed("path must be a JSON Pointer: '' or '/member/0/...'");
    }
    out.path_text = item.string("path").substr(0, 200);
    const bool needs_from = out.op == Op::move || out.op == Op::copy;
    if (needs_from && !pointer("from", out.from)) {
        return malformed("from must be a JSON Pointer: '' or '/member/0/...'");
    }
    if (!needs_from && out.op != Op::remove) {
        const JsonValue* value = item.find("value");
        if (value == nullptr) {
            return malformed("this operation needs a value");
        }
        out.value = patch::node_of(*value);
    }
    return std::nullopt;
}

}  // namespace

struct JsonPatch::Impl {
    std::vector<patch::JsonOperation> operations;
};

JsonPatch::JsonPatch() = default;
JsonPatch::JsonPatch(JsonPatch&&) noexcept = default;
JsonPatch& JsonPatch::operator=(JsonPatch&&) noexcept = default;
JsonPatch::~JsonPatch() = default;

std::optional<PatchFault> JsonPatch::read(std::string_view text, JsonPatch& out) {
    Arena arena;
    const auto value = parse_json_value(text, arena);
    if (!value) {
        return PatchFault{Kind::malformed, 0, "it is not JSON: " + value.error().detail};
    }
    if (!value->is(JsonValue::Kind::array)) {
        return PatchFault{Kind::malformed, 0, "a JSON Patch is an array of operations"};
    }
    if (value->items.size() > patch_operations_max) {
        return PatchFault{
            Kind::too_large,
            0,
            "more than " + std::to_string(patch_operations_max) + " operations"};
    }
    out.impl_ = std::make_unique<Impl>();
    for (const JsonValue& item : value->items) {
        JsonOperation operation;
        const auto index = static_cast<std::uint32_t>(out.impl_->operations.size());
        if (auto failed = read_operation(item, index, operation)) {
            return failed;
        }
        out.impl_->operations.push_back(std::move(operation));
    }
    return std::nullopt;
}

std::optional<PatchFault> JsonPatch::apply(std::string_view document, std::string& out) const {
    Arena arena;
    const auto value = parse_json_value(document, arena);
    if (!value || impl_ == nullptr) {
        return PatchFault{
            Kind::unmet, 0, "the resource is nested too deep for JSON Patch; use FHIRPath Patch"};
    }
    Node root = patch::node_of(*value);
    JsonPatcher patcher(root);
    std::uint32_t index = 0;
    for (const JsonOperation& operation : impl_->operations) {
        if (auto failed = patcher.run(operation, index++)) {
            return failed;
        }
    }
    patch::prune(root);
    out.clear();
    patch::write(root, out);
    return std::nullopt;
}

}  // namespace gatehouse::fhir
