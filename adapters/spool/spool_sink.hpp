#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SpoolSink: a folder of notifications, one JSON file each, named by its message id. A file is
// whole when it appears (written under a hidden name, synced, renamed); whoever reads takes it
// away. The same message delivered again replaces its file.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "gateway/pipeline/sink.hpp"

namespace gatehouse::adapters {

struct SpoolOptions {
    std::filesystem::path folder;       // made when it is first needed
    std::uint64_t files_max = 100'000;  // over it: Errc::busy until somebody takes files away
};

std::unique_ptr<gateway::Sink> make_spool_sink(const SpoolOptions& options);

}  // namespace gatehouse::adapters
