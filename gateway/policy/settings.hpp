#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What policy files state, and what of it holds for one organisation. Inside gateway/policy only.

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/yaml.hpp"
#include "gateway/policy/owners.hpp"
#include "gateway/policy/policy.hpp"

namespace gatehouse::gateway::policy {

// A mode through time: an enforced rule warns until its day.
struct Schedule {
    Mode mode = Mode::off;
    Micros enforce_from = 0;  // only with enforce; 0: always

    [[nodiscard]] Mode at(Micros now) const noexcept {
        return mode == Mode::enforce && now < enforce_from ? Mode::warn : mode;
    }
};
// True if at some time `lower` is less strict than `upper`.
bool is_looser(const Schedule& lower, const Schedule& upper) noexcept;
// The stricter of both at every time.
Schedule stricter(const Schedule& a, const Schedule& b) noexcept;

// Something that a file states, with its place and layer.
template <class T> struct Stated {
    T value{};
    std::string layer;
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

// The checks that have a mode of their own.
enum class Check : std::uint8_t {
    g01,
    g03,
    g03_overdue,
    g04,
    g05,
    g05_status,
    g05_second,
    g05_searches,
    g14,
    g16,
};
inline constexpr std::size_t check_count = 10;

// Which NHS numbers an environment takes.
struct Environment {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;  // inclusive, of ten digits
    bool repeated_refused = true;
    std::vector<std::string> exceptions;  // repeated numbers taken all the same
};

struct LimitSettings {
    std::optional<Stated<std::uint64_t>> body_bytes_max;
    std::optional<Stated<std::uint64_t>> depth_max;
    std::optional<Stated<double>> requests_per_second;
    std::optional<Stated<double>> burst;
    std::optional<Stated<std::vector<std::string>>> types;
    std::optional<Stated<std::vector<std::string>>> interactions;
};

// One file.
struct Layer {
    enum class Kind : std::uint8_t { national, region, icb, organisation };
    Kind kind = Kind::national;
    std::string name;  // "icb:QWO"
    std::string code;
    std::string file;
    std::string parent;  // name of the layer above; empty for national
    std::uint32_t parent_line = 0;
    std::uint32_t parent_column = 0;
    std::vector<std::string> organisations;  // ODS codes it covers
    Owner owner;
    std::array<std::optional<Stated<Schedule>>, check_count> checks;
    std::map<std::string, Stated<Schedule>> profiles;  // G01 by canonical
    std::map<std::string, Stated<Environment>> environments;
    std::optional<Stated<std::string>> environment;
    LimitSettings limits;
};

// What holds for an organisation: its chain of layers, composed.
struct Effective {
    std::array<Stated<Schedule>, check_count> checks;
    std::map<std::string, Stated<Schedule>, std::less<>> profiles;
    std::map<std::string, Stated<Environment>> environments;
    Stated<std::string> environment;
    LimitSettings limits;
    std::vector<std::pair<std::string, Micros>> reviews;  // layer, when its review is overdue

    [[nodiscard]] const Stated<Schedule>& check(Check which) const {
        return checks[static_cast<std::size_t>(which)];
    }
};

// Reads one file; adds problems and gives what could be read.
Layer read_layer(
    const std::filesystem::path& path,
    const YamlNode& document,
    Layer::Kind kind,
    const Owners& owners,
    Problems& problems
);

// `upper` with what `layer` states; problems where that loosens, naming both places.
Effective compose(const Effective& upper, const Layer& layer, Problems& problems);

const char* to_string(Layer::Kind kind) noexcept;

}  // namespace gatehouse::gateway::policy
