// SPDX-License-Identifier: Apache-2.0
//
// Entries of a large Bundle, judged by several threads. The walk of the Bundle leaves the resources
// of its entries aside, with the place in the list of findings where theirs belong; then every
// thread takes some of them with a walker of its own; then the findings are put together in the
// order of the message. The outcome is that of one thread, to the byte: where the step budget is so
// nearly spent that it could matter who took which step, the message is judged again by one thread.

#include <algorithm>
#include <atomic>
#include <mutex>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::size_t entries_min = 8;
constexpr std::size_t bytes_min = 64 * 1024;  // below, starting help costs more than it gives
constexpr std::size_t entries_at_once = 4;

}  // namespace

bool Walker::worth_help(const Element& root) const noexcept {
    if (options_.helpers == nullptr || options_.helpers->count == 0 || root.type != known_.bundle ||
        root.end_offset - root.offset < bytes_min) {
        return false;
    }
    std::size_t entries = 0;
    for (const Element* child = root.first_child; child != nullptr && entries < entries_min;
         child = child->next) {
        entries += child->name == "entry" ? 1U : 0U;
    }
    return entries >= entries_min;
}

bool Walker::set_aside(const Element& at, const Actives& rules) {
    if (gather_from_ == nullptr || scope_ == nullptr || scope_->resource != gather_from_ ||
        quiet_ != 0 || at.name != "resource") {
        return false;
    }
    jobs_.push_back({&at, rules, out_.issues.size(), out_.unchecked.count, unchecked_sets_.count});
    return true;
}

Walker::EntryResult Walker::judge_entry(const EntryJob& job) {
    const std::uint64_t before = steps_left_;
    const ArenaScope temporaries(arena_);
    Actives rules = job.rules;
    walk_child(*job.at, rules);
    EntryResult result;
    result.issues = std::move(out_.issues);
    result.places = std::move(issue_places_);
    result.errors = errors_;
    result.not_checkable = out_.not_checkable;
    result.steps = before - steps_left_;
    result.unchecked = out_.unchecked;
    result.unchecked_sets = unchecked_sets_;
    out_ = {};
    issue_places_.clear();
    cut_ = false;
    errors_ = 0;
    unchecked_sets_ = {};
    steps_left_ = before;
    return result;
}

void Walker::report_steps() {
    if (shared_steps_->fetch_add(unreported_steps_) + unreported_steps_ > options_.step_budget) {
        steps_left_ = 0;  // together they have taken too many: the run is for nothing
    }
    unreported_steps_ = 0;
}

void Walker::judge_set_aside() {
    gather_from_ = nullptr;
    std::vector<EntryResult> results(jobs_.size());
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> steps{0};
    std::atomic<bool> failed{false};
    // Once the entries before have more findings than the list takes (and what of them repeats the
    // Bundle's own), later ones need not write theirs: memory is bounded by the list's length.
    std::atomic<bool> full{false};
    std::mutex mutex;
    std::vector<bool> done(jobs_.size());
    std::size_t done_until = 0;
    std::size_t issues_until = 0;
    const auto finish = [&](std::size_t from, std::size_t to) {
        const std::lock_guard lock(mutex);
        std::fill(
            done.begin() + static_cast<std::ptrdiff_t>(from),
            done.begin() + static_cast<std::ptrdiff_t>(to),
            true
        );
        for (; done_until < done.size() && done[done_until]; ++done_until) {
            issues_until += results[done_until].issues.size();
        }
        full = issues_until > 2U * options_.issues_max + 100;
    };
    const auto task = [&] {
        try {
            Arena arena;
            Walker walker(
                schema_, terminology_, planner_, known_, options_, chooser_, source_, arena
            );
            walker.scope_ = scope_;
            walker.steps_left_ = steps_left_;
            walker.shared_steps_ = &steps;
            for (std::size_t from = next.fetch_add(entries_at_once);
                 from < jobs_.size() && !failed.load(std::memory_order_relaxed);
                 from = next.fetch_add(entries_at_once)) {
                const std::size_t to = std::min(from + entries_at_once, jobs_.size());
                for (std::size_t i = from; i < to; ++i) {
                    walker.cut_ = full.load(std::memory_order_relaxed);
                    results[i] = walker.judge_entry(jobs_[i]);
                    if (steps.load(std::memory_order_relaxed) > options_.step_budget) {
                        failed = true;
                    }
                }
                finish(from, to);
            }
        } catch (...) {
            failed = true;  // out of memory: one thread needs less
        }
    };
    options_.helpers->run(task);
    std::uint64_t taken = 0;
    for (const EntryResult& result : results) {
        taken += result.steps;
    }
    if (failed || taken >= steps_left_) {
        steps_left_ = 0;  // run() sees that and says so
        return;
    }
    steps_left_ -= taken;
    put_together(results);
}

// Findings and unchecked systems in the order in which one walk would have met them.
void Walker::put_together(std::vector<EntryResult>& results) {
    Issues issues = std::move(out_.issues);
    const std::vector<const Element*> places = std::move(issue_places_);
    const UncheckedSystems systems = std::exchange(out_.unchecked, {});
    const UncheckedSets sets = std::exchange(unchecked_sets_, {});
    out_.issues = {};
    issue_places_ = {};
    cut_ = false;
    std::size_t issue = 0;
    std::size_t system = 0;
    std::size_t set = 0;
    const auto own_until = [&](std::size_t issue_end, std::size_t system_end, std::size_t set_end) {
        for (; issue < std::min(issue_end, issues.size()); ++issue) {
            keep_issue(std::move(issues[issue]), places[issue]);
        }
        for (; system < std::min(system_end, systems.count); ++system) {
            note_unchecked(systems.list[system].system, systems.list[system].codes);
        }
        for (; set < std::min(set_end, sets.count); ++set) {
            note_unchecked(*sets.list[set].set, sets.list[set].system);
        }
    };
    for (std::size_t i = 0; i < results.size(); ++i) {
        EntryResult& result = results[i];
        own_until(jobs_[i].issues_before, jobs_[i].unchecked_before, jobs_[i].sets_before);
        for (std::size_t k = 0; k < result.issues.size(); ++k) {
            keep_issue(std::move(result.issues[k]), result.places[k]);
        }
        for (std::size_t k = 0; k < result.unchecked.count; ++k) {
            note_unchecked(result.unchecked.list[k].system, result.unchecked.list[k].codes);
        }
        for (std::size_t k = 0; k < result.unchecked_sets.count; ++k) {
            note_unchecked(
                *result.unchecked_sets.list[k].set, result.unchecked_sets.list[k].system
            );
        }
        out_.unchecked.codes_beyond += result.unchecked.codes_beyond;
        errors_ += result.errors;
        out_.not_checkable += result.not_checkable;
    }
    own_until(issues.size(), systems.count, sets.count);
    out_.unchecked.codes_beyond += systems.codes_beyond;
    jobs_.clear();
}

}  // namespace gatehouse::fhir::judge
