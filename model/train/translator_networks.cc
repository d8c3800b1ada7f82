// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_networks.h"

#include <algorithm>

#include "model/base/status_macros.h"
#include "model/train/row_parts.h"

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
  return cache_.Get(
      shape, TranslatorGrad::ApproximateBytes(sizes_, shape), [&] {
        return TranslatorGrad::Create(sizes_, shape, training_, output_);
      });
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
  key = KeyOfPart(key, {.first = batch.first_row, .count = batch.rows},
                  batch.global_rows);
  ASSIGN_OR_RETURN(const double loss,
                   network->LossAndGradient(weights, ViewOf(batch), key,
                                            gradients, &executor_));
  return BatchLoss{.loss = loss, .targets = CountTargets(batch)};
}

}  // namespace carousel
