// SPDX-License-Identifier: Apache-2.0
//
// What the simulated users of a load send.

#ifndef CAROUSEL_CLIENT_LOAD_LOAD_TEXTS_H_
#define CAROUSEL_CLIENT_LOAD_LOAD_TEXTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

// The texts of one user, one after the other, without end. Not thread-safe.
class LoadTexts {
 public:
  virtual ~LoadTexts() = default;
  virtual std::string Next() = 0;
};

// Texts of `words` common words and a space after them, so that the next word
// is asked for: with three of them hardly ever the same twice. `user` and
// `seed` decide which.
class RandomTexts : public LoadTexts {
 public:
  RandomTexts(int words, uint64_t user, uint64_t seed);
  std::string Next() override;

 private:
  const int words_;
  uint64_t state_;
};

// The lines one after the other, from another one on for each user. They must
// outlive the object.
class WholeLines : public LoadTexts {
 public:
  // REQUIRES: the lines are not empty.
  WholeLines(absl::Span<const std::string> lines, uint64_t user)
      : lines_(lines), line_(user % lines.size()) {}
  std::string Next() override { return lines_[line_++ % lines_.size()]; }

 private:
  const absl::Span<const std::string> lines_;
  size_t line_;
};

// A person who types the lines one after the other: each text is a character
// longer than the one before, until the line ends. The first line of `user` is
// another for each of them. The lines must outlive the object.
class TypedLines : public LoadTexts {
 public:
  // REQUIRES: the lines are not empty.
  TypedLines(absl::Span<const std::string> lines, uint64_t user);
  std::string Next() override;

 private:
  const absl::Span<const std::string> lines_;
  size_t line_;
  size_t typed_ = 0;  // bytes of it
};

// A few everyday sentences, for who has no file of their own.
absl::Span<const std::string> SampleLines();

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_LOAD_LOAD_TEXTS_H_
