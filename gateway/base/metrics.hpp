#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Metrics: Prometheus text on the admin port. Names are `gatehouse_<module>_<noun>_<unit>`,
// `_total` for counters, base units. Labels come from closed sets only (stage, outcome,
// interaction, resource type, configured partner), never from what a caller wrote. Handles are two
// pointers; take them once and keep them. Adding costs about 15 ns and no lock. Thread-safe.

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::gateway {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
public:
    Counter() = default;
    void add(double by = 1) const noexcept;

private:
    friend class Metrics;
    void* counter_ = nullptr;
};

class Gauge {
public:
    Gauge() = default;
    void set(double value) const noexcept;
    void add(double by) const noexcept;
    [[nodiscard]] double value() const noexcept;

private:
    friend class Metrics;
    void* gauge_ = nullptr;
};

class Histogram {
public:
    Histogram() = default;
    void observe(double value) const noexcept;

private:
    friend class Metrics;
    void* histogram_ = nullptr;
};

class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // The same name and labels give the same series. Handles live as long as the registry.
    Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
    Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
    // Buckets for durations from 50 us to 30 s, in seconds.
    Histogram
    histogram(const std::string& name, const std::string& help, const Labels& labels = {});
    // Runs before every text(): gauges that are read rather than kept.
    void before_scrape(std::function<void()> refresh);
    // Prometheus text exposition 0.0.4.
    std::string text();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The process's registry, as every Prometheus client keeps one: a counter deep in a stage should
// not have to travel through every constructor.
Metrics& metrics();

}  // namespace gatehouse::gateway
