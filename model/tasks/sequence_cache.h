// SPDX-License-Identifier: Apache-2.0
//
// What the network says after token sequences that begin alike, as the queries
// about one line do: each sequence is computed once, from the longest one
// known.

#ifndef CAROUSEL_MODEL_TASKS_SEQUENCE_CACHE_H_
#define CAROUSEL_MODEL_TASKS_SEQUENCE_CACHE_H_

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"

namespace carousel {

// A tree of states, one edge a token; logits are kept for the latest sequences
// only. One per thread; the model and the workspace must outlive it.
class SequenceCache {
 public:
  SequenceCache(const LanguageModel& network,
                LanguageModel::Workspace* workspace);

  // Forgets everything. The beginnings of `expected` will be asked about in
  // turn, so their logits are computed several at a time.
  absl::Status Reset(absl::Span<const int32_t> expected);

  // The logits of all ranks after `tokens`, from the state of zeros. Valid
  // until the next call of any method.
  absl::StatusOr<absl::Span<const float>> LogitsAfter(
      absl::Span<const int32_t> tokens);

  // What the top layer puts out after them: (H).
  absl::StatusOr<std::vector<float>> TopAfter(absl::Span<const int32_t> tokens);

 private:
  struct Node {
    RecurrentState state;
    std::vector<float> logits;  // (V), or empty
  };

  absl::StatusOr<int> NodeAfter(absl::Span<const int32_t> tokens);
  absl::StatusOr<int> Child(int parent, int32_t token);
  absl::Status ComputeLogits(int first, int count);

  const LanguageModel& network_;
  LanguageModel::Workspace* const workspace_;
  std::vector<Node> nodes_;  // the root, the expected ones, then any others
  absl::flat_hash_map<std::pair<int, int32_t>, int> children_;
  int expected_end_ = 1;         // nodes [1, expected_end_) were expected
  std::deque<int> with_logits_;  // the oldest first
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_SEQUENCE_CACHE_H_
