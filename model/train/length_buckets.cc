// SPDX-License-Identifier: Apache-2.0

#include "model/train/length_buckets.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace carousel {
namespace {

struct Group {
  PairLength length;
  int64_t rows = 0;
};

// A group that holds the rows of both.
Group Union(const Group& a, const Group& b) {
  return {.length = {.source = std::max(a.length.source, b.length.source),
                     .target = std::max(a.length.target, b.length.target)},
          .rows = a.rows + b.rows};
}

int64_t Cost(const Group& group) { return group.rows * group.length.steps(); }

// Replaces the two groups whose union adds the fewest steps by it.
void MergeCheapestPair(std::vector<Group>* groups) {
  int64_t least = std::numeric_limits<int64_t>::max();
  std::pair<size_t, size_t> best;
  for (size_t i = 0; i < groups->size(); ++i) {
    for (size_t j = i + 1; j < groups->size(); ++j) {
      const Group& a = (*groups)[i];
      const Group& b = (*groups)[j];
      const int64_t added = Cost(Union(a, b)) - Cost(a) - Cost(b);
      if (added >= least) continue;
      least = added;
      best = {i, j};
    }
  }
  (*groups)[best.first] = Union((*groups)[best.first], (*groups)[best.second]);
  groups->erase(groups->begin() + static_cast<std::ptrdiff_t>(best.second));
}

// The rows counted by cell of the ladder's grid.
std::vector<Group> GridOf(absl::Span<const PairLength> lengths) {
  PairLength longest;
  for (const PairLength& length : lengths) {
    longest.source = std::max(longest.source, length.source);
    longest.target = std::max(longest.target, length.target);
  }
  std::map<std::pair<int, int>, int64_t> counts;
  for (const PairLength& length : lengths) {
    ++counts[{std::min(RoundUpLength(length.source), longest.source),
              std::min(RoundUpLength(length.target), longest.target)}];
  }
  std::vector<Group> groups;
  for (const auto& [cell, rows] : counts) {
    groups.push_back({.length = {.source = cell.first, .target = cell.second},
                      .rows = rows});
  }
  return groups;
}

}  // namespace

int RoundUpLength(int length) {
  int step = 1;
  while (step < length) step = std::max(step + 1, (step * 5 + 3) / 4);
  return step;
}

std::vector<PairLength> ChooseBuckets(absl::Span<const PairLength> lengths,
                                      int limit) {
  std::vector<Group> groups = GridOf(lengths);
  while (groups.size() > static_cast<size_t>(limit)) {
    MergeCheapestPair(&groups);
  }
  std::vector<PairLength> buckets;
  for (const Group& group : groups) buckets.push_back(group.length);
  std::sort(buckets.begin(), buckets.end(),
            [](const PairLength& a, const PairLength& b) {
              return std::pair(a.steps(), a.source) <
                     std::pair(b.steps(), b.source);
            });
  buckets.erase(std::unique(buckets.begin(), buckets.end()), buckets.end());
  return buckets;
}

size_t FindBucket(absl::Span<const PairLength> buckets, PairLength length) {
  return static_cast<size_t>(
      std::find_if(buckets.begin(), buckets.end(),
                   [&](const PairLength& b) { return b.Holds(length); }) -
      buckets.begin());
}

}  // namespace carousel
