// SPDX-License-Identifier: Apache-2.0
//
// The road without a door: validated durable creates and audited reads per second with a number of
// senders on one I/O thread, and the processor time that each took, which a busy machine changes
// less than the rate. road_bench [seconds] [senders]

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fhir/json/value.hpp"
#include "gateway/base/log.hpp"
#include "tests/support/road.hpp"

namespace {

using namespace gatehouse;           // NOLINT
using namespace gatehouse::gateway;  // NOLINT
using tests::RoadFixture;
using Steady = std::chrono::steady_clock;

std::string body_of(int number) {
    return R"({"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number",)"
           R"("value":"9434765919","extension":[{"url":"https://fhir.hl7.org.uk/StructureDefinition/)"
           R"(Extension-UKCore-NHSNumberVerificationStatus","valueCodeableConcept":{"coding":[{"system":)"
           R"("https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland","code":"01",)"
           R"("display":"Number present and verified"}]}}]},{"system":"https://fhir.example/Id/local","value":")" +
           std::to_string(number) +
           R"("}],"active":true,"name":[{"use":"official","family":"Example","given":["Jo","Sam"]}],)"
           R"("telecom":[{"system":"phone","value":"01632960587"}],"gender":"female","birthDate":"1980-01-01",)"
           R"("address":[{"use":"home","line":["1 High Street"],"city":"Leeds","postalCode":"ZZ99 3WZ"}],)"
           R"("managingOrganization":{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code",)"
           R"("value":"RZZ99"}}})";
}

struct Tally {
    std::vector<double> milliseconds;
    int refused = 0;
    std::vector<std::string> ids;
};

struct Plan {
    RoadFixture* road;
    bool reads;
    int sender;
    Steady::time_point until;
    Tally* tally;
};

boost::asio::awaitable<void> sender(Plan plan) {
    for (int i = 0; Steady::now() < plan.until; ++i) {
        Request request;
        if (plan.reads) {
            const auto& ids = plan.tally->ids;
            const auto at = static_cast<std::size_t>(i * 16 + plan.sender) % ids.size();
            request = RoadFixture::request("GET", "Patient/" + ids[at]);
        } else {
            request = RoadFixture::request("POST", "Patient", body_of(i * 1000 + plan.sender));
        }
        const auto began = Steady::now();
        auto running = plan.road->pipeline->run(std::move(request));
        const Response response = co_await std::move(running);
        plan.tally->milliseconds.push_back(
            std::chrono::duration<double, std::milli>(Steady::now() - began).count()
        );
        if (response.status >= 300) {
            ++plan.tally->refused;
        } else if (!plan.reads && plan.tally->ids.size() < 1000) {
            Arena arena;
            const auto json = fhir::parse_json_value(response.body, arena);
            if (json) {
                plan.tally->ids.emplace_back(json->string("id"));
            }
        }
    }
}

double processor_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(
    RoadFixture& road, const char* name, bool reads, int senders, double seconds, Tally& tally
) {
    tally.milliseconds.clear();
    boost::asio::io_context context(1);
    const auto until = Steady::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
    for (int i = 0; i < senders; ++i) {
        const Plan plan{&road, reads, i, until, &tally};
        boost::asio::co_spawn(context, sender(plan), [](std::exception_ptr) {});
    }
    const int transactions = road.store->transactions;
    const int journal_syncs = road.journal_files.syncs;
    const int audit_syncs = road.audit_files.syncs;
    const double before = processor_seconds();
    const auto began = Steady::now();
    context.run();
    const double took = std::chrono::duration<double>(Steady::now() - began).count();
    const double used = processor_seconds() - before;
    auto& times = tally.milliseconds;
    std::sort(times.begin(), times.end());
    const auto count = static_cast<double>(times.size());
    std::printf(
        "%-8s %8.0f/s  p50 %6.2f ms  p99 %6.2f ms  %6.1f us of processor each  (%d refused)\n",
        name,
        count / took,
        times[times.size() / 2],
        times[times.size() * 99 / 100],
        used / count * 1e6,
        tally.refused
    );
    std::printf(
        "         per message: %.2f journal syncs, %.2f audit syncs, %.2f store transactions\n",
        (road.journal_files.syncs - journal_syncs) / count,
        (road.audit_files.syncs - audit_syncs) / count,
        (road.store->transactions - transactions) / count
    );
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
    const int senders = argc > 2 ? std::atoi(argv[2]) : 16;
    if (!RoadFixture::possible()) {
        std::puts(
            "the pinned definitions are not in the package cache; run deploy/fetch-definitions"
        );
        return 2;
    }
    const tests::ScratchFolder folder;
    RoadFixture road(folder);
    log::set_level(log::Level::warn);
    Tally tally;
    measure(road, "creates", false, senders, seconds, tally);
    if (tally.ids.empty()) {
        return 1;
    }
    measure(road, "reads", true, senders, seconds, tally);
    return tally.refused == 0 ? 0 : 1;
}
