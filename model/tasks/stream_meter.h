// SPDX-License-Identifier: Apache-2.0
//
// Counts how well a model foresees a stream: a text of one state from beginning
// to end (LineContext::kStream), however long. The state moves on a stretch at
// a time; the costly rest, logits and counts of the stretches before, goes on
// beside it on other threads.

#ifndef CAROUSEL_MODEL_TASKS_STREAM_METER_H_
#define CAROUSEL_MODEL_TASKS_STREAM_METER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/tasks/continuous_cache.h"
#include "model/tasks/sequence_meter.h"

namespace carousel {

struct StreamMeterOptions {
  // One moves the state on, the others do the rest.
  int threads = 1;

  CacheOptions cache = {};
  // Makes dot products for one thread; may be empty.
  std::function<DotProducts()> make_dot_products = nullptr;
};

struct StreamCounts {
  TextCounts text;
  // -log p of all tokens in nats with the cache, by setting; empty without.
  std::vector<double> cache_losses;
};

// The first input is <eos>; every token added is a target and then the next
// input. The counts do not depend on the number of threads. Belongs to one
// thread; what it is given must outlive it.
class StreamMeter {
 public:
  StreamMeter(const Model& model, const std::vector<bool>& guessable,
              StreamMeterOptions options);
  ~StreamMeter();

  absl::Status Add(int32_t token, bool is_word);

  // The counts of all tokens. To be called once, at the end.
  absl::StatusOr<StreamCounts> Finish();

 private:
  class Worker;

  struct Stretch {
    std::shared_ptr<const StreamSteps> steps;
    std::vector<bool> is_word;  // by step
    std::vector<std::shared_ptr<const StreamSteps>> past;
  };

  absl::Status MeasurePending();
  absl::Status HandOut(Stretch stretch);
  absl::Status Collect(Worker* worker);
  void Remember(std::shared_ptr<const StreamSteps> steps);

  const Model& model_;
  const StreamMeterOptions options_;
  const TargetMeter target_meter_;
  LanguageModel::Workspace workspace_;
  RecurrentState state_;
  std::vector<int32_t> inputs_;  // of the pending targets, and the next one
  StreamSteps pending_;
  std::vector<bool> pending_is_word_;
  std::deque<std::shared_ptr<const StreamSteps>> past_;  // for the cache
  std::vector<std::unique_ptr<Worker>> workers_;
  size_t next_worker_ = 0;
  StreamCounts counts_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_STREAM_METER_H_
