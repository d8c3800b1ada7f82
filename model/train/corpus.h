// SPDX-License-Identifier: Apache-2.0
//
// A text as token ids in a file that is mapped, not read: training goes through
// it many times, in any order, without holding it in memory.
//
// The file: magic "CRSLTOK1", number of tokens, number of lines, fingerprint
// (three 64-bit integers), then the ids as 32-bit integers, in the byte order
// of the machine. It is a cache of one run, not a format to exchange.

#ifndef CAROUSEL_MODEL_TRAIN_CORPUS_H_
#define CAROUSEL_MODEL_TRAIN_CORPUS_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/base/files.h"

namespace carousel {

// Immutable, so thread-safe.
class Corpus {
 public:
  // Reads the file once to check it: NOT_FOUND, or DATA_LOSS if it is not a
  // whole corpus, has a token outside [0, vocabulary_size), or is not the text
  // that was written.
  static absl::StatusOr<std::shared_ptr<const Corpus>> Open(
      const std::string& path, int vocabulary_size);

  // A corpus in memory, for tests. REQUIRES: the last token is <eos>.
  static std::shared_ptr<const Corpus> Of(std::vector<int32_t> tokens);

  // The lines one after the other, each ending in <eos>.
  absl::Span<const int32_t> tokens() const { return tokens_; }
  int64_t lines() const { return lines_; }

  // Differs, but for chance, when any token differs.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  Corpus() = default;
  // Counts lines and makes the fingerprint.
  void Survey();

  std::shared_ptr<const MappedFile> file_;
  std::vector<int32_t> owned_;
  absl::Span<const int32_t> tokens_;
  int64_t lines_ = 0;
  uint64_t fingerprint_ = 0;
};

// Writes a corpus file line by line. Thread-compatible.
class CorpusWriter {
 public:
  static absl::StatusOr<std::unique_ptr<CorpusWriter>> Create(
      const std::string& path);
  ~CorpusWriter();

  // `tokens` without the <eos>, which is added. RESOURCE_EXHAUSTED if the disk
  // is full.
  absl::Status Add(absl::Span<const int32_t> tokens);

  // Makes the file appear under its path. REQUIRES: called once, at the end.
  absl::Status Finish();

 private:
  CorpusWriter(std::string path, std::FILE* file);
  absl::Status Write(const void* data, size_t bytes);

  const std::string path_;
  std::FILE* file_;
  int64_t tokens_ = 0;
  int64_t lines_ = 0;
  uint64_t fingerprint_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CORPUS_H_
