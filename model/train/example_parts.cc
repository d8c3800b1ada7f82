// SPDX-License-Identifier: Apache-2.0

#include "model/train/example_parts.h"

#include "model/base/status_macros.h"

namespace carousel {

ExampleParts::ExampleParts(const std::shared_ptr<const ExampleSet>& examples,
                           ExampleStreamOptions options, int accumulate,
                           const Communicator& communicator)
    : parts_(static_cast<size_t>(accumulate)) {
  options.parts = communicator.size() * accumulate;
  for (int i = 0; i < accumulate; ++i) {
    options.part = communicator.rank() * accumulate + i;
    streams_.push_back(std::make_unique<ExampleStream>(examples, options));
  }
}

absl::Status ExampleParts::Seek(absl::string_view position) {
  for (const auto& stream : streams_) RETURN_IF_ERROR(stream->Seek(position));
  return absl::OkStatus();
}

absl::StatusOr<bool> ForEachDevBatch(
    const std::shared_ptr<const ExampleSet>& examples,
    ExampleStreamOptions options, const Communicator& communicator,
    const std::function<bool(double done)>& on_progress,
    const std::function<absl::Status(const ExampleBatch& batch)>& use) {
  options.training = false;
  options.part = communicator.rank();
  options.parts = communicator.size();
  ExampleStream stream(examples, options);
  ExampleBatch batch;
  for (int64_t i = 0; stream.Next(&batch); ++i) {
    if (batch.rows > 0) RETURN_IF_ERROR(use(batch));
    const double done = static_cast<double>(i + 1) /
                        static_cast<double>(stream.batches_per_epoch());
    if (!on_progress(done)) return false;
  }
  return true;
}

}  // namespace carousel
