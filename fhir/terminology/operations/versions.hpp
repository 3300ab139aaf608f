#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Which version of a code system a value set means, as the parameters system-version (where the
// value set says nothing), force-system-version (whatever it says) and check-system-version (must
// be that) decide (FHIR R4 ValueSet-expand). Each is canonical|version.

#include <string>
#include <string_view>
#include <vector>

#include "fhir/terminology/operations/request.hpp"

namespace gatehouse::fhir {

struct VersionRules {
    std::vector<std::string> otherwise;  // system-version
    std::vector<std::string> check;
    std::vector<std::string> force;

    static VersionRules read(const Asked& asked, std::optional<Refusal>& wrong) {
        VersionRules out;
        const auto take = [&](const char* name, std::vector<std::string>& into) {
            for (const OperationParameter* parameter : asked.all(name)) {
                if (version_part(parameter->text).empty()) {
                    wrong = bad_parameter(
                        std::string("Parameter '") + name + "' takes system|version."
                    );
                }
                into.push_back(parameter->text);
            }
        };
        take("system-version", out.otherwise);
        take("check-system-version", out.check);
        take("force-system-version", out.force);
        return out;
    }
    [[nodiscard]] bool empty() const noexcept {
        return otherwise.empty() && check.empty() && force.empty();
    }
    // The version to use where a value set says `stated` (perhaps nothing).
    [[nodiscard]] std::string_view
    choose(std::string_view system, std::string_view stated) const noexcept {
        if (const auto forced = of(force, system); !forced.empty()) {
            return forced;
        }
        if (!stated.empty()) {
            return stated;
        }
        const auto checked = of(check, system);
        const auto usual = of(otherwise, system);
        return usual.empty() ? checked : usual;
    }
    // The version that is demanded, or empty.
    [[nodiscard]] std::string_view demanded(std::string_view system) const noexcept {
        return of(check, system);
    }

private:
    static std::string_view
    of(const std::vector<std::string>& list, std::string_view system) noexcept {
        for (const std::string& one : list) {
            if (url_part(one) == system) {
                return version_part(one);
            }
        }
        return {};
    }
};

}  // namespace gatehouse::fhir
