// SPDX-License-Identifier: Apache-2.0

#include "server/engine/context_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/base/check.h"

namespace carousel {

ContextReader::ContextReader(std::vector<ContextPassage> passages, size_t width,
                             StatePool* pool, PrefixCache* cache,
                             ContextCache* context)
    : passages_(std::move(passages)),
      width_(width),
      pool_(pool),
      cache_(cache),
      context_(context) {
  for (const ContextPassage& passage : passages_) {
    left_ += static_cast<int64_t>(passage.size());
  }
  Open();
}

// Past the blocks that are known. The row has the state before each.
void ContextReader::Open() {
  while (!done()) {
    const ContextPassage& tokens = passages_[passage_];
    if (row_.empty()) row_ = pool_->Take();
    end_ = std::min(begin_ + kTokensOfBlock, tokens.size());
    block_ = {.width = width_};
    const auto known = cache_->FindContext(
        absl::MakeConstSpan(tokens).first(end_), begin_, row_.values());
    if (known != nullptr) {
      read_ += known->count();
      left_ -= static_cast<int64_t>(known->count());
    }
    if (read_ < end_) {
      if (known != nullptr) block_ = *known;
      return;
    }
    Close(known);
  }
}

// The block is read.
void ContextReader::Close(std::shared_ptr<const ContextStates> states) {
  context_->Append(std::move(states));
  begin_ = end_;
  if (end_ < passages_[passage_].size()) return;
  ++passage_;
  begin_ = read_ = 0;
  row_ = StatePool::Row();
}

absl::Span<const int32_t> ContextReader::NextTokens(int count) const {
  CAROUSEL_CHECK(count <= pending());
  return absl::MakeConstSpan(passages_[passage_])
      .subspan(read_, static_cast<size_t>(count));
}

void ContextReader::Advance(int count) {
  read_ += static_cast<size_t>(count);
  left_ -= count;
  CAROUSEL_CHECK(block_.count() == read_ - begin_);
  if (read_ < end_) return;
  Close(Remember());
  Open();
}

std::shared_ptr<const ContextStates> ContextReader::Remember() {
  const auto states =
      std::make_shared<const ContextStates>(std::exchange(block_, {}));
  if (states->count() == 0) return states;
  const auto read = absl::MakeConstSpan(passages_[passage_]).first(read_);
  cache_->Insert(read, row_.values());
  cache_->InsertContext(read, states);
  return states;
}

}  // namespace carousel
