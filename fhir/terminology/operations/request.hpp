#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Reading what an operation was asked, and refusing it.

#include <utility>

#include "fhir/terminology/operations/operations.hpp"

namespace gatehouse::fhir {

// A refusal on its way out; empty issues mean none.
struct Refusal {
    int status = 400;
    IssueType type = IssueType::invalid;
    std::string rule;
    std::string words;
};
OperationAnswer refuse(const Refusal& refusal);
inline Refusal bad_parameter(std::string words) {
    return {400, IssueType::invalid, "terminology-parameter", std::move(words)};
}
inline Refusal not_here(std::string words) {
    return {404, IssueType::not_found, "terminology-not-found", std::move(words)};
}
inline Refusal cannot(IssueType type, std::string words) {
    return {422, type, "terminology-content", std::move(words)};
}

// A coding that was asked about. Views live as long as the request.
struct AskedCoding {
    std::string system;
    std::string version;
    std::string code;
    std::string display;
    std::string
        where;  // FHIRPath-like place for issues: "code", "Coding", "CodeableConcept.coding[1]"
};

class Asked {
public:
    explicit Asked(const OperationRequest& request) : request_(request) {}

    [[nodiscard]] const OperationParameter* find(std::string_view name) const;
    [[nodiscard]] std::vector<const OperationParameter*> all(std::string_view name) const;
    // Text of the first parameter of that name, or empty.
    [[nodiscard]] std::string_view text(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    // nullopt and a refusal if the value is neither true nor false.
    [[nodiscard]] bool
    flag(std::string_view name, bool otherwise, std::optional<Refusal>& wrong) const;
    [[nodiscard]] std::optional<std::uint32_t>
    number(std::string_view name, std::optional<Refusal>& wrong) const;
    [[nodiscard]] const Element* resource(std::string_view name) const;
    // A Coding in the parameter's value.
    [[nodiscard]] std::optional<AskedCoding> coding(std::string_view name) const;
    // A parameter that the operation does not know, if there is one.
    [[nodiscard]] const OperationParameter* stranger() const;

    // The resource by canonical: loaded packages, then what is stored.
    [[nodiscard]] const Element* resolve(
        const Terminology& terminology, std::string_view type, std::string_view canonical
    ) const;
    [[nodiscard]] const OperationRequest& request() const noexcept { return request_; }

private:
    const OperationRequest& request_;
};

AskedCoding read_coding(const Element& coding, std::string where);

std::string with_version(std::string_view url, std::string_view version);
std::string_view url_part(std::string_view canonical) noexcept;
std::string_view version_part(std::string_view canonical) noexcept;
// Foreign text shortened for a message.
std::string shown(std::string_view text);

// The value set that $expand and $validate-code are about.
struct ValueSetSubject {
    const Element* resource = nullptr;  // nullptr: implicit, by `url` alone, or unknown
    std::string url;
    std::optional<Refusal> refused;
};
ValueSetSubject value_set_subject(const Terminology& terminology, const Asked& asked);

// The same request to the remote server, where one covers `system`; else the refusal.
OperationAnswer ask_remote(
    const Terminology& terminology,
    const Asked& asked,
    std::string_view system,
    const Refusal& otherwise
);
OperationAnswer run_expand(const Terminology& terminology, const Asked& asked);
OperationAnswer run_validate_code(const Terminology& terminology, const Asked& asked);
OperationAnswer run_lookup(const Terminology& terminology, const Asked& asked);
OperationAnswer run_subsumes(const Terminology& terminology, const Asked& asked);
OperationAnswer run_translate(const Terminology& terminology, const Asked& asked);

}  // namespace gatehouse::fhir
