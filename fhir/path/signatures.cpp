// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/signatures.hpp"

namespace gatehouse::fhir::path {

KindSet kind_set(ItemKind kind) {
    switch (kind) {
    case ItemKind::boolean: return kind_boolean;
    case ItemKind::integer: return kind_integer;
    case ItemKind::decimal: return kind_decimal;
    case ItemKind::string: return kind_string;
    case ItemKind::date: return kind_date;
    case ItemKind::date_time: return kind_date_time;
    case ItemKind::time: return kind_time;
    case ItemKind::quantity: return kind_quantity;
    default: return kind_other;
    }
}

Signature signature_of(Function function) {
    switch (function) {
    case Function::all_true:
    case Function::any_true:
    case Function::all_false:
    case Function::any_false: return {kind_boolean};
    case Function::skip:
    case Function::take: return {kind_any, kind_integer};
    case Function::index_of:
    case Function::last_index_of:
    case Function::starts_with:
    case Function::ends_with:
    case Function::contains:
    case Function::split:
    case Function::encode:
    case Function::decode:
    case Function::escape:
    case Function::unescape: return {kind_text, kind_string};
    case Function::matches:
    case Function::matches_full:
    case Function::replace:
    case Function::replace_matches: return {kind_text, kind_string, kind_string};
    case Function::substring: return {kind_text, kind_integer, kind_integer};
    case Function::upper:
    case Function::lower:
    case Function::length:
    case Function::to_chars:
    case Function::trim: return {kind_text};
    case Function::join: return {kind_string, kind_string};
    case Function::abs: return {kind_number | kind_quantity};
    case Function::ceiling:
    case Function::floor:
    case Function::truncate:
    case Function::exp:
    case Function::ln:
    case Function::sqrt: return {kind_number};
    case Function::log:
    case Function::power: return {kind_number, kind_number};
    case Function::round: return {kind_number | kind_quantity, kind_integer};
    case Function::to_quantity:
    case Function::converts_to_quantity:
    case Function::trace:
    case Function::extension:
    case Function::has_extension:
    case Function::member_of:
    case Function::conforms_to:
    case Function::define_variable: return {kind_any, kind_string};
    case Function::low_boundary:
    case Function::high_boundary: return {kind_number | kind_quantity | kind_moment, kind_integer};
    case Function::precision: return {kind_number | kind_moment};
    case Function::year_of:
    case Function::month_of:
    case Function::day_of:
    case Function::date_of: return {kind_date | kind_date_time};
    case Function::hour_of:
    case Function::minute_of:
    case Function::second_of:
    case Function::millisecond_of: return {kind_date_time | kind_time};
    case Function::timezone_offset_of:
    case Function::time_of: return {kind_date_time};
    default: return {};
    }
}

bool can_join(Op op, KindSet left, KindSet right) {
    const auto both = [&](KindSet kinds) { return (left & kinds) != 0 && (right & kinds) != 0; };
    switch (op) {
    case Op::concatenate: return both(kind_text);
    case Op::add:
    case Op::subtract:
        return both(kind_number) || both(kind_quantity) ||
               ((left & kind_moment) != 0 && (right & kind_quantity) != 0) ||
               (op == Op::add && (left & kind_string) != 0 && (right & kind_text) != 0);
    case Op::multiply:
    case Op::divide: return both(kind_number | kind_quantity);
    case Op::integer_divide:
    case Op::modulo: return both(kind_number);
    default: return true;
    }
}

std::string_view kind_words(KindSet kinds) {
    switch (kinds) {
    case kind_boolean: return "Booleans";
    case kind_integer: return "an Integer";
    case kind_number: return "a number";
    case kind_number | kind_quantity: return "a number or a Quantity";
    case kind_string:
    case kind_text: return "a String";
    case kind_date | kind_date_time: return "a Date or DateTime";
    case kind_date_time | kind_time: return "a DateTime or Time";
    case kind_date_time: return "a DateTime";
    default: return "a number, a date or a time";
    }
}

}  // namespace gatehouse::fhir::path
