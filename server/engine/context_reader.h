// SPDX-License-Identifier: Apache-2.0
//
// The way of earlier text through the network: what of its passages must still
// be fed, and what the top layer put out at each of their tokens.

#ifndef CAROUSEL_SERVER_ENGINE_CONTEXT_READER_H_
#define CAROUSEL_SERVER_ENGINE_CONTEXT_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "model/tasks/context_cache.h"
#include "server/engine/prefix_cache.h"
#include "server/engine/state_pool.h"

namespace carousel {

// Passages are read in blocks of a few tokens. Each is remembered under the
// beginning of its passage that it ends, so of a text that has grown or changed
// only the lines that did are fed, and of a line that has grown its end.
//
// Belongs to one thread at a time. What it is given must outlive it.
class ContextReader {
 public:
  static constexpr size_t kTokensOfBlock = 32;

  // `context` is that of the passages, and nothing is appended to it; `width`:
  // numbers in a y. Goes to the first token that is not known.
  ContextReader(std::vector<ContextPassage> passages, size_t width,
                StatePool* pool, PrefixCache* cache, ContextCache* context);

  // All is known: the context is complete.
  bool done() const { return passage_ == passages_.size(); }

  // Tokens to be fed to the end of the block. REQUIRES (all of the following):
  // !done().
  int pending() const { return static_cast<int>(end_ - read_); }

  // The next `count` of them. REQUIRES: count <= pending().
  absl::Span<const int32_t> NextTokens(int count) const;

  // Of the token that is fed next, behind those that are kept already: y.
  void Keep(absl::Span<const float> y) { block_.Append(y); }

  // `count` tokens were fed, and y of each was kept: `row()` has the state
  // after them.
  void Advance(int count);

  // Tokens to be fed at most until it is done.
  int64_t left() const { return left_; }

  // It will not go on: what it has read of the block is remembered.
  void Abandon() { Remember(); }

  const StatePool::Row& row() const { return row_; }

 private:
  void Open();
  void Close(std::shared_ptr<const ContextStates> states);
  std::shared_ptr<const ContextStates> Remember();

  const std::vector<ContextPassage> passages_;
  const size_t width_;
  StatePool* const pool_;
  PrefixCache* const cache_;
  ContextCache* const context_;

  size_t passage_ = 0;  // that is read
  size_t begin_ = 0;    // the block of it: [begin_, end_)
  size_t end_ = 0;
  size_t read_ = 0;      // tokens of it that `row_` is the state after
  ContextStates block_;  // y of [begin_, read_)
  StatePool::Row row_;
  int64_t left_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_CONTEXT_READER_H_
