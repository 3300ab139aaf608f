-- SPDX-License-Identifier: Apache-2.0
-- Requests for wrk from a file that tests/bench/run writes: one a line, "METHOD<tab>target<tab>content
-- type or -<tab>file or -". Every thread walks the list from a place of its own. Answers that are not
-- 2xx are counted and reported at the end with the first one's status.
local requests, at = {}, 0
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    local token, list = args[1], args[2]
    local bodies = {}
    for line in io.lines(list) do
        local method, target, kind, file = line:match("^(%S+)\t(%S+)\t(.-)\t(.+)$")
        local headers = {["Authorization"] = "Bearer " .. token, ["Accept"] = "application/fhir+json"}
        local body = nil
        if file ~= "-" then
            headers["Content-Type"] = kind
            if not bodies[file] then
                local input = assert(io.open(file, "rb"))
                bodies[file] = input:read("*a")
                input:close()
            end
            body = bodies[file]
        end
        requests[#requests + 1] = wrk.format(method, target, headers, body)
    end
    at = (number or 0) * 7919 % #requests
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    io.write(string.format("RESULT %d %d %d %.1f %.1f %d\n", summary.requests, summary.duration,
        summary.errors.status, latency:percentile(50), latency:percentile(99),
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
