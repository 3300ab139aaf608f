// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/table/table_provider.hpp"

#include <algorithm>

#include "fhir/terminology/filters.hpp"

namespace gatehouse::fhir::table {
namespace {

constexpr std::string_view dmd_value_sets = "https://dmd.nhs.uk/ValueSet/";
constexpr std::string_view loinc_value_sets = "http://loinc.org/vs/";

bool all_below(std::span<const std::uint32_t> items, std::size_t limit) {
    return std::all_of(items.begin(), items.end(), [limit](std::uint32_t item) {
        return item < limit;
    });
}

std::vector<std::string_view> words_of(std::string_view list) {
    std::vector<std::string_view> out;
    while (!list.empty()) {
        const std::size_t space = list.find(' ');
        if (space != 0) {
            out.push_back(list.substr(0, space));
        }
        list = space == std::string_view::npos ? std::string_view{} : list.substr(space + 1);
    }
    return out;
}

}  // namespace

Result<std::vector<std::shared_ptr<const TableProvider>>>
TableProvider::open(const std::shared_ptr<const content::IndexFile>& file) {
    if (file->kind() != content::IndexKind::table) {
        return file->corrupt("is no code table");
    }
    TableProvider table;
    table.file_ = file;
    GH_TRY(table.load());
    GH_TRY(table.check());
    std::vector<std::shared_ptr<const TableProvider>> out;
    for (const std::string_view system : words_of(content::info_value(table.info_, "systems"))) {
        table.system_ = system;
        out.push_back(std::make_shared<const TableProvider>(table));
    }
    if (out.empty()) {
        return file->corrupt("does not say which code system it is");
    }
    return out;
}

Result<void> TableProvider::load() {
    const auto rows = [this]<class Row>(std::span<const Row>& out, TableSection id) {
        auto found = file_->rows<Row>(static_cast<std::uint32_t>(id));
        if (!found) {
            return Result<void>(std::move(found.error()));
        }
        out = *found;
        return Result<void>{};
    };
    GH_TRY_ASSIGN(info_, file_->text(static_cast<std::uint32_t>(TableSection::info)));
    GH_TRY_ASSIGN(texts_, file_->text(static_cast<std::uint32_t>(TableSection::texts)));
    GH_TRY(rows(concepts_, TableSection::concepts));
    GH_TRY(rows(text_starts_, TableSection::text_starts));
    GH_TRY(rows(parent_starts_, TableSection::parent_starts));
    GH_TRY(rows(parents_, TableSection::parents));
    GH_TRY(rows(child_starts_, TableSection::child_starts));
    GH_TRY(rows(children_, TableSection::children));
    GH_TRY(rows(properties_, TableSection::properties));
    GH_TRY(rows(value_starts_, TableSection::value_starts));
    GH_TRY(rows(values_, TableSection::values));
    GH_TRY(rows(name_starts_, TableSection::name_starts));
    GH_TRY(rows(names_, TableSection::names));
    kind_ = content::info_value(info_, "kind");
    version_ = content::info_value(info_, "version");
    title_ = content::info_value(info_, "title");
    language_ = content::info_value(info_, "language");
    case_sensitive_ = content::info_value(info_, "case_sensitive") != "false";
    complete_ = content::info_value(info_, "complete") != "false";
    open_prefixes_ = words_of(content::info_value(info_, "open_prefixes"));
    return {};
}

Result<void> TableProvider::check() const {
    const std::size_t n = concepts_.size();
    if (n >= UINT32_MAX || text_starts_.empty() || text_starts_.front() != 0 ||
        text_starts_.back() != texts_.size() ||
        !std::is_sorted(text_starts_.begin(), text_starts_.end())) {
        return file_->corrupt("its texts do not add up");
    }
    const std::size_t texts = text_starts_.size() - 1;
    const auto is_text = [texts](std::uint32_t number) {
        return number == no_text || number < texts;
    };
    for (std::size_t i = 0; i < n; ++i) {
        const ConceptRow& row = concepts_[i];
        if (row.code >= texts || !is_text(row.display) || !is_text(row.definition)) {
            return file_->corrupt("a concept points at a text that is not there");
        }
        if (i > 0 && text(concepts_[i - 1].code) >= text(row.code)) {
            return file_->corrupt("its codes are out of order");
        }
    }
    GH_TRY(file_->check_starts(parent_starts_, concepts_.size(), parents_.size(), "parents"));
    GH_TRY(file_->check_starts(child_starts_, concepts_.size(), children_.size(), "children"));
    GH_TRY(file_->check_starts(value_starts_, concepts_.size(), values_.size(), "properties"));
    GH_TRY(file_->check_starts(name_starts_, concepts_.size(), names_.size(), "names"));
    if (!all_below(parents_, n) || !all_below(children_, n) ||
        children_.size() != parents_.size()) {
        return file_->corrupt("a parent or child is no concept of it");
    }
    for (std::uint32_t i = 0; i < n; ++i) {
        for (const std::uint32_t parent : slice(parents_, parent_starts_, i)) {
            if (concepts_[parent].depth >= concepts_[i].depth) {
                return file_->corrupt("a concept is not deeper than its parent");
            }
        }
        for (const std::uint32_t child : slice(children_, child_starts_, i)) {
            if (concepts_[i].depth >= concepts_[child].depth) {
                return file_->corrupt("a concept is not deeper than its parent");
            }
        }
    }
    for (const PropertyRow& row : properties_) {
        if (row.name >= texts || row.type > static_cast<std::uint32_t>(PropertyType::decimal)) {
            return file_->corrupt("a property has no name or no type");
        }
    }
    for (const ValueRow& row : values_) {
        if (row.property >= properties_.size() || row.value >= texts || !is_text(row.description)) {
            return file_->corrupt("a property's value points at nothing");
        }
    }
    for (const NameRow& row : names_) {
        if (row.value >= texts || !is_text(row.language) || !is_text(row.use)) {
            return file_->corrupt("a name points at a text that is not there");
        }
    }
    return {};
}

bool TableProvider::answers_version(std::string_view asked) const noexcept {
    return asked.empty() || asked == version_ ||
           (version_.size() > asked.size() && version_.starts_with(asked) &&
            version_[asked.size()] == '.');
}

std::optional<ConceptNumber> TableProvider::find(std::string_view code) const noexcept {
    const auto exactly = [this](std::string_view wanted) -> std::optional<ConceptNumber> {
        const auto at = std::lower_bound(
            concepts_.begin(),
            concepts_.end(),
            wanted,
            [this](const ConceptRow& row, std::string_view one) { return text(row.code) < one; }
        );
        if (at == concepts_.end() || text(at->code) != wanted) {
            return std::nullopt;
        }
        return static_cast<ConceptNumber>(at - concepts_.begin());
    };
    if (const auto found = exactly(code); found || case_sensitive_) {
        return found;
    }
    char upper[64];
    if (code.size() > sizeof upper) {
        return std::nullopt;
    }
    std::transform(code.begin(), code.end(), upper, [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return exactly({upper, code.size()});
}

Verdict TableProvider::knows(std::string_view code) const noexcept {
    if (find(code)) {
        return Verdict::yes;
    }
    const bool open =
        std::any_of(open_prefixes_.begin(), open_prefixes_.end(), [&](std::string_view prefix) {
            return code.starts_with(prefix);
        });
    return complete_ && !open ? Verdict::no : Verdict::not_checkable;
}

std::string_view TableProvider::display(ConceptNumber number, std::string_view) const {
    return text(concepts_[number].display);
}

void TableProvider::designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const {
    if (const std::string_view own = text(concepts_[number].display); !own.empty()) {
        ConceptDesignation shown;
        shown.language = language_;
        shown.value = own;
        shown.preferred = true;
        out.push_back(shown);
    }
    for (const NameRow& row : slice(names_, name_starts_, number)) {
        ConceptDesignation one;
        one.language = row.language == no_text ? language_ : text(row.language);
        one.use_code = text(row.use);
        one.use_system = one.use_code.empty() ? std::string_view{} : system_;
        one.value = text(row.value);
        out.push_back(one);
    }
}

void TableProvider::properties(ConceptNumber number, std::vector<ConceptProperty>& out) const {
    for (const ValueRow& row : slice(values_, value_starts_, number)) {
        const PropertyRow& property = properties_[row.property];
        ConceptProperty one;
        one.code = text(property.name);
        one.type = static_cast<PropertyType>(property.type);
        one.value = text(row.value);
        one.description = text(row.description);
        if (one.type == PropertyType::code && one.description.empty()) {
            if (const auto other = find(one.value)) {
                one.description = display(*other, {});
            }
        }
        out.push_back(std::move(one));
    }
    out.push_back({"inactive", PropertyType::boolean, inactive(number) ? "true" : "false", {}, {}});
    const auto related = [&](const char* name, std::span<const std::uint32_t> others) {
        for (const std::uint32_t other : others) {
            out.push_back(
                {name, PropertyType::code, code(other), std::string(display(other, {})), {}}
            );
        }
    };
    related("parent", slice(parents_, parent_starts_, number));
    related("child", slice(children_, child_starts_, number));
}

// Upwards, since a concept has few ancestors; never above the depth of what is looked for.
bool TableProvider::is_a(ConceptNumber below, ConceptNumber above) const noexcept {
    if (below == above) {
        return true;
    }
    const std::uint16_t depth = concepts_[above].depth;
    if (concepts_[below].depth <= depth) {
        return false;
    }
    std::vector<ConceptNumber> seen{below};
    for (std::size_t at = 0; at < seen.size(); ++at) {
        for (const std::uint32_t parent : slice(parents_, parent_starts_, seen[at])) {
            if (parent == above) {
                return true;
            }
            // Ancestors are few (below 100 in LOINC's widest part), so a list is searched fastest.
            if (concepts_[parent].depth > depth &&
                std::find(seen.begin(), seen.end(), parent) == seen.end()) {
                seen.push_back(parent);
            }
        }
    }
    return false;
}

void TableProvider::parents(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    const auto found = slice(parents_, parent_starts_, number);
    out.insert(out.end(), found.begin(), found.end());
}

void TableProvider::children(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    const auto found = slice(children_, child_starts_, number);
    out.insert(out.end(), found.begin(), found.end());
}

ConceptSet TableProvider::active() const {
    ConceptSet out = everything();
    for (ConceptNumber i = 0; i < concept_count(); ++i) {
        if (inactive(i)) {
            out.remove(i);
        }
    }
    return out;
}

std::uint32_t TableProvider::property_number(std::string_view name) const noexcept {
    for (std::uint32_t i = 0; i < properties_.size(); ++i) {
        if (text(properties_[i].name) == name) {
            return i;
        }
    }
    return no_text;
}

Result<ConceptSet> TableProvider::filter(const ConceptFilter& filter, ConceptBudget& budget) const {
    // LOINC names a hierarchy's questions and its answer lists by properties of their own.
    if (kind_ == "loinc" && filter.op == "=") {
        if (filter.property == "ancestor") {
            return this->filter({"concept", "descendent-of", filter.value}, budget);
        }
        if (filter.property == "LIST") {
            return this->filter({"answer-list", "=", filter.value}, budget);
        }
    }
    const std::uint32_t property = property_number(filter.property);
    const FilterSource source{
        *this,
        [&](std::string_view name) { return property_number(name) != no_text; },
        [&](ConceptNumber number, std::string_view name, const SeeValue& see) {
            if (name == "code") {
                see(text(concepts_[number].code));
                return;
            }
            if (name == "display" || name == "definition") {
                const auto words = name == "display" ? text(concepts_[number].display)
                                                     : text(concepts_[number].definition);
                if (!words.empty()) {
                    see(words);
                }
                return;
            }
            for (const ValueRow& row : slice(values_, value_starts_, number)) {
                if (row.property == property) {
                    see(text(row.value));
                }
            }
        }};
    return filter_concepts(source, filter, budget);
}

Result<ConceptSet>
TableProvider::implicit_value_set(std::string_view url, ConceptBudget& budget) const {
    if (kind_ == "dmd" && url.starts_with(dmd_value_sets)) {
        const std::string_view asked = url.substr(dmd_value_sets.size());
        for (const std::string_view one : {"VTM", "VMP", "AMP", "VMPP", "AMPP"}) {
            if (asked == one) {
                return filter({"concept-class", "=", one}, budget);
            }
        }
    }
    if (kind_ == "loinc" && url.starts_with(loinc_value_sets)) {
        const std::string_view list = url.substr(loinc_value_sets.size());
        if (find(list)) {
            return filter({"answer-list", "=", list}, budget);
        }
    }
    if (url.size() == system_.size() + 3 && url.starts_with(system_) && url.ends_with("/vs")) {
        return active();
    }
    return Fault(Errc::not_found, "implicit value set", "not one of this code system's");
}

}  // namespace gatehouse::fhir::table
