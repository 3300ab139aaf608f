#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// App: owns everything of a running gateway and wires it: configuration, rules, identity, journal,
// audit, store, pipeline, doors, housekeeping. The one place outside adapters/ that knows which
// store it is.
//
// Start: lock the data folder, bind both listeners (a taken port shows before work is done;
// requests get 503 until ready), load definitions while journal, audit and store open, replay the
// journal, mint sample tokens, ready. Stop: no new connections, requests in flight finish, what was
// accepted is applied, journal and audit close.

#include <memory>

#include "fhir/base/result.hpp"
#include "gateway/base/config.hpp"

namespace gatehouse::gateway {

class App {
public:
    // Started and ready to serve, or why not. Blocking, about half a second.
    static Result<std::unique_ptr<App>> start(const Config& config);
    virtual ~App() = default;

    // Policies, partners, owners, routes, default profiles, packages and certificates again: all or
    // nothing.
    virtual Result<void> reload() = 0;
    // Graceful stop. True if every request in flight finished by itself.
    virtual bool stop() = 0;
    [[nodiscard]] virtual std::uint16_t http_port() const = 0;
    [[nodiscard]] virtual std::uint16_t admin_port() const = 0;
};

}  // namespace gatehouse::gateway
