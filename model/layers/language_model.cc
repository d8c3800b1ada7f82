// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/buckets.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/layers/output_layer.h"
#include "model/layers/packing.h"
#include "model/layers/recurrent_stack.h"

namespace carousel {
namespace {

// Steps that are run through all layers at once: bounds the activations.
constexpr int kMaxSteps = 32;

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const LanguageModelSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("vocabulary", sizes.vocabulary));
  RETURN_IF_ERROR(CheckSize("embedding", sizes.embedding));
  RETURN_IF_ERROR(CheckStackSizes(sizes.stack()));
  if (!sizes.projection && sizes.hidden != sizes.embedding) {
    return absl::InvalidArgumentError(
        absl::StrCat("without a projection, hidden (", sizes.hidden,
                     ") must equal embedding (", sizes.embedding, ")"));
  }
  const int64_t v = sizes.vocabulary;
  const int64_t e = sizes.embedding;
  const int64_t h = sizes.hidden;
  std::vector<WeightSpec> specs = {{"embedding.weight", {v, e}}};
  for (WeightSpec& spec : StackWeightSpecs("rnn.", sizes.stack())) {
    specs.push_back(std::move(spec));
  }
  if (sizes.projection) {
    specs.push_back(LinearWeight("projection.weight", e, h));
    specs.push_back({"projection.bias", {e}, Init::kZero});
  }
  if (sizes.adaptive()) {
    ASSIGN_OR_RETURN(
        std::vector<WeightSpec> output,
        AdaptiveSoftmaxWeightSpecs("output.", sizes.adaptive_softmax()));
    std::move(output.begin(), output.end(), std::back_inserter(specs));
    return specs;
  }
  if (!sizes.tied) specs.push_back({"output.weight", {v, e}});
  specs.push_back({"output.bias", {v}, Init::kZero});
  return specs;
}

int64_t CountParameters(const LanguageModelSizes& sizes) {
  const absl::StatusOr<std::vector<WeightSpec>> specs = WeightSpecs(sizes);
  CAROUSEL_CHECK(specs.ok());
  return CountParameters(*specs);
}

struct LanguageModel::Rep {
  absl::Status RunStack(const int32_t* tokens, int steps, RecurrentState* state,
                        Workspace::Rep* workspace) const;

  LanguageModelSizes sizes;
  Tensor embedding;
  std::unique_ptr<const RecurrentStack> stack;
  std::unique_ptr<const ServedMatrix> projection;  // null if there is none
  std::vector<float> projection_bias;
  std::unique_ptr<const OutputLayer> output;  // null if adaptive

  // With an adaptive softmax only.
  absl::Status AdaptiveLogits(const float* features, int rows, int begin,
                              int end, absl::Span<float> logits,
                              Workspace::Rep* workspace) const;
  std::unique_ptr<const AdaptiveSoftmax> adaptive;
  std::vector<int32_t> output_order;
};

struct LanguageModel::Workspace::Rep {
  StackWorkspace stack;
  std::vector<float> x;         // (T, N, E): what the stack reads
  std::vector<float> y;         // (T, N, H): what it writes
  std::vector<float> features;  // (N, E): what the output layer reads
  std::vector<float> all;       // (N, V): of an adaptive softmax
  ServedRows top;
  OutputLayerScratch output;
};

LanguageModel::Workspace::Workspace() : rep_(std::make_unique<Rep>()) {}
LanguageModel::Workspace::~Workspace() = default;
LanguageModel::Workspace::Workspace(Workspace&&) noexcept = default;
LanguageModel::Workspace& LanguageModel::Workspace::operator=(
    Workspace&&) noexcept = default;

LanguageModel::LanguageModel(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
LanguageModel::~LanguageModel() = default;

absl::StatusOr<std::unique_ptr<const LanguageModel>> LanguageModel::Create(
    const LanguageModelSizes& sizes, absl::Span<const Tensor> weights,
    absl::Span<const int32_t> output_order, Precision precision) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[0];
  const size_t in_stack = kWeightsOfCell * static_cast<size_t>(sizes.layers);
  ASSIGN_OR_RETURN(rep->stack,
                   RecurrentStack::Create(
                       sizes.stack(), weights.subspan(1, in_stack), precision));
  size_t next = 1 + in_stack;
  if (sizes.projection) {
    ASSIGN_OR_RETURN(rep->projection,
                     ServedMatrix::Create(weights[next++], precision));
    rep->projection_bias = ToVector(weights[next++]);
  }
  if (sizes.adaptive()) {
    std::vector<Tensor> output(weights.begin() + static_cast<ptrdiff_t>(next),
                               weights.end());
    if (sizes.tied) output.insert(output.begin(), weights[0]);
    ASSIGN_OR_RETURN(rep->adaptive,
                     AdaptiveSoftmax::Create(sizes.adaptive_softmax(), output));
    rep->output_order.assign(output_order.begin(), output_order.end());
    return absl::WrapUnique(new LanguageModel(std::move(rep)));
  }
  const Tensor& output = sizes.tied ? weights[0] : weights[next++];
  ASSIGN_OR_RETURN(rep->output, OutputLayer::Create(output, weights[next],
                                                    output_order, precision));
  return absl::WrapUnique(new LanguageModel(std::move(rep)));
}

const LanguageModelSizes& LanguageModel::sizes() const { return rep_->sizes; }

RecurrentState LanguageModel::InitialState(int rows) const {
  return ZeroState(rep_->sizes.stack(), rows);
}

// Leaves what comes out in workspace->y.
absl::Status LanguageModel::Rep::RunStack(const int32_t* tokens, int steps,
                                          RecurrentState* state,
                                          Workspace::Rep* workspace) const {
  const size_t cells =
      static_cast<size_t>(steps) * static_cast<size_t>(state->rows);
  workspace->x.resize(cells * static_cast<size_t>(sizes.embedding));
  workspace->y.resize(cells * static_cast<size_t>(sizes.hidden));
  GatherRows(embedding, {tokens, cells}, workspace->x.data());
  return stack->Run(workspace->x.data(), steps, state->rows, state,
                    workspace->y.data(), {}, &workspace->stack);
}

absl::Status LanguageModel::Advance(absl::Span<const int32_t> tokens, int steps,
                                    int rows, RecurrentState* state,
                                    std::vector<float>* top,
                                    Workspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && rows >= 1 && state->rows == rows);
  CAROUSEL_CHECK(static_cast<int64_t>(tokens.size()) == int64_t{steps} * rows);
  if (top != nullptr) top->clear();
  for (int done = 0; done < steps;) {
    const int now = LargestBucket(steps - done, kMaxSteps);
    RETURN_IF_ERROR(rep_->RunStack(tokens.data() + int64_t{done} * rows, now,
                                   state, workspace->rep_.get()));
    if (top != nullptr) {
      const std::vector<float>& y = workspace->rep_->y;
      top->insert(top->end(), y.begin(), y.end());
    }
    done += now;
  }
  return absl::OkStatus();
}

absl::Status LanguageModel::Logits(absl::Span<const float> top, int rows,
                                   int begin, int end, absl::Span<float> logits,
                                   Workspace* workspace) const {
  const Rep& rep = *rep_;
  CAROUSEL_CHECK(static_cast<int64_t>(top.size()) ==
                 int64_t{rows} * rep.sizes.hidden);
  CAROUSEL_CHECK(static_cast<int64_t>(logits.size()) ==
                 int64_t{rows} * (end - begin));
  Workspace::Rep& scratch = *workspace->rep_;
  const float* features = top.data();
  if (rep.projection != nullptr) {
    const int64_t width = rep.sizes.embedding;
    scratch.features.resize(static_cast<size_t>(rows * width));
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(rep.projection_bias.data(), width,
                  scratch.features.data() + row * width);
    }
    RETURN_IF_ERROR(MultiplyAddRows(*rep.projection, top.data(), rows,
                                    scratch.features.data(), &scratch.top,
                                    &scratch.stack.layer.products));
    features = scratch.features.data();
  }
  if (rep.adaptive != nullptr) {
    return rep.AdaptiveLogits(features, rows, begin, end, logits, &scratch);
  }
  return rep.output->Logits(features, rows, begin, end, logits.data(),
                            &scratch.output, &scratch.stack.layer.products);
}

// Logarithms of probabilities are logits too: their softmax is themselves.
absl::Status LanguageModel::Rep::AdaptiveLogits(
    const float* features, int rows, int begin, int end,
    absl::Span<float> logits, Workspace::Rep* workspace) const {
  const auto vocabulary = static_cast<size_t>(sizes.vocabulary);
  workspace->all.resize(static_cast<size_t>(rows) * vocabulary);
  RETURN_IF_ERROR(adaptive->LogProbabilities(
      features, rows, workspace->all.data(), &workspace->stack.executor()));
  size_t next = 0;
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    const float* all = workspace->all.data() + row * vocabulary;
    for (int r = begin; r < end; ++r) {
      logits[next++] =
          all[output_order.empty() ? r : output_order[static_cast<size_t>(r)]];
    }
  }
  return absl::OkStatus();
}

std::vector<float> LanguageModel::Top(const RecurrentState& state) const {
  const size_t size =
      static_cast<size_t>(state.rows) * static_cast<size_t>(rep_->sizes.hidden);
  std::vector<float> top(state.h.end() - static_cast<ptrdiff_t>(size),
                         state.h.end());
  if (!rep_->sizes.residual) return top;
  // Each residual link adds what the layer below has written, from the bottom.
  for (size_t i = 0; i < state.h.size() - size; ++i) {
    top[i % size] += state.h[i];
  }
  return top;
}

std::string LanguageModel::Implementation() const {
  return absl::StrCat(
      rep_->stack->Implementation(), ", ",
      rep_->adaptive != nullptr
          ? "adaptive softmax"
          : absl::StrCat("matmul ", rep_->output->implementation()));
}

size_t LanguageModel::memory_bytes() const {
  size_t bytes = rep_->embedding.size_bytes() +
                 (rep_->adaptive != nullptr ? rep_->adaptive->memory_bytes()
                                            : rep_->output->memory_bytes()) +
                 rep_->stack->memory_bytes() +
                 rep_->projection_bias.size() * sizeof(float);
  if (rep_->projection != nullptr) bytes += rep_->projection->memory_bytes();
  return bytes;
}

}  // namespace carousel
