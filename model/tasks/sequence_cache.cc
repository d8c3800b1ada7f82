// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/sequence_cache.h"

#include <algorithm>

#include "model/base/status_macros.h"

namespace carousel {
namespace {

// Rows of one product with the output layer: enough for its weights to be read
// once for many.
constexpr int kBatchRows = 32;

// Rows of logits kept: 20 MB at 20,000 words.
constexpr size_t kKeptRows = 256;

}  // namespace

SequenceCache::SequenceCache(const LanguageModel& network,
                             LanguageModel::Workspace* workspace)
    : network_(network), workspace_(workspace) {
  nodes_.push_back({network_.InitialState(1), {}});
}

absl::Status SequenceCache::Reset(absl::Span<const int32_t> expected) {
  nodes_.resize(1);
  children_.clear();
  with_logits_.clear();
  int node = 0;
  for (int32_t token : expected) {
    ASSIGN_OR_RETURN(node, Child(node, token));
  }
  expected_end_ = static_cast<int>(nodes_.size());
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const float>> SequenceCache::LogitsAfter(
    absl::Span<const int32_t> tokens) {
  ASSIGN_OR_RETURN(const int node, NodeAfter(tokens));
  if (nodes_[node].logits.empty()) {
    const int last = std::min(node + kBatchRows, expected_end_);
    RETURN_IF_ERROR(ComputeLogits(node, std::max(1, last - node)));
  }
  return nodes_[node].logits;
}

absl::StatusOr<std::vector<float>> SequenceCache::TopAfter(
    absl::Span<const int32_t> tokens) {
  ASSIGN_OR_RETURN(const int node, NodeAfter(tokens));
  return network_.Top(nodes_[node].state);
}

absl::StatusOr<int> SequenceCache::NodeAfter(absl::Span<const int32_t> tokens) {
  int node = 0;
  for (int32_t token : tokens) {
    ASSIGN_OR_RETURN(node, Child(node, token));
  }
  return node;
}

absl::StatusOr<int> SequenceCache::Child(int parent, int32_t token) {
  const int next = static_cast<int>(nodes_.size());
  const auto [child, is_new] = children_.try_emplace({parent, token}, next);
  if (!is_new) return child->second;
  nodes_.push_back({nodes_[parent].state, {}});
  RETURN_IF_ERROR(network_.Advance({token}, /*steps=*/1, /*rows=*/1,
                                   &nodes_.back().state, /*top=*/nullptr,
                                   workspace_));
  return next;
}

absl::Status SequenceCache::ComputeLogits(int first, int count) {
  const size_t vocabulary = static_cast<size_t>(network_.sizes().vocabulary);
  std::vector<float> top;
  for (int node = first; node < first + count; ++node) {
    const std::vector<float> h = network_.Top(nodes_[node].state);
    top.insert(top.end(), h.begin(), h.end());
  }
  std::vector<float> logits(static_cast<size_t>(count) * vocabulary);
  RETURN_IF_ERROR(network_.Logits(top, count, 0, network_.sizes().vocabulary,
                                  absl::MakeSpan(logits), workspace_));
  for (int i = 0; i < count; ++i) {
    Node& node = nodes_[first + i];
    if (node.logits.empty()) with_logits_.push_back(first + i);
    const auto row = logits.begin() + static_cast<int64_t>(i * vocabulary);
    node.logits.assign(row, row + static_cast<int64_t>(vocabulary));
  }
  while (with_logits_.size() > kKeptRows) {
    nodes_[with_logits_.front()].logits = {};
    with_logits_.pop_front();
  }
  return absl::OkStatus();
}

}  // namespace carousel
