// SPDX-License-Identifier: Apache-2.0

#include "model/layers/distinct_tokens.h"

#include <algorithm>
#include <cstddef>

namespace carousel {
namespace {

constexpr int32_t kNone = -1;

}  // namespace

void DistinctTokens::Set(absl::Span<const int32_t> tokens, int vocabulary) {
  const auto size = static_cast<size_t>(vocabulary);
  if (place_of_.size() < size) place_of_.resize(size, kNone);
  tokens_.clear();
  places_.clear();
  for (int32_t token : tokens) {
    int32_t& place = place_of_[static_cast<size_t>(token)];
    if (place == kNone) {
      place = static_cast<int32_t>(tokens_.size());
      tokens_.push_back(token);
    }
    places_.push_back(place);
  }
  for (int32_t token : tokens_) place_of_[static_cast<size_t>(token)] = kNone;
}

}  // namespace carousel
