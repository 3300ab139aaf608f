#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Housekeeping: the thread that watches the disk, makes the store safe, lets old journal segments
// go and forgets receipts past the deduplication window. All of it off the request path; a failure
// is logged, counted and tried again, and stops nothing.

#include <memory>

#include "gateway/app/data_folder.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/base/config.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/pipeline/pipeline.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

enum class Watermark : std::uint8_t { fine, warned, refused };
const char* to_string(Watermark mark) noexcept;

// Which mark the free space is at. `before`: hysteresis, so that writes do not flicker at the edge.
Watermark watermark(const Config::Data& limits, const DiskSpace& space, Watermark before) noexcept;

class Housekeeping {
public:
    struct Parts {
        const Config& config;
        const Clock& clock;
        Journal& journal;
        Store& store;
        Pipeline& pipeline;
    };
    static std::unique_ptr<Housekeeping> start(Parts parts);
    virtual ~Housekeeping() = default;
    // Safe to call twice; mark() stays readable.
    virtual void stop() = 0;
    [[nodiscard]] virtual Watermark mark() const = 0;
};

}  // namespace gatehouse::gateway
