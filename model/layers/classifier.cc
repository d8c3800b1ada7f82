// SPDX-License-Identifier: Apache-2.0

#include "model/layers/classifier.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/distinct_tokens.h"
#include "model/layers/embedding.h"
#include "model/layers/head_kernels.h"
#include "model/layers/packing.h"

namespace carousel {

struct Classifier::Workspace::Rep {
  StackWorkspace stack;
  DistinctTokens distinct;
  std::vector<float> x;       // (U, E)
  std::vector<float> y;       // (T, N, D * H)
  std::vector<float> pooled;  // (N, P)
};

Classifier::Workspace::Workspace() : rep_(std::make_unique<Rep>()) {}
Classifier::Workspace::~Workspace() = default;
Classifier::Workspace::Workspace(Workspace&&) noexcept = default;
Classifier::Workspace& Classifier::Workspace::operator=(Workspace&&) noexcept =
    default;

struct Classifier::Rep {
  ClassifierSizes sizes;
  Tensor embedding;  // (V, E)
  std::unique_ptr<const RecurrentStack> stack;
  std::unique_ptr<const Pooling> pooling;
  std::unique_ptr<const PackedMatrix> output;  // (P, L)
  std::vector<float> output_bias;              // (L)
};

Classifier::Classifier(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Classifier::~Classifier() = default;

absl::StatusOr<std::unique_ptr<const Classifier>> Classifier::Create(
    const ClassifierSizes& sizes, absl::Span<const Tensor> weights,
    Precision precision) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  const size_t pooling = 1 + StackWeightSpecs("", sizes.rnn).size();
  const size_t output = weights.size() - 2;
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[0];
  ASSIGN_OR_RETURN(rep->stack,
                   RecurrentStack::Create(
                       sizes.rnn, weights.subspan(1, pooling - 1), precision));
  ASSIGN_OR_RETURN(rep->pooling,
                   Pooling::Create(sizes.pooling_sizes(),
                                   weights.subspan(pooling, output - pooling)));
  ASSIGN_OR_RETURN(rep->output, PackTransposed(weights[output]));
  rep->output_bias = ToVector(weights[output + 1]);
  return absl::WrapUnique(new Classifier(std::move(rep)));
}

const ClassifierSizes& Classifier::sizes() const { return rep_->sizes; }

// To the workspace's `y`.
absl::Status Classifier::RunStack(const ClassifierTexts& texts,
                                  absl::FunctionRef<absl::Status()> look,
                                  Workspace* workspace) const {
  const ClassifierSizes& sizes = rep_->sizes;
  Workspace::Rep& scratch = *workspace->rep_;
  scratch.distinct.Set(texts.tokens, sizes.vocabulary);
  const absl::Span<const int32_t> distinct = scratch.distinct.tokens();
  const auto width = static_cast<size_t>(sizes.embedding);
  GrowTo(distinct.size() * width, &scratch.x);
  GrowTo(texts.tokens.size() * static_cast<size_t>(sizes.rnn.outputs()),
         &scratch.y);
  GatherRows(rep_->embedding, distinct, scratch.x.data());
  RecurrentState state = ZeroState(sizes.rnn, texts.rows());
  return rep_->stack->Run({.x = scratch.x.data(),
                           .steps = texts.steps(),
                           .lengths = texts.lengths,
                           .places = scratch.distinct.places(),
                           .distinct = static_cast<int64_t>(distinct.size())},
                          &state, scratch.y.data(), &scratch.stack, &look);
}

// From the workspace's `pooled`.
absl::Status Classifier::Head(int rows, absl::Span<float> log_probabilities,
                              Workspace* workspace) const {
  Workspace::Rep& scratch = *workspace->rep_;
  RETURN_IF_ERROR(MultiplyRows(*rep_->output, scratch.pooled.data(), rows,
                               log_probabilities.data(),
                               &scratch.stack.executor()));
  const int labels = rep_->sizes.labels;
  for (int64_t n = 0; n < rows; ++n) {
    float* row = log_probabilities.data() + n * labels;
    GetKernels().add(labels, rep_->output_bias.data(), row);
    GetKernels().heads->log_softmax(labels, row);
  }
  return absl::OkStatus();
}

absl::Status Classifier::LogProbabilities(
    const ClassifierTexts& texts, absl::Span<float> log_probabilities,
    absl::FunctionRef<absl::Status()> look, Workspace* workspace) const {
  const ClassifierSizes& sizes = rep_->sizes;
  const int rows = texts.rows();
  CAROUSEL_CHECK(rows >= 1 && texts.tokens.size() % texts.lengths.size() == 0);
  CAROUSEL_CHECK(log_probabilities.size() ==
                 static_cast<size_t>(rows) * static_cast<size_t>(sizes.labels));
  const int steps = texts.steps();
  RETURN_IF_ERROR(RunStack(texts, look, workspace));
  Workspace::Rep& scratch = *workspace->rep_;
  scratch.pooled.resize(
      static_cast<size_t>(rows) *
      static_cast<size_t>(PooledWidth(sizes.pooling_sizes())));
  std::vector<int32_t> first;
  for (int32_t length : texts.lengths) first.push_back(steps - length);
  RETURN_IF_ERROR(rep_->pooling->Run(
      {.states = scratch.y.data(), .steps = steps, .first = first},
      scratch.pooled.data(), nullptr, &scratch.stack.executor()));
  return Head(rows, log_probabilities, workspace);
}

absl::Status Classifier::BeginningLogProbabilities(
    absl::Span<const int32_t> tokens, absl::Span<float> log_probabilities,
    absl::FunctionRef<absl::Status()> look, Workspace* workspace) const {
  const ClassifierSizes& sizes = rep_->sizes;
  const auto steps = static_cast<int>(tokens.size());
  CAROUSEL_CHECK(steps >= 1 && !sizes.rnn.bidirectional);
  CAROUSEL_CHECK(log_probabilities.size() ==
                 (tokens.size() + 1) * static_cast<size_t>(sizes.labels));
  RETURN_IF_ERROR(
      RunStack({.tokens = tokens, .lengths = {steps}}, look, workspace));
  Workspace::Rep& scratch = *workspace->rep_;
  const auto width = static_cast<size_t>(PooledWidth(sizes.pooling_sizes()));
  scratch.pooled.assign((tokens.size() + 1) * width, 0.0f);
  RETURN_IF_ERROR(rep_->pooling->RunBeginnings(scratch.y.data(), steps,
                                               scratch.pooled.data() + width,
                                               &scratch.stack.executor()));
  return Head(steps + 1, log_probabilities, workspace);
}

std::string Classifier::Implementation() const {
  return absl::StrCat(rep_->stack->Implementation(), ", matmul ",
                      rep_->output->implementation());
}

size_t Classifier::memory_bytes() const {
  return rep_->embedding.size_bytes() + rep_->stack->memory_bytes() +
         rep_->pooling->memory_bytes() + rep_->output->memory_bytes() +
         rep_->output_bias.size() * sizeof(float);
}

}  // namespace carousel
