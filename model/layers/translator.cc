// SPDX-License-Identifier: Apache-2.0

#include "model/layers/translator.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/layers/packing.h"
#include "model/layers/state_rows.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// Sources that are read together, at most; a power of two.
constexpr int kMaxRows = 32;

}  // namespace

struct Translator::Rep {
  absl::Status EncodeRows(absl::Span<const std::vector<int32_t>> sources,
                          absl::Span<const size_t> rows,
                          absl::Span<EncodedSource> encoded,
                          Workspace::Rep* workspace) const;
  absl::StatusOr<RecurrentState> Bridge(const RecurrentState& state,
                                        Executor* executor) const;

  TranslatorSizes sizes;
  Tensor embedding;
  std::unique_ptr<const RecurrentStack> encoder;
  std::unique_ptr<const PackedMatrix> bridge;  // (M, Z); null if none
  std::vector<float> bridge_bias;
  std::unique_ptr<const Decoder> decoder;
};

struct Translator::Workspace::Rep {
  StackWorkspace encoder;
  Decoder::Workspace decoder;
  std::vector<int32_t> tokens;  // (S, N)
  std::vector<float> x;         // (S, N, E)
  std::vector<float> y;         // (S, N, M)
  std::vector<float> turned;    // (S, M): of one row, in the order of tokens
};

Translator::Workspace::Workspace() : rep_(std::make_unique<Rep>()) {}
Translator::Workspace::~Workspace() = default;
Translator::Workspace::Workspace(Workspace&&) noexcept = default;
Translator::Workspace& Translator::Workspace::operator=(Workspace&&) noexcept =
    default;

Decoder::Workspace& Translator::Workspace::decoder() { return rep_->decoder; }

Translator::Translator(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Translator::~Translator() = default;

absl::StatusOr<std::unique_ptr<const Translator>> Translator::Create(
    const TranslatorSizes& sizes, absl::Span<const Tensor> weights) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  const TranslatorPlaces places(sizes);
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  rep->embedding = weights[places.source_embedding];
  ASSIGN_OR_RETURN(rep->encoder,
                   RecurrentStack::Create(
                       sizes.encoder,
                       weights.subspan(places.encoder, places.encoder_count)));
  if (sizes.bridges()) {
    ASSIGN_OR_RETURN(rep->bridge, PackTransposed(weights[places.bridge]));
    rep->bridge_bias = ToVector(weights[places.bridge + 1]);
  }
  ASSIGN_OR_RETURN(
      rep->decoder,
      Decoder::Create(sizes.decoder_sizes(), weights.subspan(places.decoder)));
  return absl::WrapUnique(new Translator(std::move(rep)));
}

const TranslatorSizes& Translator::sizes() const { return rep_->sizes; }
const Decoder& Translator::decoder() const { return *rep_->decoder; }

// Sources of one length are read together: there is no padding, and a row comes
// out as it would alone.
absl::StatusOr<std::vector<EncodedSource>> Translator::Encode(
    absl::Span<const std::vector<int32_t>> sources,
    Workspace* workspace) const {
  std::map<size_t, std::vector<size_t>> by_length;
  for (size_t i = 0; i < sources.size(); ++i) {
    CAROUSEL_CHECK(!sources[i].empty());
    by_length[sources[i].size()].push_back(i);
  }
  std::vector<EncodedSource> encoded(sources.size());
  for (const auto& [length, rows] : by_length) {
    for (size_t done = 0; done < rows.size();) {
      const auto now = static_cast<size_t>(LargestBucket(
          static_cast<int>(std::min<size_t>(rows.size() - done, kMaxRows)),
          kMaxRows));
      RETURN_IF_ERROR(rep_->EncodeRows(
          sources, absl::MakeConstSpan(rows).subspan(done, now),
          absl::MakeSpan(encoded), workspace->rep_.get()));
      done += now;
    }
  }
  return encoded;
}

absl::Status Translator::Rep::EncodeRows(
    absl::Span<const std::vector<int32_t>> sources,
    absl::Span<const size_t> rows, absl::Span<EncodedSource> encoded,
    Workspace::Rep* workspace) const {
  Workspace::Rep& w = *workspace;
  const size_t steps = sources[rows[0]].size();
  const size_t n = rows.size();
  w.tokens.resize(steps * n);
  for (size_t row = 0; row < n; ++row) {
    const std::vector<int32_t>& source = sources[rows[row]];
    for (size_t s = 0; s < steps; ++s) {
      w.tokens[s * n + row] = source[sizes.reverse_input ? steps - 1 - s : s];
    }
  }
  const int64_t width = sizes.encoder.outputs();
  w.x.resize(steps * n * static_cast<size_t>(sizes.embedding));
  w.y.resize(steps * n * static_cast<size_t>(width));
  GatherRows(embedding, w.tokens, w.x.data());
  RecurrentState state = ZeroState(sizes.encoder, static_cast<int>(n));
  RETURN_IF_ERROR(
      encoder->Run({.x = w.x.data(), .steps = static_cast<int>(steps)}, &state,
                   w.y.data(), &w.encoder));
  ASSIGN_OR_RETURN(const RecurrentState initial,
                   Bridge(state, &w.encoder.executor()));
  for (size_t row = 0; row < n; ++row) {
    EncodedSource& out = encoded[rows[row]];
    out.state = ZeroState(sizes.decoder, 1);
    CopyStateRows(sizes.decoder, initial, static_cast<int>(row), 1, &out.state,
                  0);
    if (decoder->attention() == nullptr) continue;
    w.turned.resize(steps * static_cast<size_t>(width));
    for (size_t s = 0; s < steps; ++s) {
      const size_t from = sizes.reverse_input ? steps - 1 - s : s;
      std::copy_n(w.y.data() + static_cast<int64_t>(from * n + row) * width,
                  width, w.turned.data() + static_cast<int64_t>(s) * width);
    }
    ASSIGN_OR_RETURN(out.memory, decoder->attention()->Remember(
                                     w.turned.data(), static_cast<int>(steps),
                                     width, &w.encoder.executor()));
  }
  return absl::OkStatus();
}

absl::StatusOr<RecurrentState> Translator::Rep::Bridge(
    const RecurrentState& state, Executor* executor) const {
  if (bridge == nullptr) return state;
  const int64_t width = sizes.encoder.outputs();
  const int64_t outputs = sizes.bridge_outputs();
  std::vector<float> summary(static_cast<size_t>(state.rows * width));
  GatherTop(sizes.encoder, state, summary.data());
  std::vector<float> z(static_cast<size_t>(state.rows * outputs));
  RETURN_IF_ERROR(bridge->Multiply(state.rows, summary.data(), width, z.data(),
                                   outputs, false, executor));
  for (int64_t row = 0; row < state.rows; ++row) {
    GetKernels().add(outputs, bridge_bias.data(), z.data() + row * outputs);
  }
  GetKernels().tanh_forward(state.rows * outputs, z.data(), z.data());
  RecurrentState initial = ZeroState(sizes.decoder, state.rows);
  ScatterState(sizes.decoder, z.data(), &initial);
  return initial;
}

std::string Translator::Implementation() const {
  return absl::StrCat(rep_->encoder->Implementation(), "; ",
                      rep_->decoder->Implementation());
}

size_t Translator::memory_bytes() const {
  // A shared embedding is the decoder's.
  return (rep_->sizes.shared_embedding ? 0 : rep_->embedding.size_bytes()) +
         rep_->encoder->memory_bytes() +
         rep_->bridge_bias.size() * sizeof(float) +
         (rep_->bridge == nullptr ? 0 : rep_->bridge->memory_bytes()) +
         rep_->decoder->memory_bytes();
}

}  // namespace carousel
