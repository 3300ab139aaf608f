// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/result.hpp"

namespace gatehouse {

const char* to_string(Errc code) noexcept {
    switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::not_found: return "not_found";
    case Errc::gone: return "gone";
    case Errc::conflict: return "conflict";
    case Errc::precondition: return "precondition";
    case Errc::unauthorised: return "unauthorised";
    case Errc::forbidden: return "forbidden";
    case Errc::too_large: return "too_large";
    case Errc::too_many: return "too_many";
    case Errc::unsupported: return "unsupported";
    case Errc::busy: return "busy";
    case Errc::timeout: return "timeout";
    case Errc::cancelled: return "cancelled";
    case Errc::io: return "io";
    case Errc::no_space: return "no_space";
    case Errc::corrupt: return "corrupt";
    case Errc::internal: return "internal";
    }
    return "internal";
}

std::string describe(const Fault& fault) {
    std::string text = fault.where;
    if (!fault.detail.empty()) {
        text += ": ";
        text += fault.detail;
    }
    text += " (";
    text += to_string(fault.code);
    text += ")";
    return text;
}

}  // namespace gatehouse
