// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/stream_meter.h"

#include <omp.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Steps of a stretch.
constexpr size_t kSteps = 128;

// Steps whose logits are in memory at once: 4 MB at 33,000 words.
constexpr size_t kLogitRows = 32;

}  // namespace

// Logits and counts of stretches, one at a time, on a thread of its own.
class StreamMeter::Worker {
 public:
  Worker(const LanguageModel& network, const TargetMeter& target_meter,
         const StreamMeterOptions& options)
      : network_(network), target_meter_(target_meter) {
    if (options.cache.size == 0) return;
    losses_ = options.cache.settings.size();
    cache_.emplace(
        options.cache, network.sizes().hidden,
        options.make_dot_products ? options.make_dot_products() : nullptr);
  }

  absl::StatusOr<StreamCounts> Measure(const Stretch& stretch) {
    StreamCounts counts;
    log_probabilities_.clear();
    const size_t steps = stretch.steps->targets.size();
    for (size_t done = 0; done < steps; done += kLogitRows) {
      RETURN_IF_ERROR(MeasureRows(
          stretch, done, std::min(kLogitRows, steps - done), &counts.text));
    }
    if (cache_) {
      counts.cache_losses.resize(losses_);
      RETURN_IF_ERROR(cache_->AddLosses(stretch.past, *stretch.steps,
                                        log_probabilities_,
                                        absl::MakeSpan(counts.cache_losses)));
    }
    return counts;
  }

  // REQUIRES: !is_busy().
  void Begin(Stretch stretch) {
    result_ = std::async(std::launch::async, [this, s = std::move(stretch)] {
      omp_set_num_threads(1);  // this thread's own setting
      return Measure(s);
    });
  }

  bool is_busy() const { return result_.valid(); }

  // Waits for the end. REQUIRES: is_busy().
  absl::StatusOr<StreamCounts> Take() { return result_.get(); }

 private:
  absl::Status MeasureRows(const Stretch& stretch, size_t first, size_t rows,
                           TextCounts* counts) {
    const size_t hidden = static_cast<size_t>(network_.sizes().hidden);
    const size_t width = static_cast<size_t>(network_.sizes().vocabulary);
    logits_.resize(rows * width);
    RETURN_IF_ERROR(network_.Logits(absl::MakeConstSpan(stretch.steps->top)
                                        .subspan(first * hidden, rows * hidden),
                                    static_cast<int>(rows), 0,
                                    network_.sizes().vocabulary,
                                    absl::MakeSpan(logits_), &workspace_));
    for (size_t i = 0; i < rows; ++i) {
      log_probabilities_.push_back(target_meter_.Add(
          {stretch.steps->targets[first + i], stretch.is_word[first + i]},
          absl::MakeConstSpan(logits_).subspan(i * width, width), counts));
    }
    return absl::OkStatus();
  }

  const LanguageModel& network_;
  const TargetMeter& target_meter_;
  size_t losses_ = 0;
  std::optional<ContinuousCache> cache_;
  LanguageModel::Workspace workspace_;
  std::vector<float> logits_;
  std::vector<double> log_probabilities_;  // of the targets of a stretch
  std::future<absl::StatusOr<StreamCounts>> result_;
};

StreamMeter::StreamMeter(const Model& model, const std::vector<bool>& guessable,
                         StreamMeterOptions options)
    : model_(model),
      options_(std::move(options)),
      target_meter_(model.tokenizer(), guessable),
      state_(model.network().InitialState(1)),
      inputs_({Vocabulary::kEndOfLine}) {
  for (int i = 0; i < std::max(1, options_.threads - 1); ++i) {
    workers_.push_back(
        std::make_unique<Worker>(model.network(), target_meter_, options_));
  }
}

// A worker's future waits for its thread.
StreamMeter::~StreamMeter() = default;

absl::Status StreamMeter::Add(int32_t token, bool is_word) {
  pending_.targets.push_back(token);
  pending_is_word_.push_back(is_word);
  inputs_.push_back(token);
  return pending_.targets.size() == kSteps ? MeasurePending()
                                           : absl::OkStatus();
}

absl::Status StreamMeter::MeasurePending() {
  const size_t steps = pending_.targets.size();
  RETURN_IF_ERROR(model_.network().Advance(
      absl::MakeConstSpan(inputs_).first(steps), static_cast<int>(steps),
      /*rows=*/1, &state_, &pending_.top, &workspace_));
  inputs_ = {inputs_.back()};
  auto measured = std::make_shared<const StreamSteps>(
      std::exchange(pending_, StreamSteps()));
  Stretch stretch = {measured,
                     std::exchange(pending_is_word_, {}),
                     {past_.begin(), past_.end()}};
  Remember(std::move(measured));
  return HandOut(std::move(stretch));
}

void StreamMeter::Remember(std::shared_ptr<const StreamSteps> steps) {
  past_.push_back(std::move(steps));
  size_t known = 0;
  for (const auto& some : past_) known += some->targets.size();
  const size_t needed = static_cast<size_t>(options_.cache.size);
  while (!past_.empty() && known - past_.front()->targets.size() >= needed) {
    known -= past_.front()->targets.size();
    past_.pop_front();
  }
}

// The workers take turns, so that counts are added in the order of the text.
absl::Status StreamMeter::HandOut(Stretch stretch) {
  Worker* worker = workers_[next_worker_].get();
  next_worker_ = (next_worker_ + 1) % workers_.size();
  if (worker->is_busy()) RETURN_IF_ERROR(Collect(worker));
  worker->Begin(std::move(stretch));
  // Alone, this thread waits: no more than one computes.
  return options_.threads == 1 ? Collect(worker) : absl::OkStatus();
}

absl::Status StreamMeter::Collect(Worker* worker) {
  ASSIGN_OR_RETURN(const StreamCounts counts, worker->Take());
  counts_.text += counts.text;
  counts_.cache_losses.resize(counts.cache_losses.size());
  for (size_t i = 0; i < counts.cache_losses.size(); ++i) {
    counts_.cache_losses[i] += counts.cache_losses[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<StreamCounts> StreamMeter::Finish() {
  if (!pending_.targets.empty()) RETURN_IF_ERROR(MeasurePending());
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker* worker = workers_[(next_worker_ + i) % workers_.size()].get();
    if (worker->is_busy()) RETURN_IF_ERROR(Collect(worker));
  }
  return std::move(counts_);
}

}  // namespace carousel
