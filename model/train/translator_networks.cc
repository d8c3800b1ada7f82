// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_networks.h"

#include <algorithm>
#include <utility>

#include "model/base/status_macros.h"

namespace carousel {
namespace {

TranslatorBatch ViewOf(const ExampleBatch& batch) {
  return {.source = batch.source,
          .resets = batch.resets,
          .target_in = batch.target_in,
          .targets = batch.targets};
}

int64_t CountTargets(const ExampleBatch& batch) {
  return std::count_if(batch.targets.begin(), batch.targets.end(),
                       [](int32_t target) { return target >= 0; });
}

}  // namespace

absl::StatusOr<TranslatorGrad*> TranslatorNetworks::For(
    const ExampleBatch& batch) {
  const DecoderShape shape = {.steps = batch.target_steps,
                              .rows = batch.rows,
                              .source_steps = batch.source_steps};
  const auto found = std::find_if(
      instances_.begin(), instances_.end(),
      [&](const Instance& instance) { return instance.shape == shape; });
  if (found != instances_.end()) {
    instances_.splice(instances_.begin(), instances_, found);
    return instances_.front().network.get();
  }
  const size_t bytes = TranslatorGrad::ApproximateBytes(sizes_, shape);
  size_t all = bytes;
  for (const Instance& instance : instances_) all += instance.bytes;
  for (; all > max_bytes_ && !instances_.empty(); instances_.pop_back()) {
    all -= instances_.back().bytes;
  }
  ASSIGN_OR_RETURN(auto network,
                   TranslatorGrad::Create(sizes_, shape, training_, output_));
  instances_.push_front(
      {.shape = shape, .bytes = bytes, .network = std::move(network)});
  return instances_.front().network.get();
}

absl::StatusOr<BatchLoss> TranslatorNetworks::Loss(
    absl::Span<const float* const> weights, const ExampleBatch& batch) {
  ASSIGN_OR_RETURN(TranslatorGrad* const network, For(batch));
  ASSIGN_OR_RETURN(const double loss,
                   network->Loss(weights, ViewOf(batch), &executor_));
  return BatchLoss{.loss = loss, .targets = CountTargets(batch)};
}

absl::StatusOr<BatchLoss> TranslatorNetworks::LossAndGradient(
    absl::Span<const float* const> weights, absl::Span<float* const> gradients,
    DropoutKey key, const ExampleBatch& batch) {
  ASSIGN_OR_RETURN(TranslatorGrad* const network, For(batch));
  key.first_row = batch.first_row;
  key.local_rows = batch.rows;
  key.global_rows = batch.global_rows;
  ASSIGN_OR_RETURN(const double loss,
                   network->LossAndGradient(weights, ViewOf(batch), key,
                                            gradients, &executor_));
  return BatchLoss{.loss = loss, .targets = CountTargets(batch)};
}

}  // namespace carousel
