// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/table/builder.hpp"

#include <algorithm>
#include <numeric>

#include "fhir/terminology/index/index_file.hpp"

namespace gatehouse::fhir::table {
namespace {

constexpr std::uint64_t text_bytes_max = std::uint64_t{1} << 31U;  // offsets are 32 bits wide
constexpr std::size_t rows_max = 200'000'000;

bool is_code(std::string_view code) {
    if (code.empty() || code.front() == ' ' || code.back() == ' ') {
        return false;
    }
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (static_cast<unsigned char>(code[i]) < 32 || (code[i] == ' ' && code[i - 1] == ' ')) {
            return false;
        }
    }
    return true;
}

std::uint32_t section(TableSection id) {
    return static_cast<std::uint32_t>(id);
}

// Rows of (owner, row), sorted by owner -> a section of starts and one of rows.
template <class Item, class Row>
void write_owned(
    content::IndexWriter& writer,
    TableSection starts_id,
    TableSection rows_id,
    const std::vector<Item>& items,
    std::size_t owners,
    Row&& row_of
) {
    std::vector<std::uint32_t> starts(owners + 1);
    for (const Item& item : items) {
        ++starts[std::size_t{row_of(item).first} + 1];
    }
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    writer.section(section(starts_id), starts);
    using Stored = std::decay_t<decltype(row_of(items.front()).second)>;
    writer.begin(section(rows_id), sizeof(Stored));
    for (const Item& item : items) {
        writer.row(row_of(item).second);
    }
}

std::string info_text(const TableInfo& info) {
    std::string out = "kind=" + info.kind + "\nversion=" + info.version + "\ntitle=" + info.title +
                      "\nlanguage=" + info.language +
                      "\ncase_sensitive=" + (info.case_sensitive ? "true" : "false") +
                      "\ncomplete=" + (info.complete ? "true" : "false") + "\n";
    const auto list = [&](const char* name, const std::vector<std::string>& items) {
        out.append(name).append("=");
        for (std::size_t i = 0; i < items.size(); ++i) {
            out.append(i == 0 ? "" : " ").append(items[i]);
        }
        out.append("\n");
    };
    list("systems", info.systems);
    list("open_prefixes", info.open_prefixes);
    return out;
}

}  // namespace

std::uint32_t TableBuilder::text(std::string_view words) {
    const auto found = text_numbers_.find(words);
    if (found != text_numbers_.end()) {
        return found->second;
    }
    const auto number = static_cast<std::uint32_t>(texts_.size());
    const std::string& kept = texts_.emplace_back(words);
    text_numbers_.emplace(kept, number);
    text_bytes_ += kept.size();
    return number;
}

Result<ConceptNumber> TableBuilder::add(std::string_view code) {
    if (code.size() > code_bytes_max || !is_code(code)) {
        return Fault(
            Errc::invalid,
            "terminology build",
            "'" + std::string(code.substr(0, 80)) + "' is no code (1 to " +
                std::to_string(code_bytes_max) + " characters without spaces around them)"
        );
    }
    const std::uint32_t key = text(code);
    const auto found = by_code_.find(key);
    if (found != by_code_.end()) {
        return found->second;
    }
    if (concepts_.size() >= concepts_max || text_bytes_ > text_bytes_max ||
        values_.size() > rows_max || names_.size() > rows_max || links_.size() > rows_max) {
        return Fault(
            Errc::too_large,
            "terminology build",
            "more than " + std::to_string(concepts_max) + " codes, or texts of more than 2 GiB"
        );
    }
    const auto number = static_cast<ConceptNumber>(concepts_.size());
    concepts_.push_back({key, no_text, no_text, 0, 0});
    by_code_.emplace(key, number);
    return number;
}

std::optional<ConceptNumber> TableBuilder::find(std::string_view code) const {
    const auto key = text_numbers_.find(code);
    if (key == text_numbers_.end()) {
        return std::nullopt;
    }
    const auto found = by_code_.find(key->second);
    return found == by_code_.end() ? std::nullopt : std::optional(found->second);
}

void TableBuilder::display(ConceptNumber number, std::string_view words) {
    concepts_[number].display = words.empty() ? no_text : text(words);
}

std::string_view TableBuilder::display_of(ConceptNumber number) const {
    const std::uint32_t display = concepts_[number].display;
    return display == no_text ? std::string_view{} : std::string_view(texts_[display]);
}

void TableBuilder::definition(ConceptNumber number, std::string_view words) {
    concepts_[number].definition = words.empty() ? no_text : text(words);
}

void TableBuilder::name(ConceptNumber number, std::string_view words, std::string_view use) {
    if (!words.empty()) {
        names_.push_back({number, {text(words), no_text, use.empty() ? no_text : text(use)}});
    }
}

void TableBuilder::value(
    ConceptNumber number,
    std::string_view property,
    PropertyType type,
    std::string_view value,
    std::string_view description
) {
    if (value.empty()) {
        return;
    }
    const std::uint32_t name = text(property);
    auto at = std::find_if(properties_.begin(), properties_.end(), [&](const PropertyRow& row) {
        return row.name == name;
    });
    if (at == properties_.end()) {
        properties_.push_back({name, static_cast<std::uint32_t>(type)});
        at = properties_.end() - 1;
    }
    values_.push_back(
        {number,
         {static_cast<std::uint32_t>(at - properties_.begin()),
          text(value),
          description.empty() ? no_text : text(description)}}
    );
}

void TableBuilder::parent(ConceptNumber number, std::string_view code) {
    if (!code.empty() && code.size() <= code_bytes_max) {
        links_.push_back({number, text(code)});
    }
}

// Codes rise; everything that names a concept follows.
void TableBuilder::sort_concepts() {
    std::vector<ConceptNumber> order(concepts_.size());
    std::iota(order.begin(), order.end(), ConceptNumber{0});
    std::sort(order.begin(), order.end(), [this](ConceptNumber a, ConceptNumber b) {
        return texts_[concepts_[a].code] < texts_[concepts_[b].code];
    });
    std::vector<ConceptNumber> place(order.size());
    std::vector<ConceptRow> sorted;
    sorted.reserve(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        place[order[i]] = static_cast<ConceptNumber>(i);
        sorted.push_back(concepts_[order[i]]);
    }
    concepts_ = std::move(sorted);
    for (auto& [key, number] : by_code_) {
        number = place[number];
    }
    for (auto& item : values_) {
        item.owner = place[item.owner];
    }
    for (auto& item : names_) {
        item.owner = place[item.owner];
    }
    for (Link& item : links_) {
        item.from = place[item.from];
    }
    const auto by_owner = [](const auto& a, const auto& b) { return a.owner < b.owner; };
    std::stable_sort(values_.begin(), values_.end(), by_owner);
    std::stable_sort(names_.begin(), names_.end(), by_owner);
}

Result<void> TableBuilder::link(TableReport& report) {
    for (const Link& item : links_) {
        const auto found = by_code_.find(item.code);
        if (found == by_code_.end()) {
            ++report.parents_left_out;
            continue;
        }
        if (found->second == item.from) {
            return Fault(
                Errc::invalid,
                "terminology build",
                "code '" + texts_[item.code] + "' is its own parent"
            );
        }
        parents_.emplace_back(item.from, found->second);
    }
    std::sort(parents_.begin(), parents_.end());
    parents_.erase(std::unique(parents_.begin(), parents_.end()), parents_.end());
    return {};
}

// Depth by depth from the top; whoever is left over stands on a cycle.
Result<void> TableBuilder::deepen(
    const std::vector<std::uint32_t>& starts, const std::vector<std::uint32_t>& children
) {
    std::vector<std::uint32_t> open_parents(concepts_.size());
    for (const auto& [child, parent] : parents_) {
        ++open_parents[child];
    }
    std::vector<ConceptNumber> ready;
    for (ConceptNumber i = 0; i < concepts_.size(); ++i) {
        if (open_parents[i] == 0) {
            ready.push_back(i);
        }
    }
    std::size_t done = 0;
    while (done < ready.size()) {
        const ConceptNumber number = ready[done++];
        const std::uint16_t depth = concepts_[number].depth;
        for (std::uint32_t at = starts[number]; at < starts[number + 1]; ++at) {
            ConceptRow& child = concepts_[children[at]];
            if (depth == UINT16_MAX) {
                return Fault(Errc::too_large, "terminology build", "the hierarchy is too deep");
            }
            child.depth = std::max(child.depth, static_cast<std::uint16_t>(depth + 1));
            if (--open_parents[children[at]] == 0) {
                ready.push_back(children[at]);
            }
        }
    }
    if (done == concepts_.size()) {
        return {};
    }
    const auto stuck =
        std::find_if(open_parents.begin(), open_parents.end(), [](auto left) { return left != 0; });
    const auto number = static_cast<std::size_t>(stuck - open_parents.begin());
    return Fault(
        Errc::invalid,
        "terminology build",
        "the hierarchy has a cycle above code '" + texts_[concepts_[number].code] + "'"
    );
}

Result<TableReport> TableBuilder::write(const TableInfo& info, const std::filesystem::path& file) {
    TableReport report;
    if (concepts_.empty()) {
        return Fault(Errc::invalid, "terminology build", "there is no code in it");
    }
    if (text_bytes_ > text_bytes_max) {
        return Fault(Errc::too_large, "terminology build", "its texts have more than 2 GiB");
    }
    for (const std::string& words : {info.version, info.title, info.systems.front()}) {
        if (words.find_first_of("\r\n") != std::string::npos) {
            return Fault(Errc::invalid, "terminology build", "a line break in version or title");
        }
    }
    if (info.systems.front().empty() || info.systems.front().find(' ') != std::string::npos) {
        return Fault(Errc::invalid, "terminology build", "the code system has no URL of its own");
    }
    std::error_code error;
    if (const auto folder = file.parent_path();
        !folder.empty() && !std::filesystem::is_directory(folder, error)) {
        return Fault(
            Errc::not_found,
            "terminology build",
            "the folder of " + file.string() + " does not exist"
        );
    }
    sort_concepts();
    GH_TRY(link(report));
    const std::size_t n = concepts_.size();
    std::vector<std::uint32_t> child_starts(n + 1);
    for (const auto& [child, parent] : parents_) {
        ++child_starts[std::size_t{parent} + 1];
    }
    std::partial_sum(child_starts.begin(), child_starts.end(), child_starts.begin());
    std::vector<std::uint32_t> children(parents_.size());
    std::vector<std::uint32_t> next = child_starts;
    for (const auto& [child, parent] : parents_) {
        children[next[parent]++] = child;
    }
    GH_TRY(deepen(child_starts, children));

    content::IndexWriter writer(file, content::IndexKind::table);
    writer.text(section(TableSection::info), info_text(info));
    writer.section(section(TableSection::concepts), concepts_);
    std::vector<std::uint32_t> starts{0};
    starts.reserve(texts_.size() + 1);
    for (const std::string& one : texts_) {
        starts.push_back(starts.back() + static_cast<std::uint32_t>(one.size()));
    }
    writer.section(section(TableSection::text_starts), starts);
    writer.begin(section(TableSection::texts), 1);
    for (const std::string& one : texts_) {
        writer.write(one.data(), one.size());
    }
    write_owned(
        writer,
        TableSection::parent_starts,
        TableSection::parents,
        parents_,
        n,
        [](const auto& pair) { return std::pair(pair.first, pair.second); }
    );
    writer.section(section(TableSection::child_starts), child_starts);
    writer.section(section(TableSection::children), children);
    writer.section(section(TableSection::properties), properties_);
    const auto owned = [](const auto& item) { return std::pair(item.owner, item.row); };
    write_owned(writer, TableSection::value_starts, TableSection::values, values_, n, owned);
    write_owned(writer, TableSection::name_starts, TableSection::names, names_, n, owned);
    GH_TRY_ASSIGN(report.digest, writer.finish());
    report.concepts = n;
    report.inactive = static_cast<std::uint64_t>(std::count_if(
        concepts_.begin(),
        concepts_.end(),
        [](const ConceptRow& row) { return (row.flags & flag_inactive) != 0; }
    ));
    report.parents = parents_.size();
    report.values = values_.size();
    report.names = names_.size();
    return report;
}

}  // namespace gatehouse::fhir::table
