// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_networks.h"

#include <cstddef>
#include <cstdint>

#include "model/base/status_macros.h"
#include "model/train/row_parts.h"

namespace carousel {
namespace {

LabelledTexts ViewOf(const ExampleBatch& batch) {
  return {.texts = {.tokens = batch.source, .lengths = batch.lengths},
          .resets = batch.resets,
          .labels = batch.targets};
}

// Of the activations, which are nearly all that an instance holds: for each
// step, layer and direction the gates, their gradient, and some six vectors of
// the width of the state; and what the first layer reads.
size_t ApproximateBytes(const ClassifierSizes& sizes, int steps, int rows) {
  const int64_t of_layers = int64_t{sizes.rnn.layers} * sizes.rnn.outputs() *
                            (2 * GateCount(sizes.rnn.cell) + 6);
  const int64_t cells = int64_t{steps} * rows;
  return static_cast<size_t>(cells * (of_layers + 3 * sizes.embedding)) *
         sizeof(float);
}

}  // namespace

absl::StatusOr<ClassifierGrad*> ClassifierNetworks::For(
    const ExampleBatch& batch) {
  const int steps = batch.source_steps;
  const int rows = batch.rows;
  return cache_.Get({steps, rows}, ApproximateBytes(sizes_, steps, rows), [&] {
    return ClassifierGrad::Create(sizes_, steps, rows, training_, precision_);
  });
}

absl::StatusOr<ClassifierFigures> ClassifierNetworks::Loss(
    absl::Span<const float* const> weights, const ExampleBatch& batch) {
  ASSIGN_OR_RETURN(ClassifierGrad* const network, For(batch));
  return network->Loss(weights, ViewOf(batch));
}

absl::StatusOr<BatchLoss> ClassifierNetworks::LossAndGradient(
    absl::Span<const float* const> weights, absl::Span<float* const> gradients,
    DropoutKey key, const ExampleBatch& batch) {
  ASSIGN_OR_RETURN(ClassifierGrad* const network, For(batch));
  key = KeyOfPart(key, {.first = batch.first_row, .count = batch.rows},
                  batch.global_rows);
  ASSIGN_OR_RETURN(
      const ClassifierFigures figures,
      network->LossAndGradient(weights, ViewOf(batch), key, gradients));
  return BatchLoss{.loss = figures.loss, .targets = figures.texts};
}

}  // namespace carousel
