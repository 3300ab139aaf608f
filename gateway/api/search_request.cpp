// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/search_request.hpp"

#include <algorithm>

#include "gateway/api/compartments.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/search_parameters.hpp"
#include "gateway/api/stored_definitions.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

class RequestReader {
public:
    RequestReader(Envelope& envelope, const ApiContext& context, Exit& exit, StoreReader& store)
        : envelope_(envelope), context_(context), exit_(exit), store_(store),
          engine_(*envelope.rulebook->engine) {}

    SearchRequest read(const Parameters& parameters) {
        const RestCall& call = envelope_.call;
        out_.path = call.type;
        if (!call.type.empty()) {
            types_ = {call.type};
        }
        if (!call.compartment.empty()) {
            out_.path = call.compartment + "/" + call.compartment_id + "/" +
                        (call.type.empty() ? "*" : call.type);
        }
        read_parameters(parameters);
        return std::move(out_);
    }

    SearchRequest read(const std::string& type, const Parameters& parameters) {
        out_.path = type;
        types_ = {type};
        read_parameters(parameters);
        if (out_.query.contained != SearchContained::no) {
            refuse(IssueType::not_supported, "_contained has no place in this operation.");
        }
        return std::move(out_);
    }

private:
    void refuse(IssueType type, std::string text) {
        out_.issues.push_back(
            request_issue(type, "search-parameter", std::move(text), {}, "INVALID_PARAMETER")
        );
    }

    // What is not known or not offered is passed over where the caller said so, and told.
    void pass_over(std::size_t issues_before) {
        if (!envelope_.prefer.lenient) {
            return;
        }
        for (std::size_t i = issues_before; i < out_.issues.size(); ++i) {
            out_.issues[i].severity = fhir::Severity::warning;
            out_.issues[i].diagnostics += " It was ignored, as Prefer: handling=lenient asks.";
        }
    }

    void read_parameters(const Parameters& parameters) {
        Parameters filter;
        Parameters shape;  // links keep them behind the filter
        const bool over_types = types_.empty();
        for (const auto& [name, value] : parameters) {
            if (name == "_type" && over_types) {
                read_types(value);
                shape.emplace_back(name, value);
            }
        }
        if (!out_.issues.empty() || !settle_types()) {
            return;
        }
        for (const auto& [name, value] : parameters) {
            const std::size_t before = out_.issues.size();
            if (is_include(name)) {
                const bool good =
                    add_include(name, value, types_, engine_, out_.includes, out_.issues);
                if (good) {
                    shape.emplace_back(name, value);
                } else {
                    pass_over(before);
                }
            } else if (name == "_format" || name == "_pretty" || name == "_total") {
                if (!value.empty()) {
                    shape.emplace_back(name, value);
                }
                if (name == "_total") {
                    filter.emplace_back(name, value);
                }
            } else if (name != "_type" || !over_types) {
                filter.emplace_back(name, value);
            }
        }
        read_filter(std::move(filter));
        out_.used.insert(out_.used.end(), shape.begin(), shape.end());
        out_.used.emplace_back(
            out_.query.count_only ? "_summary" : "_count",
            out_.query.count_only ? "count" : std::to_string(out_.query.count)
        );
        if (out_.query.contained != SearchContained::no && out_.query.contained_alone &&
            !out_.includes.empty()) {
            refuse(
                IssueType::not_supported,
                "_include and _revinclude start at records; with _containedType=contained the "
                "matches are parts of records. Ask for _containedType=container."
            );
        }
        if (envelope_.view.summary == View::Summary::text && !out_.includes.empty()) {
            refuse(
                IssueType::invalid,
                "_summary=text cannot be asked for together with _include or _revinclude (FHIR R4 "
                "§3.1.1.5.8)."
            );
        }
    }

    void read_types(std::string_view text) {
        while (!text.empty()) {
            const auto comma = text.find(',');
            const std::string name(text.substr(0, comma));
            text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
            const fhir::TypeId id = engine_.types().find(name);
            if (id == fhir::unknown_type ||
                engine_.types().type(id).kind != fhir::TypeKind::resource ||
                engine_.types().type(id).abstract) {
                refuse(
                    IssueType::value,
                    "_type: '" + name.substr(0, 64) + "' is not a FHIR R4 resource type."
                );
            } else if (!is_among(types_, name)) {
                types_.push_back(name);
            }
        }
    }

    // The types that are searched, within the compartment and within what the caller may use.
    // False: refused, or there is none.
    bool settle_types() {
        for (const std::string& type : types_) {
            if (!exit_.sees(type)) {
                out_.status = 403;
                out_.issues.push_back(unseen_type(type));
                return false;
            }
        }
        const RestCall& call = envelope_.call;
        if (!call.compartment.empty()) {
            return settle_compartment(*compartment_of(call.compartment, engine_));
        }
        if (types_.empty()) {
            all_types_ = true;
            for (fhir::TypeId id = 1; id < engine_.types().type_count(); ++id) {
                const fhir::TypeInfo& type = engine_.types().type(id);
                if (type.kind != fhir::TypeKind::resource || type.abstract) {
                    continue;
                }
                if (exit_.sees(type.name)) {
                    types_.push_back(type.name);
                } else {
                    all_types_ = false;
                }
            }
        }
        return true;
    }

    bool settle_compartment(const Compartment& compartment) {
        const RestCall& call = envelope_.call;
        std::vector<std::string> wanted;
        for (const std::string& type : compartment.types) {
            if ((types_.empty() || is_among(types_, type)) && exit_.sees(type)) {
                wanted.push_back(type);
            }
        }
        if (wanted.empty()) {
            out_.status = 404;
            out_.issues.push_back(request_issue(
                IssueType::not_found,
                "http-path",
                "The compartment of a " + call.compartment + " holds no " +
                    (types_.empty() ? "resources that this partner may use" : types_.front()) + "."
            ));
            return false;
        }
        types_ = std::move(wanted);
        within_ = in_compartment(compartment, call.compartment_id, types_);
        return true;
    }

    void read_filter(Parameters filter) {
        SearchLimits limits;
        limits.page_default = context_.page_default;
        limits.page_max = context_.page_max;
        limits.base = context_.base;
        limits.now = envelope_.received_at;
        limits.lenient = envelope_.prefer.lenient;
        limits.stored = [this](std::string_view type, std::string_view name) {
            return stored_definition(envelope_, exit_, store_, type, name);
        };
        const bool several = types_.size() > 1;
        if (several && !all_types_) {
            std::string types;
            for (const std::string& type : types_) {
                types.append(types.empty() ? "" : ",").append(type);
            }
            filter.emplace_back("_type", std::move(types));
        }
        ParsedSearch parsed =
            parse_search(several ? std::string() : types_.front(), filter, engine_, limits);
        out_.query = std::move(parsed.query);
        out_.used = std::move(parsed.used);
        // The caller's own words are behind the filter.
        std::erase_if(out_.used, [&](const auto& parameter) {
            return several && parameter.first == "_type";
        });
        out_.issues.insert(
            out_.issues.end(),
            std::make_move_iterator(parsed.issues.begin()),
            std::make_move_iterator(parsed.issues.end())
        );
        if (within_) {
            out_.query.all_of.push_back(std::move(*within_));
        }
        if (auto issue = confine(out_.query, exit_)) {
            out_.status = 403;
            out_.issues.push_back(std::move(*issue));
        }
    }

    Envelope& envelope_;
    const ApiContext& context_;
    Exit& exit_;
    StoreReader& store_;
    const fhir::Engine& engine_;
    SearchRequest out_;
    std::vector<std::string> types_;
    bool all_types_ = false;
    std::optional<SearchClause> within_;
};

}  // namespace

SearchRequest
read_search(Envelope& envelope, const ApiContext& context, Exit& exit, StoreReader& store) {
    return RequestReader(envelope, context, exit, store).read(envelope.call.parameters);
}

SearchRequest read_search(
    const std::string& type,
    const Parameters& parameters,
    Envelope& envelope,
    const ApiContext& context,
    Exit& exit,
    StoreReader& store
) {
    return RequestReader(envelope, context, exit, store).read(type, parameters);
}

std::vector<BundleLink>
search_links(const SearchRequest& request, const std::string& base, const Gathered& page) {
    return page_links(
        base, request.path, request.used, request.query.after, page.next, page.previous
    );
}

Response answer_set(
    Envelope& envelope,
    const ApiContext& context,
    SearchSet set,
    const IncludePlan& includes,
    Exit& exit,
    StoreReader& store
) {
    auto included = follow_includes(
        includes, set.matches, context, exit, store, envelope.request.deadline, set.told
    );
    if (!included) {
        return search_refusal(included.error(), envelope);
    }
    std::move(included->begin(), included->end(), std::back_inserter(set.included));
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = searchset(set, context.base);
    return response;
}

Response search_refusal(const Fault& fault, const Envelope& envelope) {
    if (fault.code == Errc::invalid) {
        return foreign_page(envelope);
    }
    if (fault.code == Errc::too_many) {
        return refusal(
            400,
            {request_issue(
                IssueType::too_costly, "search-cost", fault.detail, {}, "INVALID_PARAMETER"
            )},
            envelope
        );
    }
    return refusal(fault, envelope);
}

}  // namespace gatehouse::gateway
