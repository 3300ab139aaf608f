// SPDX-License-Identifier: Apache-2.0
//
// Entries of a large Bundle, judged by several threads. The walk of the Bundle leaves its entries
// aside, and what the Bundle's definition asks of all of them, as jobs with the place in the list
// of findings where theirs belong; then every thread takes some of them with a walker of its own;
// then the findings are put together in the order of the message. What the entries of a document or
// message refer to is followed along with each, while it is in the caches, and kept for
// check_links(). The outcome is that of one thread, to the byte: where the step budget is so
// nearly spent that it could matter who took which step, the message is judged again by one thread.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::size_t entries_min = 8;
constexpr std::size_t bytes_min = 64 * 1024;  // below, starting help costs more than it gives
// Jobs that a thread takes at once: few enough that all end together, and no more often than is
// worth what the threads then have to tell one another.
constexpr std::size_t jobs_at_once_min = 4;
constexpr std::size_t jobs_at_once_max = 32;

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

bool Walker::set_aside(const Element& at, const PlanRule* asked, const Actives* rules) {
    if (quiet_ != 0) {
        return false;
    }
    // Nearly every entry is held to what the one before it is.
    if (rules != nullptr &&
        (job_rules_.empty() || !std::ranges::equal(job_rules_.back(), *rules))) {
        job_rules_.push_back(*rules);
    }
    jobs_.push_back(
        {&at,
         asked,
         job_rules_.size() - 1,
         out_.issues.size(),
         out_.unchecked.count,
         unchecked_sets_.count}
    );
    return true;
}

template <class Work> Walker::JobResult Walker::judge_job(const Work& work) {
    const std::uint64_t before = steps_left_;
    const ArenaScope temporaries(arena_);
    work();
    JobResult result;
    result.errors = errors_;
    result.not_checkable = out_.not_checkable;
    result.steps = before - steps_left_;
    errors_ = 0;
    out_.not_checkable = 0;
    steps_left_ = before;
    result.cut = list_.cut();
    list_.reset();
    if (out_.issues.empty() && element_ids_.empty()) {
        return result;
    }
    result.words = std::make_unique<JobWords>();
    result.words->issues = std::exchange(out_.issues, {});
    result.words->places = std::exchange(issue_places_, {});
    result.words->ids = std::exchange(element_ids_, {});
    return result;
}

void Walker::report_steps() {
    if (shared_steps_->fetch_add(unreported_steps_) + unreported_steps_ > options_.step_budget) {
        steps_left_ = 0;  // together they have taken too many: the run is for nothing
    }
    unreported_steps_ = 0;
}

// The index, if what the entries refer to is to be followed and each of them is a job.
const BundleIndex* Walker::index_for_links() const noexcept {
    const BundleIndex* index = scope_->index;
    const std::string_view type = scope_->resource->child_value("type");
    if (index == nullptr || (type != "document" && type != "message") ||
        jobs_.size() < index->entries().size()) {
        return nullptr;
    }
    const std::span<const Job> jobs = std::span(jobs_).last(index->entries().size());
    return std::ranges::equal(jobs, index->entries(), {}, &Job::at, &BundleIndex::Entry::entry)
               ? index
               : nullptr;
}

void Walker::judge_part(const Job& job, const Actives* given) {
    if (job.asked != nullptr) {
        check_values(*job.at, *job.asked);
    } else {
        Actives rules = *given;
        walk_child(*job.at, rules);
    }
}

void Walker::judge_set_aside() {
    const Element& bundle = *std::exchange(gather_from_, nullptr);
    if (jobs_.empty()) {
        return;
    }
    const BundleIndex* index = index_for_links();
    const std::size_t entries = index == nullptr ? 0 : index->entries().size();
    const std::size_t first_linked = jobs_.size() - entries;
    links_.resize(entries);
    std::vector<JobResult> results(jobs_.size());
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> steps{0};
    std::atomic<bool> failed{false};
    // Once the entries before have more findings than the list takes (and what of them repeats the
    // Bundle's own), later ones need not write theirs: memory is bounded by the list's length.
    std::mutex mutex;
    ListBounds::Cut full;
    std::vector<UncheckedTally::Met> met = met_before_jobs();
    std::vector<bool> done(jobs_.size());
    std::size_t done_until = 0;
    std::size_t errors_until = 0;
    std::size_t lesser_until = 0;
    std::size_t entries_until = 0;  // with errors
    // These jobs are done; of what later ones need not write more.
    const auto finish = [&](std::size_t from, std::size_t to) {
        const std::lock_guard lock(mutex);
        std::fill(
            done.begin() + static_cast<std::ptrdiff_t>(from),
            done.begin() + static_cast<std::ptrdiff_t>(to),
            true
        );
        for (; done_until < done.size() && done[done_until]; ++done_until) {
            const JobWords* words = results[done_until].words.get();
            if (words == nullptr) {
                continue;
            }
            const auto errors = static_cast<std::size_t>(std::ranges::count_if(
                words->issues, [](const Issue& issue) { return issue.severity <= Severity::error; }
            ));
            errors_until += errors;
            lesser_until += words->issues.size() - errors;
            entries_until += errors > 0 ? 1 : 0;
        }
        const std::size_t enough = 2U * options_.issues_max + 100;
        full = {
            errors_until + lesser_until > enough,
            errors_until > enough,
            entries_until > ListBounds::entries_max + 100};
        return full;
    };
    const std::size_t at_once = std::clamp(jobs_.size() / 64, jobs_at_once_min, jobs_at_once_max);
    const auto task = [&] {
        try {
            Arena arena;
            Walker walker(
                schema_, terminology_, planner_, known_, options_, chooser_, source_, arena
            );
            walker.scope_ = scope_;
            walker.list_ = list_;
            walker.list_.reset();
            walker.steps_left_ = steps_left_;
            walker.shared_steps_ = &steps;
            UncheckedTally tally;
            walker.tally_ = &tally;
            const auto judge = [&](std::size_t number, const ListBounds::Cut& enough) {
                const Job& job = jobs_[number];
                if (number + 1 < jobs_.size()) {
                    look_ahead(*jobs_[number + 1].at);
                }
                walker.list_.stop(enough);
                tally.begin(number);
                results[number] = walker.judge_job([&] {
                    walker.judge_part(job, job.asked != nullptr ? nullptr : &job_rules_[job.rules]);
                });
                if (number < first_linked) {
                    return;
                }
                const std::size_t place = number - first_linked;
                walker.list_.stop(enough);
                links_[place].found = walker.judge_job([&] {
                    links_[place].links = walker.follow_links(bundle, *index, place);
                });
            };
            ListBounds::Cut enough;
            for (std::size_t from = next.fetch_add(at_once);
                 from < jobs_.size() && !failed.load(std::memory_order_relaxed);
                 from = next.fetch_add(at_once)) {
                const std::size_t to = std::min(from + at_once, jobs_.size());
                for (std::size_t i = from; i < to; ++i) {
                    judge(i, enough);
                    if (steps.load(std::memory_order_relaxed) > options_.step_budget) {
                        failed = true;
                    }
                }
                enough = finish(from, to);
            }
            const std::lock_guard lock(mutex);
            failed = failed || tally.left_out();
            met.insert(met.end(), tally.list().begin(), tally.list().end());
        } catch (...) {
            failed = true;  // out of memory: one thread needs less
        }
    };
    options_.helpers->run(task);
    std::uint64_t taken = 0;
    for (const JobResult& result : results) {
        taken += result.steps;
    }
    for (const LinkResult& link : links_) {
        taken += link.found.steps;
    }
    if (failed || taken >= steps_left_) {
        steps_left_ = 0;  // run() sees that and says so
        return;
    }
    steps_left_ -= taken;
    put_together(results);
    note_in_order(met);
}

// Findings of a job, behind those that are here.
void Walker::add_result(JobResult& result) {
    errors_ += result.errors;
    out_.not_checkable += result.not_checkable;
    list_.note_cut(result.cut);
    if (result.words == nullptr) {
        return;
    }
    JobWords& words = *result.words;
    for (std::size_t i = 0; i < words.issues.size(); ++i) {
        keep_issue(std::move(words.issues[i]), words.places[i]);
    }
    element_ids_.insert(element_ids_.end(), words.ids.begin(), words.ids.end());
}

// In the order in which one walk would have met them.
void Walker::put_together(std::vector<JobResult>& results) {
    Issues issues = std::move(out_.issues);
    const std::vector<const Element*> places = std::move(issue_places_);
    out_.issues = {};
    issue_places_ = {};
    const ListBounds::Cut own_cut = list_.cut();
    list_.reset();
    list_.note_cut(own_cut);
    std::size_t issue = 0;
    const auto own_until = [&](std::size_t end) {
        for (; issue < std::min(end, issues.size()); ++issue) {
            keep_issue(std::move(issues[issue]), places[issue]);
        }
    };
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i].words != nullptr) {
            own_until(jobs_[i].issues_before);
        }
        add_result(results[i]);
    }
    own_until(issues.size());
    jobs_.clear();
    job_rules_.clear();
}

// What the Bundle's own walk could not check, each with the job that it was met before.
std::vector<UncheckedTally::Met> Walker::met_before_jobs() const {
    std::vector<UncheckedTally::Met> out;
    const auto job_after = [&](std::size_t Job::*before, std::size_t place) {
        const auto found = std::ranges::upper_bound(jobs_, place, {}, before);
        return static_cast<std::size_t>(found - jobs_.begin());
    };
    for (std::size_t i = 0; i < out_.unchecked.count; ++i) {
        const auto& one = out_.unchecked.list[i];
        out.push_back({job_after(&Job::unchecked_before, i), nullptr, one.system, one.codes});
    }
    for (std::size_t i = 0; i < unchecked_sets_.count; ++i) {
        const auto& one = unchecked_sets_.list[i];
        out.push_back({job_after(&Job::sets_before, i), one.set, one.system, 0});
    }
    return out;
}

// Notes all anew, each walker's list behind the one before within a job.
void Walker::note_in_order(std::vector<UncheckedTally::Met>& met) {
    const std::uint32_t beyond = out_.unchecked.codes_beyond;
    out_.unchecked = {};
    out_.unchecked.codes_beyond = beyond;
    unchecked_sets_ = {};
    std::ranges::stable_sort(met, {}, &UncheckedTally::Met::job);
    for (const UncheckedTally::Met& one : met) {
        if (one.set != nullptr) {
            note_unchecked(*one.set, one.system);
        } else {
            note_unchecked(one.system, one.codes);
        }
    }
}

}  // namespace gatehouse::fhir::judge
