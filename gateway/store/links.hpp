#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// From resources to those they refer to, or that refer to them, by the reference index: what
// _include, _revinclude and $everything walk on (gateway/api/includes.hpp). One step is one call.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::gateway {

struct StoredVersion;

// A type that is referred to by its URL (canonical references), with the codes under which its URL
// and its business version are indexed.
struct CanonicalType {
    std::string type;
    std::string url;
    std::string version;  // empty: it has none
};

// One way to go. Names of types are the resource types of FHIR.
struct LinkRule {
    bool reverse = false;  // to what refers here, instead of what is referred to
    // Types of the resource that holds the reference; empty: any.
    std::vector<std::string> holders;
    // Its reference parameters ("subject"); empty: all that are indexed. In reverse either both are
    // empty or neither is.
    std::vector<std::string> codes;
    std::string target;  // type of what is referred to; empty: any
    // What a canonical reference ("http://...", "http://...|2.1") may mean: all that have the URL
    // and, where one is named, the version.
    std::vector<CanonicalType> canonicals;
};

struct LinkQuery {
    std::vector<std::pair<std::string, std::string>> from;  // type, id
    std::vector<LinkRule> rules;
    // What is wanted of what lies at the other end; asked once for each, before its body is read.
    std::function<bool(std::string_view type, std::string_view id)> wanted;
    std::uint32_t limit = 0;  // most resources to yield
};

struct LinkPage {
    std::vector<StoredVersion> found;  // current versions, each once, in order of rules and sources
    bool more = false;                 // there was at least one beyond the limit
};

}  // namespace gatehouse::gateway
