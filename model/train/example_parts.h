// SPDX-License-Identifier: Apache-2.0
//
// The examples of a task (example_stream.h) as the passes of its trainer and
// the batches of its dev part, each process taking its rows of every batch.

#ifndef CAROUSEL_MODEL_TRAIN_EXAMPLE_PARTS_H_
#define CAROUSEL_MODEL_TRAIN_EXAMPLE_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/train/communicator.h"
#include "model/train/example_stream.h"
#include "model/train/trainer.h"

namespace carousel {

// A stream for each part of a batch that this process computes, one after the
// other: they go along together, each handing out rows of its own.
// Thread-compatible.
class ExampleParts {
 public:
  // REQUIRES: as ExampleStream.
  ExampleParts(const std::shared_ptr<const ExampleSet>& examples,
               ExampleStreamOptions options, int accumulate,
               const Communicator& communicator);

  int64_t batches_per_epoch() const { return streams_[0]->batches_per_epoch(); }
  int64_t epoch() const { return streams_[0]->epoch(); }

  // The passes of the next batch, computed by `networks->LossAndGradient(
  // weights, gradients, key, part)`. Valid until the next call.
  template <typename Networks>
  std::vector<Pass> NextPasses(Networks* networks) {
    std::vector<Pass> passes;
    for (size_t i = 0; i < streams_.size(); ++i) {
      ExampleBatch* const part = &parts_[i];
      streams_[i]->Next(part);
      if (part->rows == 0) continue;
      passes.push_back([networks, part](absl::Span<const float* const> weights,
                                        absl::Span<float* const> gradients,
                                        const DropoutKey& key) {
        return networks->LossAndGradient(weights, gradients, key, *part);
      });
    }
    return passes;
  }

  // As ExampleStream; the same whatever the number of parts.
  std::string Position() const { return streams_[0]->Position(); }
  absl::Status Seek(absl::string_view position);

 private:
  std::vector<std::unique_ptr<ExampleStream>> streams_;
  std::vector<ExampleBatch> parts_;  // of the streams, in a step
};

// Calls `use` with this process's rows of each batch in one pass through
// `examples`, unless there are none, and `on_progress` (training_task.h) after
// each batch: false if that ended the pass. Errors of `use`.
absl::StatusOr<bool> ForEachDevBatch(
    const std::shared_ptr<const ExampleSet>& examples,
    ExampleStreamOptions options, const Communicator& communicator,
    const std::function<bool(double done)>& on_progress,
    const std::function<absl::Status(const ExampleBatch& batch)>& use);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_EXAMPLE_PARTS_H_
