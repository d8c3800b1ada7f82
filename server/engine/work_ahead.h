// SPDX-License-Identifier: Apache-2.0
//
// How much work is done before a job is, where all jobs get the same share
// (StepScheduler): of each of the others at most as much as its own.

#ifndef CAROUSEL_SERVER_ENGINE_WORK_AHEAD_H_
#define CAROUSEL_SERVER_ENGINE_WORK_AHEAD_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace carousel {

// Counts jobs by size, in powers of two: what it says is exact where all of a
// power have the same. Not thread-safe.
class WorkAhead {
 public:
  // REQUIRES: tokens >= 1; what is removed was added.
  void Add(int64_t tokens) { Count(tokens, 1); }
  void Remove(int64_t tokens) { Count(tokens, -1); }

  // Of a job that was added with `*before` so much is left.
  void Change(int64_t* before, int64_t left) {
    Remove(*before);
    Add(*before = left);
  }

  int64_t jobs() const { return jobs_; }

  // Left of all of them together.
  int64_t tokens() const { return tokens_; }

  // Tokens until a job of `tokens` is done that comes now, its own included.
  int64_t Until(int64_t tokens) const;

 private:
  struct Jobs {
    int64_t count = 0;
    int64_t tokens = 0;
  };

  void Count(int64_t tokens, int64_t sign);

  std::array<Jobs, 64> by_size_ = {};
  int64_t jobs_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_WORK_AHEAD_H_
