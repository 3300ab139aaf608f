// SPDX-License-Identifier: Apache-2.0
//
// Clauses as SQL: a set of rids where one finds candidates, a condition on a rid where it tests
// one. What a chain or _has leads to is a set where a probe of an index yields it (an identifier),
// and a test of what the candidate leads to otherwise, so that "patient=... and encounter.status=
// finished" never lists every finished encounter.

#include <algorithm>

#include "gateway/store/search_compiler.hpp"

namespace gatehouse::gateway {

using fhir::EntryKind;
using fhir::SearchType;
using search_detail::clause_name;
using search_detail::Columns;
using search_detail::Comparison;
using search_detail::comparison_of;
using search_detail::excludes;
using search_detail::follows;
using search_detail::table_of;
using Field = SearchClause::Field;

namespace {

// A set that costs no more than this is worked out once rather than probed for every candidate.
constexpr int cost_of_a_probe = 15;

std::string joined_names(const std::vector<SearchClause>& clauses, std::string_view between) {
    std::string out;
    for (const SearchClause& clause : clauses) {
        out.append(out.empty() ? "" : between).append(clause_name(clause));
    }
    return out;
}

// Under which key the rows of a clause stand, beside the parameter's own.
EntryKind kind_of(const SearchClause& clause) {
    switch (clause.modifier) {
    case SearchModifier::text: return EntryKind::text;
    case SearchModifier::of_type: return EntryKind::of_type;
    case SearchModifier::listed: return EntryKind::member;
    case SearchModifier::none:
        return clause.parameter->type == SearchType::quantity && !clause.any_of.empty() &&
                       !clause.any_of.front().base_unit.empty()
                   ? EntryKind::base
                   : EntryKind::value;
    default: return EntryKind::value;
    }
}

// Tables of a parameter whose rows mean that it is not :missing.
std::vector<IndexTable> tables_of(const SearchClause& clause) {
    if (table_of(clause) == IndexTable::reference) {
        return {IndexTable::reference, IndexTable::token};  // a reference by identifier alone
    }
    return {table_of(clause)};
}

// _lastUpdated as one range of the index.
bool is_range(const SearchClause& clause) {
    return clause.field == Field::last_updated && clause.modifier != SearchModifier::missing &&
           clause.any_of.size() == 1 && clause.any_of.front().prefix != SearchPrefix::ne;
}

// True if only live resources of the types that it is about can satisfy it.
bool implies_type(const SearchClause& clause) {
    switch (clause.field) {
    case Field::parameter: return !excludes(clause);
    case Field::linked: return true;
    case Field::all: return std::ranges::any_of(clause.members, implies_type);
    case Field::any: return std::ranges::all_of(clause.members, implies_type);
    default: return false;
    }
}

}  // namespace

namespace search_detail {

std::string clause_name(const SearchClause& clause) {
    switch (clause.field) {
    case Field::id: return "_id";
    case Field::last_updated: return "_lastUpdated";
    case Field::has:
        return "_has:" + clause.target_types.front() + ":" + clause.parameter->code + ":" +
               joined_names(clause.chained, "+");
    case Field::linked: return "compartment";
    case Field::all: return "(" + joined_names(clause.members, " and ") + ")";
    case Field::any: return "(" + joined_names(clause.members, " or ") + ")";
    case Field::none: return "not (" + joined_names(clause.members, " or ") + ")";
    case Field::parameter: break;
    }
    std::string name = clause.parameter->code;
    if (!clause.links.empty()) {
        name += " of " + clause.links.front().code;
    }
    if (!clause.chained.empty()) {
        name += "." + joined_names(clause.chained, "+");
    }
    return name;
}

bool excludes(const SearchClause& clause) {
    return clause.modifier == SearchModifier::not_ ||
           clause.modifier == SearchModifier::not_in_set ||
           (clause.modifier == SearchModifier::missing && !clause.any_of.empty() &&
            clause.any_of.front().truth);
}

bool follows(const SearchClause& clause) {
    return !clause.chained.empty() || clause.modifier == SearchModifier::identifier;
}

IndexTable table_of(const SearchClause& clause) {
    if (clause.modifier == SearchModifier::text) {
        return IndexTable::string;
    }
    IndexTable table{};
    GH_ASSERT(index_table(*clause.parameter, table));
    return table;
}

Comparison comparison_of(const SearchClause& clause) {
    return {clause.parameter->type, clause.modifier, &clause.parameter->targets};
}

}  // namespace search_detail

std::optional<int> SearchCompiler::cost(const SearchClause& clause) {
    switch (clause.field) {
    case Field::id:
        return clause.modifier == SearchModifier::missing ? std::nullopt : std::optional<int>(0);
    case Field::last_updated:
        return clause.modifier == SearchModifier::missing ? std::nullopt : std::optional<int>(60);
    case Field::linked: return 11;
    case Field::none: return std::nullopt;
    case Field::any: {
        int most = 0;
        for (const SearchClause& member : clause.members) {
            const std::optional<int> own = cost(member);
            if (!own) {
                return std::nullopt;
            }
            most = std::max(most, *own);
        }
        return most + 1;
    }
    case Field::all:
    case Field::has: {
        std::optional<int> least;
        for (const SearchClause& member :
             clause.field == Field::has ? clause.chained : clause.members) {
            const std::optional<int> own = cost(member);
            least = own && (!least || *own < *least) ? own : least;
        }
        return clause.field == Field::has ? std::max(least.value_or(100), 12) + 1 : least;
    }
    case Field::parameter: break;
    }
    if (excludes(clause)) {
        return std::nullopt;
    }
    if (clause.modifier == SearchModifier::missing || clause.modifier == SearchModifier::unequal) {
        return 90;
    }
    if (!clause.chained.empty()) {
        // As dear as what it leads to, whose set is made first.
        std::optional<int> least;
        for (const SearchClause& inner : clause.chained) {
            const std::optional<int> own = cost(inner);
            least = own && (!least || *own < *least) ? own : least;
        }
        return std::max(least.value_or(100), 12);
    }
    // Names of people and of systems outside are nearly unique; codes and states are not.
    const bool identifier = clause.parameter->code == "identifier";
    const bool has_system = std::ranges::all_of(clause.any_of, [](const SearchValue& value) {
        return value.has_system && !value.value.empty();
    });
    const bool has_code = std::ranges::all_of(clause.any_of, [](const SearchValue& value) {
        return !value.value.empty();
    });
    switch (clause.parameter->type) {
    case SearchType::reference:
        return clause.modifier == SearchModifier::identifier ? 12
               : clause.modifier == SearchModifier::none || clause.modifier == SearchModifier::type
                   ? 10
                   : 14;
    case SearchType::token:
        if (clause.modifier == SearchModifier::in_set || clause.modifier == SearchModifier::text) {
            return 45;
        }
        if (!has_code) {
            return 70;
        }
        return identifier ? (has_system ? 2 : 4) : (has_system ? 30 : 40);
    case SearchType::uri: return clause.modifier == SearchModifier::none ? 20 : 75;
    case SearchType::string:
        return clause.modifier == SearchModifier::exact || clause.modifier == SearchModifier::equals
                   ? 15
               : clause.modifier == SearchModifier::none ? 25
                                                         : 80;
    case SearchType::composite: return 28;
    case SearchType::date: return 50;
    default: return 55;
    }
}

const SearchClause* SearchCompiler::beginning(const SearchClause& clause) {
    if (is_range(clause)) {
        return &clause;
    }
    const bool leads =
        clause.field == Field::has || (clause.field == Field::parameter && !clause.chained.empty());
    if (!leads || cost(clause).value_or(0) <= cost_of_a_probe) {
        return nullptr;
    }
    const SearchClause* best = nullptr;
    for (const SearchClause& inner : clause.chained) {
        const std::optional<int> own = cost(inner);
        best = own && (best == nullptr || *own < *cost(*best)) ? &inner : best;
    }
    // Longer ways begin with a set of their own; what is no plain value is not counted either.
    const bool plain = best != nullptr && best->field == Field::parameter && !follows(*best) &&
                       best->modifier == SearchModifier::none && best->links.empty() &&
                       best->types.empty() && best->parameter->type != SearchType::composite;
    return plain ? best : nullptr;
}

// Live resources of these types.
void SearchCompiler::write_types(SqlText& out, const Types& types, std::string_view alias) {
    out << alias << ".type";
    out.is_name(types) << " AND " << alias << ".live = 1";
}

void SearchCompiler::write_is(SqlText& out, const Types& types, const std::string& rid) {
    keys_.emplace_back(contained_unit);
    const std::string alias = next_alias();
    out << "(EXISTS (SELECT 1 FROM resource " << alias << " WHERE " << alias << ".rid = " << rid
        << " AND ";
    write_types(out, types, alias);
    const std::string inner = next_alias();
    out << ") OR EXISTS (SELECT 1 FROM contained " << inner << " WHERE " << inner
        << ".rid = " << rid << " AND " << inner << ".type";
    out.is_name(types) << "))";
}

void SearchCompiler::write_all(SqlText& out, const Types& types) {
    keys_.emplace_back(contained_unit);
    const std::string alias = next_alias();
    out << "SELECT " << alias << ".rid AS rid FROM resource " << alias << " WHERE ";
    write_types(out, types, alias);
    const std::string inner = next_alias();
    out << " UNION ALL SELECT " << inner << ".rid FROM contained " << inner << " WHERE " << inner
        << ".type";
    out.is_name(types);
}

void SearchCompiler::write_held(SqlText& out, const std::string& rid) {
    if (query_.holder_types.empty()) {
        return;
    }
    const std::string alias = next_alias();
    out << " AND EXISTS (SELECT 1 FROM resource " << alias << " WHERE " << alias
        << ".rid = " << holder_sql(rid) << " AND (" << rid << " > 0 OR " << alias << ".type";
    out.is_name(query_.holder_types) << "))";
}

// A test is a probe of the rows of one resource. Where a table's value index has more columns to
// offer than the resource's own rows, SQLite would rather look through that index: the plus takes
// those columns from it.
Columns SearchCompiler::columns_of(IndexTable table, std::string_view alias, Use use) const {
    Columns columns(table, alias);
    if (use == Use::test && dialect_ == Dialect::sqlite &&
        (table == IndexTable::composite || table == IndexTable::quantity)) {
        columns.text.insert(0, "+");
        columns.word.insert(0, "+");
    }
    return columns;
}

void SearchCompiler::write_param(
    SqlText& out,
    std::string_view alias,
    const Types& types,
    const SearchClause& clause,
    std::string_view suffix
) {
    std::vector<std::string> keys;
    if (!clause.links.empty()) {
        for (const SearchLink& link : clause.links) {
            keys.push_back(link.type + "." + link.code);
        }
    } else {
        for (const std::string& type : types) {
            const auto& shared = clause.parameter->kept_as;
            const auto kept = std::ranges::find(shared, type, &fhir::SearchParameter::Kept::type);
            if (kept == shared.end()) {
                keys.push_back(parameter_key(type, clause.parameter->code, EntryKind::value));
                continue;
            }
            for (const std::string& code : kept->codes) {
                keys.push_back(parameter_key(type, code, EntryKind::value));
            }
        }
    }
    for (std::string& key : keys) {
        key += suffix;
    }
    keys_.insert(keys_.end(), keys.begin(), keys.end());
    out << alias << ".param";
    out.is_name(keys);
}

Result<void> SearchCompiler::write_rows(
    SqlText& out, std::string_view alias, const Types& types, const SearchClause& clause, Use use
) {
    if (clause.parameter->type == SearchType::composite) {
        return write_items(out, alias, clause, use);
    }
    write_param(out, alias, types, clause, key_suffix(kind_of(clause)));
    if (clause.modifier == SearchModifier::missing) {
        return {};
    }
    out << " AND ";
    const Columns columns = columns_of(table_of(clause), alias, use);
    if (!clause.sets.empty() || clause.modifier == SearchModifier::in_set ||
        clause.modifier == SearchModifier::not_in_set) {
        search_detail::write_sets(out, columns, clause.sets);
        return {};
    }
    if (!clause.hierarchy.empty() || (clause.parameter->type == SearchType::reference &&
                                      clause.modifier == SearchModifier::below)) {
        write_hierarchy(out, columns, clause);
        return {};
    }
    if (!follows(clause)) {
        return search_detail::write_values(out, columns, comparison_of(clause), clause.any_of);
    }
    keys_.emplace_back(contained_unit);
    out << columns.word << " IN (";
    GH_TRY(write_targets(out, clause));
    out << ")";
    return {};
}

// FHIR R4 §3.1.1.4.9. A hierarchy is walked from the value by the index, each resource once, so
// that a circle ends. A canonical with (part of) a version is a range of texts.
void SearchCompiler::write_hierarchy(
    SqlText& out, const Columns& columns, const SearchClause& clause
) {
    out << columns.word << " IN (";
    if (clause.hierarchy.empty()) {
        for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
            const std::string& url = clause.any_of[i].value;
            out << (i == 0 ? "" : " UNION ")
                << "SELECT n.rid FROM resource n WHERE n.type = 0 AND (n.id = ";
            out.bind(index_key(url));
            if (url.find('|') != std::string::npos) {
                out << " OR (n.id >= ";
                out.bind(url + ".") << " AND n.id < ";
                out.bind(url + "/") << ")";
            }
            out << ")";
        }
        out << ")";
        return;
    }
    std::vector<std::string> keys;
    std::vector<std::string> all;
    for (const SearchLink& link : clause.hierarchy) {
        keys.push_back(parameter_key(link.type, link.code, EntryKind::value));
        all.push_back(link.type);
    }
    keys_.insert(keys_.end(), keys.begin(), keys.end());
    keys_.emplace_back(contained_unit);
    const std::string name = next_alias('h');
    out << "WITH RECURSIVE " << name << "(rid) AS (SELECT n.rid FROM resource n WHERE ";
    for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
        const SearchValue& value = clause.any_of[i];
        out << (i == 0 ? "(n.type" : " OR (n.type");
        out.is_name(value.type.empty() ? all : std::vector<std::string>{value.type})
            << " AND n.id = ";
        out.bind(index_key(value.value)) << ")";
    }
    const bool up = clause.modifier == SearchModifier::above;
    out << " UNION SELECT y." << (up ? "target" : "rid") << " FROM " << name
        << (dialect_ == Dialect::sqlite ? " CROSS JOIN" : " JOIN") << " ix_reference y ON y."
        << (up ? "rid" : "target") << " = " << name << ".rid WHERE y.param";
    out.is_name(keys) << ") SELECT rid FROM " << name << ")";
}

// The rows of a composite's elements: those of the first component whose element has rows of every
// other one.
Result<void> SearchCompiler::write_items(
    SqlText& out, std::string_view alias, const SearchClause& clause, Use use
) {
    const auto& components = clause.parameter->components;
    if (clause.modifier == SearchModifier::missing) {
        write_param(out, alias, {}, clause, "$1");
        return {};
    }
    out << "(";
    for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
        out << (i == 0 ? "(" : " OR (");
        std::string at(alias);
        std::size_t open = 0;
        for (std::size_t c = 0; c < components.size(); ++c) {
            if (c > 0) {
                const std::string next = next_alias();
                out << " AND EXISTS (SELECT 1 FROM ix_composite " << next << " WHERE " << next
                    << ".rid = " << at << ".rid AND ";
                out << next << ".item = " << at << ".item AND ";
                at = next;
                ++open;
            }
            const SearchValue& value = clause.any_of[i].components[c];
            std::string suffix = "$" + std::to_string(c + 1);
            if (!value.base_unit.empty()) {
                suffix += key_suffix(EntryKind::base);
            }
            write_param(out, at, {}, clause, suffix);
            out << " AND ";
            const Comparison how{components[c].type, SearchModifier::none, &components[c].targets};
            GH_TRY(search_detail::write_value(
                out, columns_of(IndexTable::composite, at, c == 0 ? use : Use::test), how, value
            ));
        }
        out << std::string(open, ')') << ")";
    }
    out << ")";
    return {};
}

void SearchCompiler::write_linked(
    SqlText& out, std::string_view alias, const SearchClause& clause
) {
    write_param(out, alias, {}, clause, "");
    out << " AND (";
    const Comparison how{SearchType::reference, SearchModifier::none, nullptr};
    const Columns columns(IndexTable::reference, alias);
    const Result<void> written = search_detail::write_values(out, columns, how, clause.any_of);
    GH_ASSERT(written);  // a reference can always be written
    out << ")";
}

// What a chained clause points at: the rids of resources for which its own clauses hold.
Result<void> SearchCompiler::write_targets(SqlText& out, const SearchClause& clause) {
    const Types& types =
        clause.target_types.empty() ? clause.parameter->targets : clause.target_types;
    if (!clause.chained.empty()) {
        return write_sets(out, types, clause.chained);
    }
    // :identifier: every type calls it "identifier", whatever its definition.
    static const fhir::SearchParameter identifier = [] {
        fhir::SearchParameter parameter;
        parameter.code = "identifier";
        parameter.type = SearchType::token;
        return parameter;
    }();
    SearchClause held;
    held.parameter = &identifier;
    held.any_of = clause.any_of;
    return write_set(out, types, held);
}

Result<void> SearchCompiler::write_sets(
    SqlText& out, const Types& types, const std::vector<SearchClause>& clauses
) {
    // The best clause makes the set, the others test its members.
    const auto rank = [](const SearchClause& clause) { return cost(clause).value_or(1000); };
    const auto best = std::ranges::min_element(clauses, {}, rank);
    const bool found = cost(*best).has_value();
    if (clauses.size() == 1 && found) {
        return write_set(out, types, *best);
    }
    const std::string alias = next_alias('s');
    out << "SELECT " << alias << ".rid FROM ";
    if (found) {
        out << "(";
        GH_TRY(write_set(out, types, *best));
        out << ") " << alias << " WHERE ";
    } else {
        out << "(";
        write_all(out, types);
        out << ") " << alias << " WHERE ";
    }
    std::vector<SearchClause> others;
    for (const SearchClause& clause : clauses) {
        if (&clause != &*best || !found) {
            others.push_back(clause);
        }
    }
    return write_tests(out, types, others, alias + ".rid", " AND ");
}

Result<void>
SearchCompiler::write_set(SqlText& out, const Types& types, const SearchClause& clause) {
    const Types& about = clause.types.empty() ? types : clause.types;
    switch (clause.field) {
    case Field::parameter: return write_parameter_set(out, about, clause);
    case Field::id:
    case Field::last_updated: {
        const std::string alias = next_alias();
        out << "SELECT " << alias << ".rid AS rid FROM resource " << alias << " WHERE ";
        write_types(out, about, alias);
        out << " AND ";
        return write_field(out, alias, clause, Use::find);
    }
    case Field::has: {
        GH_TRY_ASSIGN(const std::string alias, write_referred(out, clause));
        out << " AND ";
        write_is(out, about, alias + ".target");
        return {};
    }
    case Field::linked: {
        const std::string alias = next_alias();
        out << "SELECT " << alias << ".rid AS rid FROM ix_reference " << alias << " WHERE ";
        write_linked(out, alias, clause);
        return {};
    }
    case Field::all: return write_sets(out, about, clause.members);
    case Field::any:
        for (std::size_t i = 0; i < clause.members.size(); ++i) {
            out << (i == 0 ? "SELECT rid FROM (" : " UNION SELECT rid FROM (");
            GH_TRY(write_set(out, about, clause.members[i]));
            out << ")";
            if (dialect_ == Dialect::postgresql) {
                out << " " << next_alias();
            }
        }
        return {};
    case Field::none: break;
    }
    return write_sets(out, about, {clause});
}

Result<void>
SearchCompiler::write_parameter_set(SqlText& out, const Types& types, const SearchClause& clause) {
    const std::string alias = next_alias();
    out << "SELECT " << alias << ".rid AS rid FROM " << table_name(table_of(clause)) << " " << alias
        << " WHERE ";
    GH_TRY(write_rows(out, alias, types, clause, Use::find));
    const bool by_identifier =
        clause.modifier == SearchModifier::identifier && clause.chained.empty();
    if (!by_identifier &&
        (clause.modifier != SearchModifier::missing || table_of(clause) != IndexTable::reference)) {
        return {};
    }
    // References that carry an identifier, with or without a literal one.
    const std::string own = next_alias();
    out << " UNION SELECT " << own << ".rid FROM ix_token " << own << " WHERE ";
    write_param(out, own, types, clause, "");
    if (by_identifier) {
        out << " AND ";
        const Comparison how{SearchType::token, SearchModifier::none, nullptr};
        return search_detail::write_values(
            out, Columns(IndexTable::token, own), how, clause.any_of
        );
    }
    return {};
}

Result<void> SearchCompiler::write_missing(
    SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
) {
    out << "(";
    bool first = true;
    if (table_of(clause) == IndexTable::reference) {
        keys_.emplace_back(contained_unit);  // a reference to what the record contains
    }
    for (const IndexTable table : tables_of(clause)) {
        const std::string alias = next_alias();
        out << (first ? "" : " OR ") << "EXISTS (SELECT 1 FROM " << table_name(table) << " "
            << alias << " WHERE " << alias << ".rid = " << rid << " AND ";
        if (clause.parameter->type == SearchType::composite) {
            GH_TRY(write_items(out, alias, clause, Use::test));
        } else {
            write_param(out, alias, types, clause, "");
        }
        out << ")";
        first = false;
    }
    out << ")";
    return {};
}

Result<void> SearchCompiler::write_exists(
    SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
) {
    if (clause.modifier == SearchModifier::missing) {
        return write_missing(out, types, clause, rid);
    }
    if (follows(clause) && (clause.chained.empty() || *cost(clause) <= cost_of_a_probe)) {
        out << rid << " IN (";
        GH_TRY(write_set(out, types, clause));
        out << ")";
        return {};
    }
    const std::string alias = next_alias();
    out << "EXISTS (SELECT 1 FROM " << table_name(table_of(clause)) << " " << alias << " WHERE "
        << alias << ".rid = " << rid << " AND ";
    if (clause.chained.empty()) {
        GH_TRY(write_rows(out, alias, types, clause, Use::test));
        out << ")";
        return {};
    }
    keys_.emplace_back(contained_unit);
    write_param(out, alias, types, clause, "");
    out << " AND ";
    const Types& targets =
        clause.target_types.empty() ? clause.parameter->targets : clause.target_types;
    if (std::ranges::none_of(clause.chained, implies_type)) {
        write_is(out, targets, alias + ".target");
        out << " AND ";
    }
    GH_TRY(write_tests(out, targets, clause.chained, alias + ".target", " AND "));
    out << ")";
    return {};
}

// What a _has leads to. The order is said: from the set to its references, never through all
// references to look for those of the set.
Result<std::string> SearchCompiler::write_referred(SqlText& out, const SearchClause& clause) {
    const std::string set = next_alias('s');
    const std::string alias = next_alias();
    out << "SELECT " << alias << ".target AS rid FROM (";
    GH_TRY(write_sets(out, clause.target_types, clause.chained));
    out << ") " << set << (dialect_ == Dialect::sqlite ? " CROSS JOIN" : " JOIN")
        << " ix_reference " << alias << " ON " << alias << ".rid = " << set << ".rid WHERE ";
    write_param(out, alias, clause.target_types, clause, key_suffix(kind_of(clause)));
    write_held(out, alias + ".rid");
    return alias;
}

Result<void>
SearchCompiler::write_has(SqlText& out, const SearchClause& clause, const std::string& rid) {
    keys_.emplace_back(contained_unit);
    if (*cost(clause) <= cost_of_a_probe) {
        out << rid << " IN (";
        GH_TRY(write_referred(out, clause));
        out << ")";
        return {};
    }
    const std::string alias = next_alias();
    out << "EXISTS (SELECT 1 FROM ix_reference " << alias << " WHERE ";
    write_param(out, alias, clause.target_types, clause, key_suffix(kind_of(clause)));
    out << " AND " << alias << ".target = " << rid;
    write_held(out, alias + ".rid");
    out << " AND ";
    GH_TRY(write_tests(out, clause.target_types, clause.chained, alias + ".rid", " AND "));
    out << ")";
    return {};
}

Result<void> SearchCompiler::write_tests(
    SqlText& out,
    const Types& types,
    const std::vector<SearchClause>& clauses,
    const std::string& rid,
    std::string_view between
) {
    for (std::size_t i = 0; i < clauses.size(); ++i) {
        out << (i == 0 ? "" : between);
        GH_TRY(write_test(out, types, clauses[i], rid));
    }
    return {};
}

Result<void> SearchCompiler::write_test(
    SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
) {
    if (!clause.types.empty() && !implies_type(clause)) {
        out << "(";
        write_is(out, clause.types, rid);
        out << " AND ";
        SearchClause rest = clause;
        rest.types.clear();
        GH_TRY(write_test(out, clause.types, rest, rid));
        out << ")";
        return {};
    }
    const Types& about = clause.types.empty() ? types : clause.types;
    switch (clause.field) {
    case Field::id:
    case Field::last_updated: {
        if (joined_ && (rid == "r.rid" || rid == "b.rid")) {
            return write_field(out, "r", clause, by_time_ ? Use::find : Use::test);
        }
        const std::string alias = next_alias();
        out << "EXISTS (SELECT 1 FROM resource " << alias << " WHERE " << alias << ".rid = " << rid
            << " AND ";
        GH_TRY(write_field(out, alias, clause, Use::test));
        out << ")";
        return {};
    }
    case Field::has: return write_has(out, clause, rid);
    case Field::linked: {
        const std::string alias = next_alias();
        out << "EXISTS (SELECT 1 FROM ix_reference " << alias << " WHERE " << alias
            << ".rid = " << rid << " AND ";
        write_linked(out, alias, clause);
        out << ")";
        return {};
    }
    case Field::all:
    case Field::any:
    case Field::none: {
        out << (clause.field == Field::none ? "NOT (" : "(");
        GH_TRY(write_tests(
            out, about, clause.members, rid, clause.field == Field::all ? " AND " : " OR "
        ));
        out << ")";
        return {};
    }
    case Field::parameter: break;
    }
    if (excludes(clause)) {
        out << "NOT ";
    }
    return write_exists(out, about, clause, rid);
}

// _id and _lastUpdated: conditions on an alias of resource. Where they only test, the plus leaves
// SQLite's walk through the resources in order.
Result<void> SearchCompiler::write_field(
    SqlText& out, std::string_view alias, const SearchClause& clause, Use use
) {
    if (clause.modifier == SearchModifier::missing) {
        out << (clause.any_of.front().truth ? "1 = 0" : "1 = 1");  // no resource is without
        return {};
    }
    const std::string prefix = std::string(alias) + ".";
    out << "(";
    if (clause.field == Field::id) {
        std::vector<std::string> ids;
        for (const SearchValue& value : clause.any_of) {
            ids.push_back(value.value);
        }
        out << prefix << "id IN (";
        out.bind_all(ids) << "))";
        return {};
    }
    const bool kept = dialect_ == Dialect::sqlite && (use == Use::test || !is_range(clause));
    const bool rising = kept || (way_ == Way::rising && alias == "r");
    const bool falling = kept || (way_ == Way::falling && alias == "r");
    const std::string column = prefix + "last_updated";
    for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
        out << (i == 0 ? "(" : " OR (");
        search_detail::write_instant(
            out, (rising ? "+" : "") + column, (falling ? "+" : "") + column, clause.any_of[i]
        );
        out << ")";
    }
    out << ")";
    return {};
}

}  // namespace gatehouse::gateway
