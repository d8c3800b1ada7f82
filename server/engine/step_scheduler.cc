// SPDX-License-Identifier: Apache-2.0

#include "server/engine/step_scheduler.h"

#include <algorithm>
#include <map>
#include <utility>

namespace carousel {
namespace {

// The largest power of two of steps that there are and that may be taken at
// once by each of `rows` sequences; 0 of none.
int StepsOf(int pending, int rows, const StepSchedulerOptions& options) {
  int steps = pending == 0 ? 0 : 1;
  while (steps > 0 && 2 * steps <= pending && 2 * steps <= options.max_steps &&
         2 * steps * rows <= options.max_cells) {
    steps *= 2;
  }
  return steps;
}

}  // namespace

void StepScheduler::Add(size_t worker, const ReadySequence& sequence) {
  Ready& ready = ready_[worker];
  const auto place =
      std::upper_bound(ready.begin(), ready.end(), sequence,
                       [](const ReadySequence& a, const ReadySequence& b) {
                         return a.due < b.due;
                       });
  ready.insert(place, sequence)->since = now_;
  ++size_;
}

bool StepScheduler::IsLong(const ReadySequence& sequence) const {
  return sequence.fed + sequence.pending > options_.max_cells;
}

StepBatch StepScheduler::Next(size_t worker, bool others) {
  if (Ready& own = ready_[worker]; !own.empty()) {
    return Take(own.size(), others, &own);
  }
  Ready& most = *std::max_element(
      ready_.begin(), ready_.end(),
      [](const Ready& a, const Ready& b) { return a.size() < b.size(); });
  if (most.empty()) return {};
  return Take((most.size() + 1) / 2, others, &most);
}

bool StepScheduler::GoesAlong(const ReadySequence& first, int steps,
                              const ReadySequence& other) const {
  if (first.group != other.group) return false;
  if (first.pending == 0) {
    return other.pending == 0 && first.question == other.question;
  }
  return other.pending >= steps;
}

StepBatch StepScheduler::Take(size_t most, bool others, Ready* ready) {
  const ReadySequence first = (*ready)[FirstOf(*ready, others)];
  const int most_cells = MostCells(first, *ready, others);
  const Room room = RoomWith(first, most_cells);
  StepBatch batch;
  int pending = first.pending;
  int64_t cells = 0;  // of the outputs
  Ready left;
  for (const ReadySequence& sequence : *ready) {
    const bool is_long = sequence.pending >= 2 * room.steps;
    const size_t rows = std::min(most, is_long ? room.long_rows : room.rows);
    const bool fits = first.pending > 0 || batch.ids.empty() ||
                      cells + sequence.cells <= most_cells;
    if (batch.ids.size() < rows && fits &&
        GoesAlong(first, room.steps, sequence)) {
      batch.ids.push_back(sequence.id);
      cells += sequence.cells;
      pending = std::min(pending, sequence.pending);
    } else {
      left.push_back(sequence);
    }
  }
  ready->swap(left);
  if (first.pending == 0 && first.shared) AddShared(first, &batch, &cells);
  const auto rows = static_cast<int>(batch.ids.size());
  batch.steps = first.any_steps && pending > 0
                    ? std::clamp(options_.max_cells / rows, 1,
                                 std::min(pending, options_.max_steps))
                    : StepsOf(pending, rows, options_);
  size_ -= batch.ids.size();
  now_ += pending == 0 ? cells : int64_t{rows} * batch.steps;
  return batch;
}

// Of all workers, as far as there is room.
void StepScheduler::AddShared(const ReadySequence& first, StepBatch* batch,
                              int64_t* cells) {
  const auto rows = static_cast<size_t>(options_.max_rows);
  for (Ready& ready : ready_) {
    Ready left;
    for (const ReadySequence& sequence : ready) {
      const bool fits = batch->ids.size() < rows &&
                        *cells + sequence.cells <= options_.max_output_cells;
      if (fits && sequence.shared && GoesAlong(first, 0, sequence)) {
        batch->ids.push_back(sequence.id);
        *cells += sequence.cells;
      } else {
        left.push_back(sequence);
      }
    }
    ready.swap(left);
  }
}

// The place of what is to be computed next.
size_t StepScheduler::FirstOf(const Ready& ready, bool others) const {
  const ReadySequence& first = ready.front();
  const bool bulk =
      !others && std::all_of(ready.begin(), ready.end(), [](const auto& one) {
        return one.bulk && one.whole;
      });
  if (bulk && now_ <= first.due + options_.bulk_patience) {
    return FullestOf(ready);
  }
  const bool waits = first.pending == 0 && first.shared && now_ < first.due;
  return waits ? StepsBefore(first, ready) : 0;
}

// The first that will ask for the same output soon, to go before it; else 0.
size_t StepScheduler::StepsBefore(const ReadySequence& output,
                                  const Ready& ready) const {
  const bool waits_long =
      IsLong(output) && now_ < output.since + options_.output_patience;
  const auto found =
      std::find_if(ready.begin(), ready.end(), [&](const ReadySequence& other) {
        const bool soon = waits_long || other.pending <= options_.max_steps;
        return other.pending > 0 && soon && other.shared &&
               other.group == output.group && other.question == output.question;
      });
  return found == ready.end() ? 0 : static_cast<size_t>(found - ready.begin());
}

size_t StepScheduler::FullestOf(const Ready& ready) const {
  std::map<std::pair<int64_t, int64_t>, int> rows;  // by group, question
  for (const ReadySequence& one : ready) ++rows[{one.group, one.question}];
  size_t first = 0;
  double fullest = 0;
  for (size_t i = 0; i < ready.size(); ++i) {
    const int most =
        std::clamp(options_.max_bulk_cells / std::max(1, ready[i].cells), 1,
                   options_.max_rows);
    const int found = rows[{ready[i].group, ready[i].question}];
    const double share = std::min(1.0, static_cast<double>(found) / most);
    if (share > fullest) first = i;
    fullest = std::max(fullest, share);
  }
  return first;
}

// Of a batch that begins with `first`.
int StepScheduler::MostCells(const ReadySequence& first, const Ready& ready,
                             bool others) const {
  if (!first.whole) {
    return first.pending == 0 ? options_.max_output_cells : options_.max_cells;
  }
  const bool alone = !others && std::all_of(ready.begin(), ready.end(),
                                            [](const ReadySequence& other) {
                                              return other.whole;
                                            });
  return alone ? options_.max_bulk_cells : options_.max_text_cells;
}

// Of a chunk that is most of what is left a short one has all; one that can
// wait keeps step with long_rows others.
StepScheduler::Room StepScheduler::RoomWith(const ReadySequence& first,
                                            int most_cells) const {
  const auto rows = [&](int most, int cells) {
    return static_cast<size_t>(std::clamp(most / cells, 1, options_.max_rows));
  };
  const auto all = static_cast<size_t>(options_.max_rows);
  const int chunk = StepsOf(first.pending, 1, options_);
  if (chunk <= 1) return {.steps = chunk, .rows = all, .long_rows = all};
  if (IsLong(first) || first.pending >= 2 * chunk) {
    const int steps = StepsOf(first.pending, options_.long_rows, options_);
    const size_t most = rows(most_cells, steps);
    return {.steps = steps, .rows = most, .long_rows = most};
  }
  return {.steps = chunk,
          .rows = rows(most_cells, chunk),
          .long_rows = rows(most_cells, 2 * chunk)};
}

}  // namespace carousel
