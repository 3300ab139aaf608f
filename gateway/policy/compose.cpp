// SPDX-License-Identifier: Apache-2.0
//
// Layers on top of one another: a lower one may tighten and never loosen.

#include <algorithm>

#include "gateway/policy/settings.hpp"

namespace gatehouse::gateway::policy {
namespace {

template <class T> std::string place(const Stated<T>& stated) {
    return stated.file + ":" + std::to_string(stated.line) + ":" + std::to_string(stated.column);
}

// The complaint is at the lower place and names the upper one.
template <class L, class U>
void loosened(
    Problems& problems, const Stated<L>& lower, const Stated<U>& upper, const std::string& what
) {
    problems.add(
        lower.file,
        lower.line,
        lower.column,
        what + "; a lower layer may only tighten what " + upper.layer + " says at " + place(upper)
    );
}

std::string words(const Schedule& schedule) {
    std::string text = gateway::to_string(schedule.mode);
    if (schedule.enforce_from != 0) {
        text += " from " + to_instant(schedule.enforce_from).substr(0, 10);
    }
    return text;
}

const char* name_of(Check check) noexcept {
    switch (check) {
    case Check::g01: return "G01";
    case Check::g03: return "G03";
    case Check::g03_overdue: return "G03 overdue";
    case Check::g04: return "G04";
    case Check::g05: return "G05";
    case Check::g05_status: return "G05 verificationStatus";
    case Check::g05_second: return "G05 secondPatient";
    case Check::g05_searches: return "G05 searches";
    case Check::g14: return "G14";
    case Check::g16: return "G16";
    }
    return "";
}

void compose_schedule(
    const std::string& name,
    Stated<Schedule>& upper,
    const Stated<Schedule>& lower,
    Problems& problems
) {
    if (is_looser(lower.value, upper.value)) {
        loosened(
            problems,
            lower,
            upper,
            name + " is " + words(lower.value) + " here and " + words(upper.value) +
                " above: this loosens it"
        );
        return;
    }
    upper = lower;
}

void compose_profiles(
    Effective& out, const Effective& upper, const Layer& layer, Problems& problems
) {
    const auto& general = layer.checks[static_cast<std::size_t>(Check::g01)];
    if (general) {
        // What is demanded of every profile is demanded of the ones treated apart above, too.
        for (auto& [profile, schedule] : out.profiles) {
            const Schedule both = stricter(schedule.value, general->value);
            if (is_looser(schedule.value, both)) {
                schedule = *general;
                schedule.value = both;
            }
        }
    }
    for (const auto& [profile, schedule] : layer.profiles) {
        const auto found = upper.profiles.find(profile);
        Stated<Schedule> above =
            found != upper.profiles.end() ? found->second : upper.check(Check::g01);
        // The national layer is the floor: within it, a profile may be treated apart either way.
        if (layer.kind == Layer::Kind::national) {
            above.value = Schedule{};
        }
        compose_schedule("G01 for " + profile, above, schedule, problems);
        out.profiles[profile] = above;
    }
}

// Numbers that `lower` takes and `upper` does not?
bool takes_more(const Environment& lower, const Environment& upper) {
    for (const auto& [low, high] : lower.ranges) {
        std::uint64_t at = low;
        bool moved = true;
        while (moved && at <= high) {
            moved = false;
            for (const auto& [from, to] : upper.ranges) {
                if (from <= at && at <= to) {
                    at = to + 1;
                    moved = true;
                }
            }
        }
        if (at <= high) {
            return true;
        }
    }
    if (!upper.repeated_refused) {
        return false;
    }
    return !lower.repeated_refused ||
           std::any_of(lower.exceptions.begin(), lower.exceptions.end(), [&](const auto& number) {
               return std::find(upper.exceptions.begin(), upper.exceptions.end(), number) ==
                      upper.exceptions.end();
           });
}

void compose_environment(Effective& out, const Layer& layer, Problems& problems) {
    out.environments.insert(layer.environments.begin(), layer.environments.end());
    if (!layer.environment) {
        return;
    }
    const auto chosen = out.environments.find(layer.environment->value);
    if (chosen == out.environments.end()) {
        problems.add(
            layer.environment->file,
            layer.environment->line,
            layer.environment->column,
            "G05: the environment `" + layer.environment->value +
                "` is not declared in the national layer"
        );
        return;
    }
    const auto above = out.environments.find(out.environment.value);
    if (above != out.environments.end() && takes_more(chosen->second.value, above->second.value)) {
        loosened(
            problems,
            *layer.environment,
            out.environment,
            "G05: the environment `" + layer.environment->value + "` takes numbers that `" +
                out.environment.value + "` refuses: this loosens it"
        );
        return;
    }
    out.environment = *layer.environment;
}

template <class T>
void compose_limit(
    const char* name,
    std::optional<Stated<T>>& upper,
    const std::optional<Stated<T>>& lower,
    Problems& problems
) {
    if (!lower) {
        return;
    }
    if (upper && lower->value > upper->value) {
        loosened(
            problems,
            *lower,
            *upper,
            std::string("G16: ") + name + " is larger here: this loosens it"
        );
        return;
    }
    upper = lower;
}

void compose_list(
    const char* name,
    std::optional<Stated<std::vector<std::string>>>& upper,
    const std::optional<Stated<std::vector<std::string>>>& lower,
    Problems& problems
) {
    if (!lower) {
        return;
    }
    if (upper) {
        for (const auto& item : lower->value) {
            if (std::find(upper->value.begin(), upper->value.end(), item) == upper->value.end()) {
                loosened(
                    problems,
                    *lower,
                    *upper,
                    std::string("G16: ") + name + " allows " + item +
                        ", which the layer above does not: this loosens it"
                );
                return;
            }
        }
    }
    upper = lower;
}

}  // namespace

bool is_looser(const Schedule& lower, const Schedule& upper) noexcept {
    for (const Micros at : {Micros{0}, lower.enforce_from, upper.enforce_from, INT64_MAX}) {
        if (lower.at(at) < upper.at(at)) {
            return true;
        }
    }
    // Just before each of the two days.
    return (lower.enforce_from > 0 &&
            lower.at(lower.enforce_from - 1) < upper.at(lower.enforce_from - 1)) ||
           (upper.enforce_from > 0 &&
            lower.at(upper.enforce_from - 1) < upper.at(upper.enforce_from - 1));
}

Schedule stricter(const Schedule& a, const Schedule& b) noexcept {
    if (a.mode == Mode::enforce && b.mode == Mode::enforce) {
        return a.enforce_from < b.enforce_from ? a : b;
    }
    return a.mode > b.mode ? a : b;
}

Effective compose(const Effective& upper, const Layer& layer, Problems& problems) {
    Effective out = upper;
    for (std::size_t i = 0; i < check_count; ++i) {
        if (layer.checks[i]) {
            compose_schedule(
                name_of(static_cast<Check>(i)), out.checks[i], *layer.checks[i], problems
            );
        }
    }
    compose_profiles(out, upper, layer, problems);
    compose_environment(out, layer, problems);
    compose_limit("bodyBytesMax", out.limits.body_bytes_max, layer.limits.body_bytes_max, problems);
    compose_limit("depthMax", out.limits.depth_max, layer.limits.depth_max, problems);
    compose_limit(
        "requestsPerSecond",
        out.limits.requests_per_second,
        layer.limits.requests_per_second,
        problems
    );
    compose_limit("burst", out.limits.burst, layer.limits.burst, problems);
    compose_list("types", out.limits.types, layer.limits.types, problems);
    compose_list("interactions", out.limits.interactions, layer.limits.interactions, problems);
    out.reviews.emplace_back(layer.name, review_end(layer.owner.review));
    return out;
}

}  // namespace gatehouse::gateway::policy
