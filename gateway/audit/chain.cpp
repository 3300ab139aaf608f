// SPDX-License-Identifier: Apache-2.0
#include "gateway/audit/chain.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "fhir/json/value.hpp"
#include "gateway/journal/file.hpp"

namespace gatehouse::gateway {
namespace chain_detail {

namespace fs = std::filesystem;

// One context per thread: looking the algorithm up costs more than hashing a record.
class Sha256 {
public:
    Sha256()
        : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free),
          context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        GH_ASSERT(algorithm_ != nullptr && context_ != nullptr);
    }
    std::string hex(std::string_view bytes) {
        unsigned char digest[32];
        unsigned int size = 0;
        GH_ASSERT(EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1);
        GH_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
        GH_ASSERT(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1 && size == 32);
        static constexpr char digits[] = "0123456789abcdef";
        std::string text(64, '0');
        for (std::size_t i = 0; i < 32; ++i) {
            text[2 * i] = digits[digest[i] >> 4U];
            text[2 * i + 1] = digits[digest[i] & 15U];
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm_;
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string digest(std::string_view bytes) {
    thread_local Sha256 sha;
    return sha.hex(bytes);
}

void member(fhir::JsonWriter& out, std::string_view name, std::string_view text) {
    if (!text.empty()) {
        out.key(name).string(text);
    }
}

bool is_hex64(std::string_view text) noexcept {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// Takes `marker` and the quoted 64 hex digits off the end of `rest`.
bool take_hash(std::string_view& rest, std::string_view marker, std::string_view& hash) {
    if (rest.size() < marker.size() + 65 || rest.back() != '"') {
        return false;
    }
    hash = rest.substr(rest.size() - 65, 64);
    rest.remove_suffix(65);
    if (!rest.ends_with(marker) || !is_hex64(hash)) {
        return false;
    }
    rest.remove_suffix(marker.size());
    return true;
}

bool take_number(std::string_view& rest, std::string_view marker, std::uint64_t& number) {
    std::size_t digits = 0;
    while (digits < rest.size() && rest[rest.size() - 1 - digits] >= '0' &&
           rest[rest.size() - 1 - digits] <= '9') {
        ++digits;
    }
    const std::string_view text = rest.substr(rest.size() - digits);
    rest.remove_suffix(digits);
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{} ||
        !rest.ends_with(marker)) {
        return false;
    }
    rest.remove_suffix(marker.size());
    return true;
}

bool is_chain_file(const std::string& name) {
    return name.starts_with("audit-") && name.ends_with(".jsonl");
}

// True if a line after the bad one proves that it had been answered on.
bool was_answered(std::string_view rest, std::uint64_t bad_seq) {
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) {
            return false;
        }
        ChainLink link;
        if (read_link(rest.substr(0, end), link) && link.after >= bad_seq) {
            return true;
        }
        rest.remove_prefix(end + 1);
    }
    return false;
}

// What audit.head says against the end of the chain, in words.
std::string removed_or_damaged(
    const std::vector<fs::path>& files, const ChainVerdict& verdict, std::uint64_t head_seq
) {
    if (head_seq <= verdict.last_seq) {
        return "audit.head: the chain's last record is not the one that was written";
    }
    const std::string end = "the chain once reached record " + std::to_string(head_seq) +
                            " and is now sound to " + std::to_string(verdict.last_seq) + " only";
    if (verdict.torn_bytes > 0) {
        return files.back().filename().string() + ": record " +
               std::to_string(verdict.last_seq + 1) + " is not what was written; " + end;
    }
    return "audit.head: " + end + ": records were removed from its end";
}

}  // namespace chain_detail

std::string open_line(const AuditEvent& event) {
    fhir::JsonWriter out;
    out.begin_object();
    out.key("at").string(to_instant(event.at));
    chain_detail::member(out, "message", event.message_id);
    chain_detail::member(out, "interaction", event.interaction);
    chain_detail::member(out, "partner", event.partner);
    chain_detail::member(out, "credential", event.credential);
    chain_detail::member(out, "organisation", event.organisation);
    chain_detail::member(out, "asserted", event.asserted_organisation);
    chain_detail::member(out, "request", event.request_id);
    chain_detail::member(out, "address", event.address);
    chain_detail::member(out, "method", event.method);
    chain_detail::member(out, "target", event.target);
    if (event.status != 0) {
        out.key("status").number(event.status);
    }
    chain_detail::member(out, "outcome", event.outcome);
    chain_detail::member(out, "decision", event.decision_id);
    chain_detail::member(out, "policy", event.policy_digest);
    chain_detail::member(out, "definitions", event.definitions_digest);
    chain_detail::member(out, "body", event.body_digest);
    if (!event.rules.empty()) {
        out.key("rules").raw(event.rules);
    }
    if (!event.disclosed.empty()) {
        out.key("disclosed").begin_array();
        for (const auto& item : event.disclosed) {
            out.string(item);
        }
        out.end_array();
    }
    if (!event.destinations.empty()) {
        out.key("destinations").begin_array();
        for (const auto& item : event.destinations) {
            out.string(item);
        }
        out.end_array();
    }
    return out.take();
}

std::string
close_line(std::string& line, std::uint64_t after, std::uint64_t seq, std::string_view prev) {
    line += ",\"after\":";
    line += std::to_string(after);
    line += ",\"seq\":";
    line += std::to_string(seq);
    line += ",\"prev\":\"";
    line += prev;
    line += '"';
    std::string hash = chain_detail::digest(line);
    line += ",\"hash\":\"";
    line += hash;
    line += "\"}\n";
    return hash;
}

bool read_link(std::string_view line, ChainLink& link) {
    if (line.empty() || line.front() != '{' || line.back() != '}') {
        return false;
    }
    std::string_view rest = line.substr(0, line.size() - 1);
    if (!chain_detail::take_hash(rest, ",\"hash\":\"", link.hash)) {
        return false;
    }
    const std::string_view hashed = rest;
    return chain_detail::take_hash(rest, ",\"prev\":\"", link.prev) &&
           chain_detail::take_number(rest, ",\"seq\":", link.seq) &&
           chain_detail::take_number(rest, ",\"after\":", link.after) &&
           chain_detail::digest(hashed) == link.hash;
}

FileScan scan_chain_file(
    std::string_view bytes, std::uint64_t expected_seq, std::string_view expected_prev
) {
    FileScan scan;
    scan.last_hash = expected_prev;
    std::uint64_t seq = expected_seq;
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const bool zeros =
            rest.front() == '\0' && rest.find_first_not_of('\0') == std::string_view::npos;
        if (zeros) {
            return scan;  // space prepared for what comes next
        }
        ChainLink link;
        const bool reads = end != std::string_view::npos && read_link(rest.substr(0, end), link);
        const bool first = seq == 0;
        const bool begins = first && scan.last_hash.empty();
        const bool fits =
            reads && (first || link.seq == seq) &&
            (begins ? link.seq != 1 || link.prev == audit_genesis : link.prev == scan.last_hash);
        if (!fits) {
            if (chain_detail::was_answered(
                    end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1), seq
                ) ||
                reads) {
                scan.problem_line = scan.lines + 1;
                scan.problem_seq = seq;
                scan.problem = !reads ? "the record is not what was written (its own hash differs)"
                               : link.seq != seq
                                   ? "record " + std::to_string(link.seq) + " stands where " +
                                         std::to_string(seq) + " should"
                                   : "the record does not follow the one before (prev differs)";
                return scan;
            }
            scan.torn_bytes = bytes.size() - scan.good_bytes;
            return scan;
        }
        ++scan.lines;
        scan.first_seq = scan.first_seq == 0 ? link.seq : scan.first_seq;
        scan.last_seq = link.seq;
        scan.last_hash = link.hash;
        scan.good_bytes += end + 1;
        seq = link.seq + 1;
        rest.remove_prefix(end + 1);
    }
    return scan;
}

Result<std::vector<std::filesystem::path>> chain_files(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (chain_detail::fs::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        if (chain_detail::is_chain_file(it->path().filename().string())) {
            files.push_back(it->path());
        }
    }
    if (error) {
        return Fault(Errc::io, "audit", folder.string() + ": " + error.message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

bool read_head(const std::filesystem::path& folder, std::uint64_t& seq, std::string& hash) {
    const auto text = read_whole(folder / "audit.head");
    if (!text) {
        return false;
    }
    const std::string_view view = *text;
    const std::size_t space = view.find(' ');
    if (space == std::string_view::npos || view.size() < space + 65) {
        return false;
    }
    hash = view.substr(space + 1, 64);
    return std::from_chars(view.data(), view.data() + space, seq).ec == std::errc{} &&
           chain_detail::is_hex64(hash);
}

Result<ChainVerdict> verify_chain(const std::filesystem::path& folder) {
    GH_TRY_ASSIGN(const auto files, chain_files(folder));
    std::uint64_t head_seq = 0;
    std::string head_hash;
    bool head_met = !read_head(folder, head_seq, head_hash) || head_seq == 0;
    ChainVerdict verdict;
    std::uint64_t expected = 0;
    std::string prev;
    for (std::size_t i = 0; i < files.size(); ++i) {
        GH_TRY_ASSIGN(const std::string bytes, read_whole(files[i]));
        const FileScan scan = scan_chain_file(bytes, expected, prev);
        const std::string name = files[i].filename().string();
        ++verdict.files;
        verdict.records += scan.lines;
        if (verdict.first_seq == 0) {
            verdict.first_seq = scan.first_seq;
        }
        if (scan.last_seq != 0) {
            verdict.last_seq = scan.last_seq;
            verdict.last_hash = scan.last_hash;
        }
        if (!scan.problem.empty() || (scan.torn_bytes > 0 && i + 1 < files.size())) {
            verdict.problem_seq = scan.problem_seq != 0 ? scan.problem_seq : scan.last_seq + 1;
            verdict.problem =
                name + ":" + std::to_string(scan.lines + 1) + ": " +
                (scan.problem.empty() ? "the file ends in the middle of a record" : scan.problem);
            return verdict;
        }
        if (!head_met && scan.first_seq <= head_seq && head_seq <= scan.last_seq) {
            head_met = scan.last_seq != head_seq || scan.last_hash == head_hash;
        }
        verdict.torn_bytes = scan.torn_bytes;
        if (scan.last_seq != 0) {
            expected = scan.last_seq + 1;
            prev = scan.last_hash;
        }
    }
    if (!head_met) {
        verdict.problem_seq = verdict.last_seq + 1;
        verdict.problem = chain_detail::removed_or_damaged(files, verdict, head_seq);
        return verdict;
    }
    verdict.sound = true;
    return verdict;
}

}  // namespace gatehouse::gateway
