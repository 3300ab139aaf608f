#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The function table: one row per FHIRPath function, in the order of enum Function. A new function
// is an enumerator, a row in functions.cpp, a declaration here and its body in the file of its
// section.

#include <cstdint>
#include <optional>
#include <string_view>

#include "fhir/path/evaluator.hpp"
#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// X(enumerator, name, least arguments, most arguments)
#define GH_PATH_FUNCTIONS(X)                                                                       \
    /* N1 5.1 existence */                                                                         \
    X(empty, "empty", 0, 0)                                                                        \
    X(exists, "exists", 0, 1)                                                                      \
    X(all, "all", 1, 1)                                                                            \
    X(all_true, "allTrue", 0, 0)                                                                   \
    X(any_true, "anyTrue", 0, 0)                                                                   \
    X(all_false, "allFalse", 0, 0)                                                                 \
    X(any_false, "anyFalse", 0, 0)                                                                 \
    X(subset_of, "subsetOf", 1, 1)                                                                 \
    X(superset_of, "supersetOf", 1, 1)                                                             \
    X(count, "count", 0, 0)                                                                        \
    X(distinct, "distinct", 0, 0)                                                                  \
    X(is_distinct, "isDistinct", 0, 0)                                                             \
    /* N1 5.2 filtering and projection */                                                          \
    X(where, "where", 1, 1)                                                                        \
    X(select, "select", 1, 1)                                                                      \
    X(repeat, "repeat", 1, 1)                                                                      \
    X(of_type, "ofType", 1, 1)                                                                     \
    X(sort, "sort", 0, 16)                                                                         \
    /* N1 5.3 subsetting */                                                                        \
    X(single, "single", 0, 0)                                                                      \
    X(first, "first", 0, 0)                                                                        \
    X(last, "last", 0, 0)                                                                          \
    X(tail, "tail", 0, 0)                                                                          \
    X(skip, "skip", 1, 1)                                                                          \
    X(take, "take", 1, 1)                                                                          \
    X(intersect, "intersect", 1, 1)                                                                \
    X(exclude, "exclude", 1, 1)                                                                    \
    /* N1 5.4 combining */                                                                         \
    X(union_, "union", 1, 1)                                                                       \
    X(combine, "combine", 1, 1)                                                                    \
    /* N1 5.5 conversion */                                                                        \
    X(iif, "iif", 2, 3)                                                                            \
    X(to_boolean, "toBoolean", 0, 0)                                                               \
    X(converts_to_boolean, "convertsToBoolean", 0, 0)                                              \
    X(to_integer, "toInteger", 0, 0)                                                               \
    X(converts_to_integer, "convertsToInteger", 0, 0)                                              \
    X(to_date, "toDate", 0, 0)                                                                     \
    X(converts_to_date, "convertsToDate", 0, 0)                                                    \
    X(to_date_time, "toDateTime", 0, 0)                                                            \
    X(converts_to_date_time, "convertsToDateTime", 0, 0)                                           \
    X(to_decimal, "toDecimal", 0, 0)                                                               \
    X(converts_to_decimal, "convertsToDecimal", 0, 0)                                              \
    X(to_quantity, "toQuantity", 0, 1)                                                             \
    X(converts_to_quantity, "convertsToQuantity", 0, 1)                                            \
    X(to_string, "toString", 0, 0)                                                                 \
    X(converts_to_string, "convertsToString", 0, 0)                                                \
    X(to_time, "toTime", 0, 0)                                                                     \
    X(converts_to_time, "convertsToTime", 0, 0)                                                    \
    /* N1 5.6 strings, and additions of FHIRPath 3.0 */                                            \
    X(index_of, "indexOf", 1, 1)                                                                   \
    X(last_index_of, "lastIndexOf", 1, 1)                                                          \
    X(substring, "substring", 1, 2)                                                                \
    X(starts_with, "startsWith", 1, 1)                                                             \
    X(ends_with, "endsWith", 1, 1)                                                                 \
    X(contains, "contains", 1, 1)                                                                  \
    X(upper, "upper", 0, 0)                                                                        \
    X(lower, "lower", 0, 0)                                                                        \
    X(replace, "replace", 2, 2)                                                                    \
    X(matches, "matches", 1, 2)                                                                    \
    X(matches_full, "matchesFull", 1, 2)                                                           \
    X(replace_matches, "replaceMatches", 2, 3)                                                     \
    X(length, "length", 0, 0)                                                                      \
    X(to_chars, "toChars", 0, 0)                                                                   \
    X(trim, "trim", 0, 0)                                                                          \
    X(split, "split", 1, 1)                                                                        \
    X(join, "join", 0, 1)                                                                          \
    X(encode, "encode", 1, 1)                                                                      \
    X(decode, "decode", 1, 1)                                                                      \
    X(escape, "escape", 1, 1)                                                                      \
    X(unescape, "unescape", 1, 1)                                                                  \
    /* N1 5.7 math */                                                                              \
    X(abs, "abs", 0, 0)                                                                            \
    X(ceiling, "ceiling", 0, 0)                                                                    \
    X(exp, "exp", 0, 0)                                                                            \
    X(floor, "floor", 0, 0)                                                                        \
    X(ln, "ln", 0, 0)                                                                              \
    X(log, "log", 1, 1)                                                                            \
    X(power, "power", 1, 1)                                                                        \
    X(round, "round", 0, 1)                                                                        \
    X(sqrt, "sqrt", 0, 0)                                                                          \
    X(truncate, "truncate", 0, 0)                                                                  \
    /* N1 5.8 tree, 5.9 utility, 6.3 types, 6.5, 7 */                                              \
    X(children, "children", 0, 0)                                                                  \
    X(descendants, "descendants", 0, 0)                                                            \
    X(trace, "trace", 1, 2)                                                                        \
    X(define_variable, "defineVariable", 1, 2)                                                     \
    X(now, "now", 0, 0)                                                                            \
    X(today, "today", 0, 0)                                                                        \
    X(time_of_day, "timeOfDay", 0, 0)                                                              \
    X(is, "is", 1, 1)                                                                              \
    X(as, "as", 1, 1)                                                                              \
    X(not_, "not", 0, 0)                                                                           \
    X(aggregate, "aggregate", 1, 2)                                                                \
    X(type, "type", 0, 0)                                                                          \
    /* FHIRPath 3.0 */                                                                             \
    X(low_boundary, "lowBoundary", 0, 1)                                                           \
    X(high_boundary, "highBoundary", 0, 1)                                                         \
    X(precision, "precision", 0, 0)                                                                \
    X(comparable, "comparable", 1, 1)                                                              \
    X(year_of, "yearOf", 0, 0)                                                                     \
    X(month_of, "monthOf", 0, 0)                                                                   \
    X(day_of, "dayOf", 0, 0)                                                                       \
    X(hour_of, "hourOf", 0, 0)                                                                     \
    X(minute_of, "minuteOf", 0, 0)                                                                 \
    X(second_of, "secondOf", 0, 0)                                                                 \
    X(millisecond_of, "millisecondOf", 0, 0)                                                       \
    X(timezone_offset_of, "timezoneOffsetOf", 0, 0)                                                \
    X(date_of, "dateOf", 0, 0)                                                                     \
    X(time_of, "timeOf", 0, 0)                                                                     \
    /* FHIR R4 (fhirpath.html) */                                                                  \
    X(extension, "extension", 1, 1)                                                                \
    X(has_extension, "hasExtension", 1, 1)                                                         \
    X(has_value, "hasValue", 0, 0)                                                                 \
    X(get_value, "getValue", 0, 0)                                                                 \
    X(resolve, "resolve", 0, 0)                                                                    \
    X(member_of, "memberOf", 1, 1)                                                                 \
    X(conforms_to, "conformsTo", 1, 1)                                                             \
    X(html_checks, "htmlChecks", 0, 0)                                                             \
    X(check_modifiers, "checkModifiers", 0, 32)                                                    \
    X(element_definition, "elementDefinition", 0, 0)                                               \
    X(slice, "slice", 2, 2)                                                                        \
    X(subsumes, "subsumes", 1, 1)                                                                  \
    X(subsumed_by, "subsumedBy", 1, 1)

enum class Function : FunctionId {
#define GH_PATH_ENUMERATOR(id, name, least, most) id,
    GH_PATH_FUNCTIONS(GH_PATH_ENUMERATOR)
#undef GH_PATH_ENUMERATOR
};

// A function's body: emits its result into `sink`; false stops everything (a full sink or a
// failure).
namespace functions {
#define GH_PATH_DECLARATION(id, name, least, most)                                                 \
    bool id(Evaluator& run, const Node& node, const Frame& frame, Sink sink);
GH_PATH_FUNCTIONS(GH_PATH_DECLARATION)
#undef GH_PATH_DECLARATION
}  // namespace functions

struct FunctionRow {
    std::string_view name;
    std::uint8_t least;
    std::uint8_t most;
    bool (*body)(Evaluator& run, const Node& node, const Frame& frame, Sink sink);
};

const FunctionRow& function_row(FunctionId id);
std::optional<FunctionId> find_function(std::string_view name);

inline Function function_of(const Node& node) {
    return static_cast<Function>(node.function);
}

}  // namespace gatehouse::fhir::path
