// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/buckets.h"
#include "model/layers/embedding.h"
#include "model/layers/output_layer.h"
#include "model/onednn/executor.h"
#include "model/onednn/lstm.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// Steps of one call of the recurrent primitive; longer texts go in turn.
constexpr int kMaxSteps = 32;

absl::StatusOr<std::unique_ptr<const LstmLayer>> MakeLstm(
    absl::Span<const Tensor> weights) {
  const Tensor ih = weights[0].ToF32();
  const Tensor hh = weights[1].ToF32();
  const Tensor bias_ih = weights[2].ToF32();
  const Tensor bias_hh = weights[3].ToF32();
  return LstmLayer::Create(ih.dim(1), hh.dim(1),
                           {.weight_ih = ih.span<float>(),
                            .weight_hh = hh.span<float>(),
                            .bias_ih = bias_ih.span<float>(),
                            .bias_hh = bias_hh.span<float>()});
}

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
    const float bound = 1.0f / std::sqrt(static_cast<float>(h));
    specs.push_back({"projection.weight", {e, h}, Init::kUniform, bound});
    specs.push_back({"projection.bias", {e}, Init::kZero});
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
  std::vector<std::unique_ptr<const LstmLayer>> layers;
  std::unique_ptr<const PackedMatrix> projection;  // null if there is none
  std::vector<float> projection_bias;
  std::unique_ptr<const OutputLayer> output;
};

struct LanguageModel::Workspace::Rep {
  Executor executor;
  std::vector<float> in;        // (T, N, E or H): what a layer reads
  std::vector<float> out;       // (T, N, H): what it writes
  std::vector<float> features;  // (N, E): what the output layer reads
  std::vector<float> tile;
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
    absl::Span<const int32_t> output_order) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[0];
  size_t next = 1;
  for (int k = 0; k < sizes.layers; ++k, next += 4) {
    ASSIGN_OR_RETURN(auto layer, MakeLstm(weights.subspan(next, 4)));
    rep->layers.push_back(std::move(layer));
  }
  if (sizes.projection) {
    const Tensor weight = weights[next++].ToF32();
    const Tensor bias = weights[next++].ToF32();
    Executor executor;
    ASSIGN_OR_RETURN(auto projection,
                     PackedMatrix::Create(sizes.hidden, sizes.embedding));
    RETURN_IF_ERROR(projection->Pack({.data = weight.data<float>(),
                                      .row_stride = sizes.hidden,
                                      .transposed = true},
                                     &executor));
    rep->projection = std::move(projection);
    rep->projection_bias.assign(bias.span<float>().begin(),
                                bias.span<float>().end());
  }
  const Tensor& output = sizes.tied ? weights[0] : weights[next++];
  ASSIGN_OR_RETURN(rep->output,
                   OutputLayer::Create(output, weights[next], output_order));
  return absl::WrapUnique(new LanguageModel(std::move(rep)));
}

const LanguageModelSizes& LanguageModel::sizes() const { return rep_->sizes; }

RecurrentState LanguageModel::InitialState(int rows) const {
  return ZeroState(rep_->sizes.stack(), rows);
}

// Leaves the top layer's h of the last call in workspace->in.
absl::Status LanguageModel::Rep::RunStack(const int32_t* tokens, int steps,
                                          RecurrentState* state,
                                          Workspace::Rep* workspace) const {
  const size_t cells =
      static_cast<size_t>(steps) * static_cast<size_t>(state->rows);
  workspace->in.resize(cells * static_cast<size_t>(sizes.embedding));
  GatherRows(embedding, {tokens, cells}, workspace->in.data());
  const int64_t layer_size = int64_t{state->rows} * sizes.hidden;
  for (int k = 0; k < sizes.layers; ++k) {
    workspace->out.resize(cells * static_cast<size_t>(sizes.hidden));
    float* h = state->h.data() + k * layer_size;
    float* c = state->c.data() + k * layer_size;
    RETURN_IF_ERROR(
        layers[static_cast<size_t>(k)]->Forward({.steps = steps,
                                                 .rows = state->rows,
                                                 .x = workspace->in.data(),
                                                 .h_in = h,
                                                 .c_in = c,
                                                 .y = workspace->out.data(),
                                                 .h_out = h,
                                                 .c_out = c},
                                                &workspace->executor));
    std::swap(workspace->in, workspace->out);
  }
  return absl::OkStatus();
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
      const std::vector<float>& y = workspace->rep_->in;
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
    const int width = rep.sizes.embedding;
    scratch.features.resize(static_cast<size_t>(rows) *
                            static_cast<size_t>(width));
    for (int done = 0; done < rows;) {
      const int now = LargestBucket(rows - done, OutputLayer::kMaxRows);
      float* out = scratch.features.data() + int64_t{done} * width;
      RETURN_IF_ERROR(rep.projection->Multiply(
          now, top.data() + int64_t{done} * rep.sizes.hidden, rep.sizes.hidden,
          out, width, false, &scratch.executor));
      for (int64_t i = 0; i < int64_t{now} * width; ++i) {
        out[i] += rep.projection_bias[static_cast<size_t>(i % width)];
      }
      done += now;
    }
    features = scratch.features.data();
  }
  return rep.output->Logits(features, rows, begin, end, logits.data(),
                            &scratch.tile, &scratch.executor);
}

absl::Span<const float> LanguageModel::Top(const RecurrentState& state) const {
  const size_t layer_size =
      static_cast<size_t>(state.rows) * static_cast<size_t>(rep_->sizes.hidden);
  return absl::MakeConstSpan(state.h).subspan(state.h.size() - layer_size);
}

std::string LanguageModel::Implementation() const {
  return absl::StrCat("lstm ", rep_->layers.front()->implementation(),
                      ", matmul ", rep_->output->implementation());
}

size_t LanguageModel::memory_bytes() const {
  size_t bytes = rep_->embedding.size_bytes() + rep_->output->memory_bytes() +
                 rep_->projection_bias.size() * sizeof(float);
  for (const auto& layer : rep_->layers) bytes += layer->memory_bytes();
  if (rep_->projection != nullptr) bytes += rep_->projection->memory_bytes();
  return bytes;
}

}  // namespace carousel
