// SPDX-License-Identifier: Apache-2.0
//
// Composition/$document (FHIR R4 Composition-document): the composition and what it refers to, as
// one document Bundle.
#include <set>

#include "fhir/json/json.hpp"
#include "gateway/api/bundles.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;

// Most resources of one document, so that a composition cannot make a gateway copy its store.
constexpr std::size_t document_max = 1000;

void collect_references(const Element& element, std::vector<std::string>& out) {
    if (element.name == "reference" && element.has_value()) {
        out.emplace_back(element.value);
    }
    for (const Element& child : element.children()) {
        collect_references(child, out);
    }
}

class DocumentBuilder {
public:
    DocumentBuilder(Envelope& envelope, const ApiContext& context, StoreReader& store)
        : envelope_(envelope), context_(context), store_(store), exit_(envelope, context, store) {}

    Result<void> add(StoredVersion version) {
        const std::string path = version.type + "/" + version.id;
        entries_.append(entries_.empty() ? "{\"fullUrl\":" : ",{\"fullUrl\":");
        fhir::append_json_string(entries_, context_.base + "/" + path);
        entries_.append(",\"resource\":").append(version.json).append("}");
        seen_.insert(path);
        if (version.type != "Composition") {
            return {};
        }
        Arena arena;
        const fhir::Decoded decoded =
            fhir::read_json(version.json, arena, envelope_.rulebook->engine->types().symbols());
        GH_ASSERT(decoded.root != nullptr);
        std::vector<std::string> references;
        collect_references(*decoded.root, references);
        for (const std::string& reference : references) {
            GH_TRY(follow(reference));
        }
        return {};
    }

    [[nodiscard]] std::string finish() const {
        std::string out = R"({"resourceType":"Bundle","id":")" + derived_uuid(envelope_.id, 0) +
                          R"(","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:)" +
                          derived_uuid(envelope_.id, 1) + R"("},"type":"document","timestamp":")" +
                          to_instant(envelope_.received_at) + R"(","entry":[)";
        return out + entries_ + "]}";
    }
    [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

private:
    Result<void> follow(std::string_view reference) {
        if (reference.starts_with(context_.base) && reference.size() > context_.base.size()) {
            reference.remove_prefix(context_.base.size() + 1);
        }
        const auto history = reference.find("/_history/");
        const std::string_view path = reference.substr(0, history);
        const auto slash = path.find('/');
        if (slash == std::string_view::npos ||
            path.find('/', slash + 1) != std::string_view::npos ||
            seen_.contains(std::string(path))) {
            return {};
        }
        if (seen_.size() >= document_max) {
            return Fault(
                Errc::too_many,
                "document",
                "The composition refers to more than " + std::to_string(document_max) +
                    " resources; a document that large is not made."
            );
        }
        seen_.insert(std::string(path));
        auto found = store_.read(path.substr(0, slash), path.substr(slash + 1));
        if (!found && found.error().code != Errc::not_found && found.error().code != Errc::gone) {
            return found.error();
        }
        if (!found || found->deleted() || !exit_.disclose(*found)) {
            ++missing_;
            return {};
        }
        return add(std::move(*found));
    }

    Envelope& envelope_;
    const ApiContext& context_;
    StoreReader& store_;
    Exit exit_;
    std::string entries_;
    std::set<std::string> seen_;
    std::size_t missing_ = 0;
};

}  // namespace

Response answer_document(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const auto refuse = [&](fhir::IssueType type, std::string words) {
        return refusal(
            400,
            {request_issue(type, "document-operation", std::move(words), {}, "INVALID_PARAMETER")},
            envelope
        );
    };
    if (auto refused = read_posted_parameters(envelope)) {
        return std::move(*refused);
    }
    RestCall& call = envelope.call;
    if (const auto unknown = unknown_parameter(call, {"id", "persist", "graph"});
        !unknown.empty()) {
        return refuse(
            fhir::IssueType::not_supported,
            "Parameter '" + std::string(unknown.substr(0, 64)) + "' is not one of $document's."
        );
    }
    if (call.id.empty()) {
        call.id = call.parameter("id");
        if (call.id.starts_with("Composition/")) {
            call.id.erase(0, std::string_view("Composition/").size());
        }
        if (call.id.empty()) {
            return refuse(
                fhir::IssueType::required,
                "Name the composition: Composition/id/$document, or the parameter id."
            );
        }
    }
    const auto persist = call.parameter("persist");
    if (!persist.empty() && persist != "true" && persist != "false") {
        return refuse(fhir::IssueType::value, "persist takes true or false.");
    }
    if (persist == "true") {
        return refusal(
            400,
            {request_issue(
                fhir::IssueType::not_supported,
                "document-operation",
                "A document is not stored by asking for it. POST the answer to /Bundle to keep it.",
                {},
                "NOT_IMPLEMENTED"
            )},
            envelope
        );
    }
    auto composition = read_for_answer(envelope, context, store);
    if (!composition) {
        return refusal(composition.error(), envelope);
    }
    DocumentBuilder builder(envelope, context, store);
    if (auto built = builder.add(std::move(*composition)); !built) {
        return refusal(built.error(), envelope);
    }
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = builder.finish();
    return response;
}

}  // namespace gatehouse::gateway
