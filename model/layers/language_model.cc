// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/layers/output_layer.h"
#include "model/layers/packing.h"
#include "model/layers/recurrent_stack.h"
#include "model/tensor/aligned_vector.h"

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

  absl::Status MakeTable(absl::Span<const Tensor> first_layer,
                         size_t max_bytes);

  LanguageModelSizes sizes;
  Tensor embedding;
  std::optional<Tensor> table;  // (V, G H) in bf16; see ServingLayout
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
  AlignedVector<float> x;       // (T, N, E or G H): what the stack reads
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
    absl::Span<const int32_t> output_order, Precision precision,
    const ServingLayout& layout) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[0];
  const size_t in_stack = kWeightsOfCell * static_cast<size_t>(sizes.layers);
  ASSIGN_OR_RETURN(rep->stack,
                   RecurrentStack::Create(
                       sizes.stack(), weights.subspan(1, in_stack), precision));
  if (precision != Precision::kF32) {
    RETURN_IF_ERROR(rep->MakeTable(weights.subspan(1, kWeightsOfCell),
                                   layout.max_table_bytes));
  }
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
  ASSIGN_OR_RETURN(rep->output,
                   OutputLayer::Create(output, weights[next], output_order,
                                       precision, layout.tile_begins));
  return absl::WrapUnique(new LanguageModel(std::move(rep)));
}

// The products are made in bf16 where the CPU has it: of weights that are
// stored in bf16 they are then exact but for the order of the sums.
absl::Status LanguageModel::Rep::MakeTable(absl::Span<const Tensor> first_layer,
                                           size_t max_bytes) {
  constexpr int64_t kWords = 64;  // of a product
  const int64_t vocabulary = sizes.vocabulary;
  const int64_t width = int64_t{GateCount(sizes.cell)} * sizes.hidden;
  if (static_cast<size_t>(vocabulary * width) > max_bytes / sizeof(BFloat16)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      const auto layer,
      ServedLayer::Create(sizes.cell, first_layer,
                          SupportsBF16() ? Precision::kBF16 : Precision::kF32));
  std::vector<float> x(static_cast<size_t>(kWords * sizes.embedding), 0.0f);
  std::vector<float> sums(static_cast<size_t>(kWords * width));
  std::vector<int32_t> ids;
  ServedLayerScratch scratch;
  Tensor made = Tensor::Zeros(DType::kBF16, {vocabulary, width});
  const auto rows = made.mutable_span<BFloat16>();
  for (int64_t first = 0; first < vocabulary; first += kWords) {
    const int64_t count = std::min(kWords, vocabulary - first);
    ids.resize(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), static_cast<int32_t>(first));
    GatherRows(embedding, ids, x.data());
    // Always as many rows: a primitive more for the last words is not worth it.
    RETURN_IF_ERROR(layer->InputSums(x.data(), kWords, sums.data(), &scratch));
    const auto size = static_cast<size_t>(count * width);
    ToBFloat16(absl::MakeConstSpan(sums).first(size),
               rows.subspan(static_cast<size_t>(first * width), size));
  }
  table = std::move(made);
  return absl::OkStatus();
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
  workspace->y.resize(cells * static_cast<size_t>(sizes.hidden));
  if (table.has_value()) {
    float* sums =
        GrowTo(cells * static_cast<size_t>(table->dim(1)), &workspace->x);
    GatherRows(*table, {tokens, cells}, sums);
    return stack->RunSums(sums, steps, state, workspace->y.data(),
                          &workspace->stack);
  }
  float* x =
      GrowTo(cells * static_cast<size_t>(sizes.embedding), &workspace->x);
  GatherRows(embedding, {tokens, cells}, x);
  return stack->Run({.x = x, .steps = steps}, state, workspace->y.data(),
                    &workspace->stack);
}

absl::Status LanguageModel::Advance(absl::Span<const int32_t> tokens, int steps,
                                    int rows, RecurrentState* state,
                                    std::vector<float>* top,
                                    Workspace* workspace) const {
  CAROUSEL_CHECK(steps >= 1 && rows >= 1 && state->rows == rows);
  CAROUSEL_CHECK(static_cast<int64_t>(tokens.size()) == int64_t{steps} * rows);
  if (top != nullptr) top->clear();
  for (int done = 0; done < steps;) {
    const int now = NextPiece(steps - done, kMaxSteps, wants_few_shapes());
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

absl::StatusOr<absl::Span<const float>> LanguageModel::Features(
    absl::Span<const float> top, int rows, Workspace* workspace) const {
  const Rep& rep = *rep_;
  CAROUSEL_CHECK(static_cast<int64_t>(top.size()) ==
                 int64_t{rows} * rep.sizes.hidden);
  Workspace::Rep& scratch = *workspace->rep_;
  const int64_t width = rep.sizes.embedding;
  scratch.features.resize(static_cast<size_t>(rows * width));
  if (rep.projection == nullptr) {
    std::copy(top.begin(), top.end(), scratch.features.begin());
    return scratch.features;
  }
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(rep.projection_bias.data(), width,
                scratch.features.data() + row * width);
  }
  RETURN_IF_ERROR(MultiplyAddRows(*rep.projection, top.data(), rows,
                                  scratch.features.data(), &scratch.top,
                                  &scratch.stack.layer.products));
  return scratch.features;
}

int LanguageModel::tiles() const {
  return rep_->adaptive != nullptr ? 1 : rep_->output->tiles();
}

absl::Status LanguageModel::VisitLogits(absl::Span<const float> features,
                                        int rows, int begin, int end,
                                        LogitVisitor visit,
                                        Workspace* workspace) const {
  CAROUSEL_CHECK(static_cast<int64_t>(features.size()) ==
                 int64_t{rows} * rep_->sizes.embedding);
  Workspace::Rep& scratch = *workspace->rep_;
  if (rep_->adaptive == nullptr) {
    return rep_->output->Visit(features.data(), rows, begin, end, visit,
                               &scratch.output, &scratch.stack.layer.products);
  }
  const int vocabulary = rep_->sizes.vocabulary;
  std::vector<float> logits(static_cast<size_t>(rows) *
                            static_cast<size_t>(vocabulary));
  RETURN_IF_ERROR(rep_->AdaptiveLogits(features.data(), rows, 0, vocabulary,
                                       absl::MakeSpan(logits), &scratch));
  for (int row = 0; row < rows; ++row) {
    visit({.row = row,
           .begin = 0,
           .logits = absl::MakeConstSpan(logits).subspan(
               static_cast<size_t>(row) * static_cast<size_t>(vocabulary),
               static_cast<size_t>(vocabulary))});
  }
  return absl::OkStatus();
}

absl::Status LanguageModel::Logits(absl::Span<const float> top, int rows,
                                   int begin, int end, absl::Span<float> logits,
                                   Workspace* workspace) const {
  CAROUSEL_CHECK(static_cast<int64_t>(logits.size()) ==
                 int64_t{rows} * (end - begin));
  ASSIGN_OR_RETURN(const auto features, Features(top, rows, workspace));
  Workspace::Rep& scratch = *workspace->rep_;
  if (rep_->adaptive != nullptr) {
    return rep_->AdaptiveLogits(features.data(), rows, begin, end, logits,
                                &scratch);
  }
  return rep_->output->Logits(features.data(), rows, begin, end, logits.data(),
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
      rep_->stack->Implementation(),
      has_table() ? ", first layer looked up, " : ", ",
      rep_->adaptive != nullptr
          ? "adaptive softmax"
          : absl::StrCat("matmul ", rep_->output->implementation()));
}

bool LanguageModel::has_table() const { return rep_->table.has_value(); }

bool LanguageModel::wants_few_shapes() const {
  return rep_->adaptive != nullptr || rep_->output->wants_few_shapes();
}

size_t LanguageModel::memory_bytes() const {
  size_t bytes = rep_->embedding.size_bytes() +
                 (has_table() ? rep_->table->size_bytes() : 0) +
                 (rep_->adaptive != nullptr ? rep_->adaptive->memory_bytes()
                                            : rep_->output->memory_bytes()) +
                 rep_->stack->memory_bytes() +
                 rep_->projection_bias.size() * sizeof(float);
  if (rep_->projection != nullptr) bytes += rep_->projection->memory_bytes();
  return bytes;
}

}  // namespace carousel
