// SPDX-License-Identifier: Apache-2.0

#include "model/layers/attention.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/head_kernels.h"
#include "model/layers/packing.h"

namespace carousel {

absl::string_view AttentionKindName(AttentionKind kind) {
  switch (kind) {
    case AttentionKind::kDot:
      return "dot";
    case AttentionKind::kGeneral:
      return "general";
    case AttentionKind::kAdditive:
      return "additive";
  }
  return "";
}

int AttentionKeyWidth(const AttentionSizes& sizes) {
  switch (sizes.kind) {
    case AttentionKind::kDot:
      return sizes.memory;
    case AttentionKind::kGeneral:
      return sizes.query;
    case AttentionKind::kAdditive:
      return sizes.units;
  }
  return 0;
}

absl::StatusOr<std::vector<WeightSpec>> AttentionWeightSpecs(
    const AttentionSizes& sizes) {
  if (sizes.memory < 1 || sizes.query < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("attention: memory ", sizes.memory, " and query ",
                     sizes.query, " must be positive"));
  }
  const int64_t m = sizes.memory;
  const int64_t q = sizes.query;
  const int64_t a = sizes.units;
  std::vector<WeightSpec> specs;
  switch (sizes.kind) {
    case AttentionKind::kDot:
      if (q == m) return specs;
      return absl::InvalidArgumentError(
          absl::StrCat("dot attention: query (", q, ") must equal memory (", m,
                       "); \"general\" joins other widths"));
    case AttentionKind::kGeneral:
      specs.push_back(LinearWeight("attention.weight", q, m));
      return specs;
    case AttentionKind::kAdditive:
      if (a < 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("additive attention: units ", a, ", expected >= 1"));
      }
      specs.push_back(LinearWeight("attention.query.weight", a, q));
      specs.push_back(LinearWeight("attention.memory.weight", a, m));
      specs.push_back(LinearWeight("attention.score.weight", 1, a));
      return specs;
  }
  return specs;
}

absl::StatusOr<std::unique_ptr<const Attention>> Attention::Create(
    const AttentionSizes& sizes, absl::Span<const Tensor> weights) {
  auto attention = absl::WrapUnique(new Attention(sizes));
  if (sizes.kind == AttentionKind::kGeneral) {
    CAROUSEL_CHECK(weights.size() == 1);
    ASSIGN_OR_RETURN(attention->to_key_, PackTransposed(weights[0]));
  }
  if (sizes.kind == AttentionKind::kAdditive) {
    CAROUSEL_CHECK(weights.size() == 3);
    ASSIGN_OR_RETURN(attention->to_query_, PackTransposed(weights[0]));
    ASSIGN_OR_RETURN(attention->to_key_, PackTransposed(weights[1]));
    attention->score_ = ToVector(weights[2]);
  }
  return attention;
}

absl::StatusOr<AttentionMemory> Attention::Remember(const float* outputs,
                                                    int steps, int64_t stride,
                                                    Executor* executor) const {
  AttentionMemory memory = {.steps = steps, .values = {}, .keys = {}};
  for (int s = 0; s < steps; ++s) {
    const float* output = outputs + s * stride;
    memory.values.insert(memory.values.end(), output, output + sizes_.memory);
  }
  if (to_key_ != nullptr) {
    memory.keys.resize(static_cast<size_t>(steps * to_key_->n()));
    RETURN_IF_ERROR(MultiplyRows(*to_key_, memory.values.data(), steps,
                                 memory.keys.data(), executor));
  }
  return memory;
}

absl::Status Attention::Attend(
    absl::Span<const AttentionMemory* const> memories, const float* queries,
    float* context, std::vector<std::vector<float>>* alignments,
    Executor* executor) const {
  const auto rows = static_cast<int>(memories.size());
  std::vector<float> projected;  // (R, A)
  if (to_query_ != nullptr) {
    projected.resize(static_cast<size_t>(rows * to_query_->n()));
    RETURN_IF_ERROR(
        MultiplyRows(*to_query_, queries, rows, projected.data(), executor));
    queries = projected.data();
  }
  if (alignments != nullptr) alignments->resize(memories.size());
  std::vector<float> scratch;
  const int64_t width = AttentionKeyWidth(sizes_);
  for (int r = 0; r < rows; ++r) {
    const auto row = static_cast<size_t>(r);
    AttendRow(*memories[row], queries + r * width,
              context + int64_t{r} * sizes_.memory,
              alignments != nullptr ? &(*alignments)[row] : &scratch);
  }
  return absl::OkStatus();
}

// Loops rather than oneDNN: texts of every length would need a primitive each,
// and S x (K + M) multiplications are few beside a step of the decoder.
void Attention::AttendRow(const AttentionMemory& memory, const float* query,
                          float* context, std::vector<float>* alignment) const {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t width = AttentionKeyWidth(sizes_);
  const std::vector<float>& keys =
      memory.keys.empty() ? memory.values : memory.keys;
  alignment->resize(static_cast<size_t>(memory.steps));
  std::fill_n(context, sizes_.memory, 0.0f);
  if (memory.steps == 0) return;
  float* weights = alignment->data();  // (S)
  for (int s = 0; s < memory.steps; ++s) {
    const float* key = keys.data() + s * width;
    weights[s] =
        score_.empty()
            ? kernels.dot(width, query, key)
            : kernels.additive_score(
                  width, {.v = score_.data(), .key = key, .query = query});
  }
  kernels.softmax(memory.steps, weights);
  for (int s = 0; s < memory.steps; ++s) {
    kernels.add_scaled(sizes_.memory, weights[s],
                       memory.values.data() + int64_t{s} * sizes_.memory,
                       context);
  }
}

size_t Attention::memory_bytes() const {
  size_t bytes = score_.size() * sizeof(float);
  if (to_query_ != nullptr) bytes += to_query_->memory_bytes();
  if (to_key_ != nullptr) bytes += to_key_->memory_bytes();
  return bytes;
}

}  // namespace carousel
