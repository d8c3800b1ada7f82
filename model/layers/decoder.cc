// SPDX-License-Identifier: Apache-2.0

#include "model/layers/decoder.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/grow.h"
#include "model/base/status_macros.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/layers/output_layer.h"
#include "model/layers/packing.h"
#include "model/layers/state_rows.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// Rows of one call, whose number is rounded up to a power of two, so that there
// are few primitives and the output layer takes all rows in one product. Rows
// that are missing are computed and thrown away.
constexpr int kMaxRows = 64;

}  // namespace

struct Decoder::Rep {
  absl::Status StepChunk(absl::Span<const int32_t> tokens,
                         absl::Span<const AttentionMemory* const> memories,
                         RecurrentState* state, float* logits,
                         std::vector<std::vector<float>>* alignments,
                         Workspace::Rep* workspace) const;
  absl::Status Combine(int rows, int real_rows,
                       absl::Span<const AttentionMemory* const> memories,
                       std::vector<std::vector<float>>* alignments,
                       Workspace::Rep* workspace) const;

  DecoderSizes sizes;
  Tensor embedding;
  std::unique_ptr<const RecurrentStack> stack;
  std::unique_ptr<const Attention> attention;   // null if there is none
  std::unique_ptr<const PackedMatrix> combine;  // (M + H, F); null if none
  std::unique_ptr<const OutputLayer> output;
};

struct Decoder::Workspace::Rep {
  StackWorkspace stack;
  RecurrentState state;         // of a chunk
  std::vector<int32_t> tokens;  // (N)
  std::vector<float> x;         // (N, E)
  std::vector<float> h;         // (N, H)
  std::vector<float> context;   // (N, M)
  std::vector<float> joined;    // (N, M + H)
  std::vector<float> features;  // (N, F)
  OutputLayerScratch output;
  std::vector<float> logits;  // (N, V), and rows that are thrown away
};

Decoder::Workspace::Workspace() : rep_(std::make_unique<Rep>()) {}
Decoder::Workspace::~Workspace() = default;
Decoder::Workspace::Workspace(Workspace&&) noexcept = default;
Decoder::Workspace& Decoder::Workspace::operator=(Workspace&&) noexcept =
    default;

Decoder::Decoder(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Decoder::~Decoder() = default;

absl::StatusOr<std::unique_ptr<const Decoder>> Decoder::Create(
    const DecoderSizes& sizes, absl::Span<const Tensor> weights) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   DecoderWeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  const DecoderPlaces places(sizes);
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[places.embedding];
  ASSIGN_OR_RETURN(
      rep->stack,
      RecurrentStack::Create(
          sizes.stack, weights.subspan(places.stack, places.stack_count)));
  if (sizes.attention.has_value()) {
    ASSIGN_OR_RETURN(
        rep->attention,
        Attention::Create(
            sizes.attention_sizes(),
            weights.subspan(places.attention, places.attention_count)));
  }
  if (sizes.combines()) {
    ASSIGN_OR_RETURN(rep->combine, PackTransposed(weights[places.combine]));
  }
  ASSIGN_OR_RETURN(rep->output, OutputLayer::Create(weights[places.output],
                                                    weights[places.bias], {}));
  return absl::WrapUnique(new Decoder(std::move(rep)));
}

const DecoderSizes& Decoder::sizes() const { return rep_->sizes; }

const Attention* Decoder::attention() const { return rep_->attention.get(); }

absl::StatusOr<absl::Span<const float>> Decoder::Step(
    absl::Span<const int32_t> tokens,
    absl::Span<const AttentionMemory* const> memories, RecurrentState* state,
    std::vector<std::vector<float>>* alignments, Workspace* workspace) const {
  const int rows = static_cast<int>(tokens.size());
  CAROUSEL_CHECK(state->rows == rows);
  CAROUSEL_CHECK(rep_->attention == nullptr ||
                 memories.size() == tokens.size());
  Workspace::Rep& scratch = *workspace->rep_;
  const DecoderSizes& sizes = rep_->sizes;
  // Only the last chunk has rows that are filled up.
  const size_t width = static_cast<size_t>(sizes.vocabulary);
  float* const logits =
      GrowTo((tokens.size() + kMaxRows) * width, &scratch.logits);
  if (alignments != nullptr) alignments->clear();
  for (int first = 0; first < rows; first += kMaxRows) {
    const int count = std::min(kMaxRows, rows - first);
    const auto part = static_cast<size_t>(count);
    const auto at = static_cast<size_t>(first);
    const auto bucket =
        static_cast<int>(std::bit_ceil(static_cast<unsigned>(count)));
    scratch.state = ZeroState(sizes.stack, bucket);
    CopyStateRows(sizes.stack, *state, first, count, &scratch.state, 0);
    RETURN_IF_ERROR(rep_->StepChunk(
        tokens.subspan(at, part),
        rep_->attention == nullptr ? memories : memories.subspan(at, part),
        &scratch.state, logits + at * width, alignments, &scratch));
    CopyStateRows(sizes.stack, scratch.state, 0, count, state, first);
  }
  return absl::MakeConstSpan(logits, tokens.size() * width);
}

// `state` has the rows of a bucket, of which the first tokens.size() are real;
// `logits` has room for all.
absl::Status Decoder::Rep::StepChunk(
    absl::Span<const int32_t> real_tokens,
    absl::Span<const AttentionMemory* const> memories, RecurrentState* state,
    float* logits, std::vector<std::vector<float>>* alignments,
    Workspace::Rep* workspace) const {
  Workspace::Rep& w = *workspace;
  const int rows = state->rows;
  const int real_rows = static_cast<int>(real_tokens.size());
  w.tokens.assign(static_cast<size_t>(rows), 0);
  std::copy(real_tokens.begin(), real_tokens.end(), w.tokens.begin());
  const auto resize = [rows](std::vector<float>* vector, int64_t width) {
    vector->resize(static_cast<size_t>(rows * width));
  };
  resize(&w.x, sizes.embedding);
  resize(&w.h, sizes.stack.outputs());
  GatherRows(embedding, w.tokens, w.x.data());
  RETURN_IF_ERROR(
      stack->Run({.x = w.x.data(), .steps = 1}, state, w.h.data(), &w.stack));
  RETURN_IF_ERROR(Combine(rows, real_rows, memories, alignments, workspace));
  RETURN_IF_ERROR(output->Logits(w.features.data(), rows, 0, sizes.vocabulary,
                                 logits, &w.output, &w.stack.layer.products));
  return absl::OkStatus();
}

// From h to features, with the context in between.
absl::Status Decoder::Rep::Combine(
    int rows, int real_rows, absl::Span<const AttentionMemory* const> memories,
    std::vector<std::vector<float>>* alignments,
    Workspace::Rep* workspace) const {
  Workspace::Rep& w = *workspace;
  if (combine == nullptr) {
    w.features = w.h;
    return absl::OkStatus();
  }
  const int64_t hidden = sizes.stack.outputs();
  const int64_t memory = attention != nullptr ? sizes.memory : 0;
  w.joined.assign(static_cast<size_t>(rows * (memory + hidden)), 0.0f);
  if (attention != nullptr) {
    w.context.resize(static_cast<size_t>(real_rows * memory));
    std::vector<std::vector<float>> own;
    RETURN_IF_ERROR(attention->Attend(memories, w.h.data(), w.context.data(),
                                      alignments == nullptr ? nullptr : &own,
                                      &w.stack.executor()));
    for (std::vector<float>& row : own) alignments->push_back(std::move(row));
  }
  for (int64_t row = 0; row < rows; ++row) {
    float* joined = w.joined.data() + row * (memory + hidden);
    if (row < real_rows) {
      std::copy_n(w.context.data() + row * memory, memory, joined);
    }
    std::copy_n(w.h.data() + row * hidden, hidden, joined + memory);
  }
  const int64_t features = sizes.features();
  w.features.resize(static_cast<size_t>(rows * features));
  RETURN_IF_ERROR(combine->Multiply(rows, w.joined.data(), memory + hidden,
                                    w.features.data(), features, false,
                                    &w.stack.executor()));
  GetKernels().tanh_forward(rows * features, w.features.data(),
                            w.features.data());
  return absl::OkStatus();
}

RecurrentState Decoder::SelectRows(const RecurrentState& state,
                                   absl::Span<const int> rows) const {
  const StackSizes& sizes = rep_->sizes.stack;
  RecurrentState result = ZeroState(sizes, static_cast<int>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    CopyStateRows(sizes, state, rows[i], 1, &result, static_cast<int>(i));
  }
  return result;
}

RecurrentState Decoder::JoinRows(absl::Span<const RecurrentState* const> states,
                                 absl::Span<const int> rows) const {
  const StackSizes& sizes = rep_->sizes.stack;
  RecurrentState result = ZeroState(sizes, static_cast<int>(states.size()));
  for (size_t i = 0; i < states.size(); ++i) {
    CopyStateRows(sizes, *states[i], rows[i], 1, &result, static_cast<int>(i));
  }
  return result;
}

std::string Decoder::Implementation() const {
  return absl::StrCat(rep_->stack->Implementation(), ", matmul ",
                      rep_->output->implementation());
}

size_t Decoder::memory_bytes() const {
  size_t bytes = rep_->embedding.size_bytes() + rep_->stack->memory_bytes() +
                 rep_->output->memory_bytes();
  if (rep_->attention != nullptr) bytes += rep_->attention->memory_bytes();
  if (rep_->combine != nullptr) bytes += rep_->combine->memory_bytes();
  return bytes;
}

}  // namespace carousel
