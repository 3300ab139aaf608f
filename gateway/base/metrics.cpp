// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/metrics.hpp"

#include <map>
#include <mutex>
#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace gatehouse::gateway {

namespace {

std::map<std::string, std::string> as_map(const Labels& labels) {
    return {labels.begin(), labels.end()};
}

prometheus::Histogram::BucketBoundaries duration_buckets() {
    return {
        0.00005,
        0.0001,
        0.00025,
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30};
}

}  // namespace

struct Metrics::Impl {
    prometheus::Registry registry;
    std::mutex mutex;
    std::vector<std::function<void()>> refreshers;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    Counter out;
    out.counter_ = &family.Add(as_map(labels));
    return out;
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    Gauge out;
    out.gauge_ = &family.Add(as_map(labels));
    return out;
}

Histogram
Metrics::histogram(const std::string& name, const std::string& help, const Labels& labels) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    Histogram out;
    out.histogram_ = &family.Add(as_map(labels), duration_buckets());
    return out;
}

void Metrics::before_scrape(std::function<void()> refresh) {
    const std::lock_guard lock(impl_->mutex);
    impl_->refreshers.push_back(std::move(refresh));
}

std::string Metrics::text() {
    {
        const std::lock_guard lock(impl_->mutex);
        for (const auto& refresh : impl_->refreshers) {
            refresh();
        }
    }
    return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

void Counter::add(double by) const noexcept {
    if (counter_ != nullptr) {
        static_cast<prometheus::Counter*>(counter_)->Increment(by);
    }
}

void Gauge::set(double value) const noexcept {
    if (gauge_ != nullptr) {
        static_cast<prometheus::Gauge*>(gauge_)->Set(value);
    }
}

void Gauge::add(double by) const noexcept {
    if (gauge_ != nullptr) {
        static_cast<prometheus::Gauge*>(gauge_)->Increment(by);
    }
}

double Gauge::value() const noexcept {
    return gauge_ != nullptr ? static_cast<const prometheus::Gauge*>(gauge_)->Value() : 0;
}

void Histogram::observe(double value) const noexcept {
    if (histogram_ != nullptr) {
        static_cast<prometheus::Histogram*>(histogram_)->Observe(value);
    }
}

Metrics& metrics() {
    static Metrics instance;
    return instance;
}

}  // namespace gatehouse::gateway
