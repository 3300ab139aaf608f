// SPDX-License-Identifier: Apache-2.0
//
// What the shapes of an expression say of an element.
#include "fhir/path/shape.hpp"

#include <algorithm>

#include "fhir/path/functions.hpp"

namespace gatehouse::fhir::path {
namespace {

bool two_digits(std::string_view text, std::size_t at, int least, int most) noexcept {
    const int tens = text[at] - '0';
    const int ones = text[at + 1] - '0';
    return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 && tens * 10 + ones >= least &&
           tens * 10 + ones <= most;
}

// A date, or date and time to the second, whose text sorts like its meaning: days that every month
// has, no leap second. What is rarer is left to the general evaluator.
bool sorts_as_text(std::string_view text) noexcept {
    if (text.size() < 10 || text[4] != '-' || text[7] != '-' || !two_digits(text, 0, 10, 99) ||
        !two_digits(text, 2, 0, 99) || !two_digits(text, 5, 1, 12) || !two_digits(text, 8, 1, 28)) {
        return false;
    }
    return text.size() == 10 ||
           (text.size() >= 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
            two_digits(text, 11, 0, 23) && two_digits(text, 14, 0, 59) &&
            two_digits(text, 17, 0, 59) &&
            (text.substr(19) == "Z" ||
             (text.size() == 25 && (text[19] == '+' || text[19] == '-') && text[22] == ':' &&
              two_digits(text, 20, 0, 13) && two_digits(text, 23, 0, 59))));
}

class ShapeRun {
public:
    ShapeRun(
        const Expression::Program& program,
        const TypeModel& types,
        std::uint64_t& steps,
        std::uint64_t steps_max
    )
        : program_(program), types_(types), steps_(steps), steps_max_(steps_max) {}

    Truth truth(std::uint32_t id, const Element& self) {
        const Shape& shape = program_.shape[id];
        switch (shape.op) {
        case ShapeOp::general: return Truth::failed;
        case ShapeOp::all_of:
        case ShapeOp::any_of:
        case ShapeOp::one_of:
        case ShapeOp::implies: return logic(shape, self);
        case ShapeOp::negate: {
            const Truth inner = truth(shape.left, self);
            return inner == Truth::yes ? Truth::no : (inner == Truth::no ? Truth::yes : inner);
        }
        case ShapeOp::exists: return found(shape, self, Truth::yes, Truth::no);
        case ShapeOp::empty: return found(shape, self, Truth::no, Truth::yes);
        case ShapeOp::all: return all(shape, self);
        case ShapeOp::has_value: return has_value(shape, self);
        case ShapeOp::equal:
        case ShapeOp::not_equal: return equality(shape, self);
        case ShapeOp::ordered: return ordering(shape, self);
        case ShapeOp::member: return member(shape, self);
        case ShapeOp::counted: return counted(shape, self);
        case ShapeOp::text: return text(shape, self);
        }
        return Truth::failed;
    }

private:
    // Calls visit(element) for each item of a path; false when the visit ended it or it deferred.
    template <class Visit>
    bool each(const ShapeStep* step, std::size_t left, const Element& self, Visit& visit) {
        if (left == 0) {
            return visit(self);
        }
        if (self.type == unknown_type) {
            deferred_ = true;  // an unknown type's choices are told by spelling
            return false;
        }
        for (const Element* child = self.first_child; child != nullptr; child = child->next) {
            if (++steps_ > steps_max_) {
                deferred_ = true;
                return false;
            }
            const bool named = child->symbol != unknown_symbol ? child->symbol == step->symbol
                                                               : child->name == step->text;
            if (!named && !(child->choice_bytes != 0 && child->choice_bytes == step->text.size() &&
                            child->name.starts_with(step->text))) {
                continue;
            }
            if ((child->has_value() || child->first_child != nullptr || child->is_resource) &&
                !each(step + 1, left - 1, *child, visit)) {
                return false;
            }
        }
        return true;
    }
    template <class Visit> bool each(const Shape& shape, const Element& self, Visit&& visit) {
        return each(program_.shape_steps.data() + shape.path, shape.path_length, self, visit);
    }

    Truth logic(const Shape& shape, const Element& self) {
        const Truth a = truth(shape.left, self);
        if (a == Truth::failed || (shape.op == ShapeOp::all_of && a == Truth::no) ||
            (shape.op == ShapeOp::any_of && a == Truth::yes)) {
            return a;
        }
        if (shape.op == ShapeOp::implies && a == Truth::no) {
            return Truth::yes;
        }
        const Truth b = truth(shape.right, self);
        if (b == Truth::failed) {
            return b;
        }
        switch (shape.op) {
        case ShapeOp::all_of: return b == Truth::no ? b : (a == Truth::yes ? b : Truth::unknown);
        case ShapeOp::any_of: return b == Truth::yes ? b : (a == Truth::no ? b : Truth::unknown);
        case ShapeOp::one_of:
            return a == Truth::unknown || b == Truth::unknown ? Truth::unknown
                                                              : (a == b ? Truth::no : Truth::yes);
        default: return a == Truth::yes ? b : (b == Truth::yes ? b : Truth::unknown);
        }
    }
    Truth found(const Shape& shape, const Element& self, Truth some, Truth none) {
        bool any = false;
        each(shape, self, [&](const Element& item) {
            if (shape.left == no_shape) {
                any = true;
                return false;
            }
            const Truth fits = truth(shape.left, item);
            deferred_ = deferred_ || fits == Truth::failed;
            any = fits == Truth::yes;
            return !any && !deferred_;
        });
        return deferred_ ? Truth::failed : (any ? some : none);
    }
    Truth all(const Shape& shape, const Element& self) {
        bool every = true;
        each(shape, self, [&](const Element& item) {
            const Truth fits = truth(shape.left, item);
            deferred_ = deferred_ || fits == Truth::failed;
            every = fits == Truth::yes;
            return every && !deferred_;
        });
        return deferred_ ? Truth::failed : (every ? Truth::yes : Truth::no);
    }
    Truth has_value(const Shape& shape, const Element& self) {
        int count = 0;
        bool value = false;
        each(shape, self, [&](const Element& item) {
            value = item.has_value();
            return ++count < 2;
        });
        return deferred_ ? Truth::failed : (count == 1 && value ? Truth::yes : Truth::no);
    }
    // The one item of a path, a primitive with a value and nothing else; null if there is no item.
    const Element* plain(const ShapeStep* step, std::size_t length, const Element& self) {
        const Element* only = nullptr;
        auto take = [&](const Element& item) {
            deferred_ = deferred_ || only != nullptr || !item.has_value() || item.is_resource ||
                        item.first_child != nullptr || item.type == unknown_type;
            only = &item;
            return !deferred_;
        };
        each(step, length, self, take);
        return deferred_ ? nullptr : only;
    }
    // Whether an element is text to FHIRPath, and no date.
    [[nodiscard]] bool is_text(const Element& item) const {
        const KnownTypes& known = program_.known;
        return types_.type(item.type).json == JsonKind::string && item.type != known.date &&
               item.type != known.date_time && item.type != known.instant &&
               item.type != known.time && item.written != Written::xhtml;
    }
    Truth member(const Shape& shape, const Element& self) {
        const Element* item =
            plain(program_.shape_steps.data() + shape.path, shape.path_length, self);
        if (item == nullptr) {
            return deferred_ ? Truth::failed : Truth::unknown;
        }
        if (!is_text(*item)) {
            return Truth::failed;
        }
        for (std::size_t i = 0; i < shape.other_length; ++i) {
            if (program_.literals[program_.shape_literals[shape.other_path + i]].text ==
                item->value) {
                return Truth::yes;
            }
        }
        return Truth::no;
    }
    Truth text(const Shape& shape, const Element& self) {
        const Element* item =
            plain(program_.shape_steps.data() + shape.path, shape.path_length, self);
        if (item == nullptr) {
            return deferred_ ? Truth::failed : Truth::unknown;
        }
        if (!is_text(*item)) {
            return Truth::failed;
        }
        const std::string_view part = program_.literals[shape.literal].text;
        const auto function = static_cast<Function>(shape.function);
        const bool holds = function == Function::contains
                               ? item->value.find(part) != std::string_view::npos
                           : function == Function::starts_with ? item->value.starts_with(part)
                                                               : item->value.ends_with(part);
        return holds ? Truth::yes : Truth::no;
    }
    Truth counted(const Shape& shape, const Element& self) {
        std::int64_t sum = 0;
        for (const Shape* summand = &program_.shape[shape.left]; summand->op == ShapeOp::counted;
             summand = &program_.shape[summand->right]) {
            each(*summand, self, [&](const Element&) {
                ++sum;
                return true;
            });
        }
        const std::int64_t wanted = program_.literals[shape.literal].integer;
        bool holds = false;
        switch (shape.comparison) {
        case Op::equal: holds = sum == wanted; break;
        case Op::not_equal: holds = sum != wanted; break;
        case Op::less: holds = sum < wanted; break;
        case Op::less_or_equal: holds = sum <= wanted; break;
        case Op::greater: holds = sum > wanted; break;
        default: holds = sum >= wanted; break;
        }
        return deferred_ ? Truth::failed : (holds ? Truth::yes : Truth::no);
    }
    Truth equality(const Shape& shape, const Element& self) {
        const Element* item =
            plain(program_.shape_steps.data() + shape.path, shape.path_length, self);
        if (item == nullptr) {
            return deferred_ ? Truth::failed : Truth::unknown;
        }
        const Item& literal = program_.literals[shape.literal];
        const KnownTypes& known = program_.known;
        bool same = false;
        if (literal.kind == ItemKind::boolean) {
            if (item->type != known.boolean) {
                return Truth::failed;
            }
            same = (item->value == "true") == literal.truth;
        } else {
            if (!is_text(*item)) {
                return Truth::failed;
            }
            same = item->value == literal.text;
        }
        return same == (shape.op == ShapeOp::equal) ? Truth::yes : Truth::no;
    }
    Truth ordering(const Shape& shape, const Element& self) {
        const ShapeStep* steps = program_.shape_steps.data();
        const Element* a = plain(steps + shape.path, shape.path_length, self);
        const Element* b =
            deferred_ ? nullptr : plain(steps + shape.other_path, shape.other_length, self);
        if (deferred_) {
            return Truth::failed;
        }
        if (a == nullptr || b == nullptr) {
            return Truth::unknown;
        }
        const KnownTypes& known = program_.known;
        const bool moments =
            a->type == b->type && (a->type == known.date_time || a->type == known.date);
        if (!moments || a->value.size() != b->value.size() || !sorts_as_text(a->value) ||
            !sorts_as_text(b->value) ||
            (a->value.size() > 10 && a->value.substr(19) != b->value.substr(19))) {
            return Truth::failed;
        }
        const int order = a->value.compare(b->value);
        const bool holds = shape.comparison == Op::less            ? order < 0
                           : shape.comparison == Op::less_or_equal ? order <= 0
                           : shape.comparison == Op::greater       ? order > 0
                                                                   : order >= 0;
        return holds ? Truth::yes : Truth::no;
    }

    const Expression::Program& program_;
    const TypeModel& types_;
    std::uint64_t& steps_;
    std::uint64_t steps_max_;
    bool deferred_ = false;
};

}  // namespace

Truth shape_truth(
    const Expression::Program& program,
    std::uint32_t shape,
    const Element& focus,
    const TypeModel& types,
    std::uint64_t& steps,
    std::uint64_t steps_max
) {
    return shape == no_shape ? Truth::failed
                             : ShapeRun(program, types, steps, steps_max).truth(shape, focus);
}

}  // namespace gatehouse::fhir::path
