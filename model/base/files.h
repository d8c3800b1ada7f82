// SPDX-License-Identifier: Apache-2.0
//
// Files: whole reads, atomic writes, read-only mappings, and lines as a stream.
// Errors name the path and what the system said.

#ifndef CAROUSEL_MODEL_BASE_FILES_H_
#define CAROUSEL_MODEL_BASE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

// The whole file. NOT_FOUND if it does not exist; FAILED_PRECONDITION if it is
// larger than `limit_bytes` or not a regular file.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t limit_bytes = size_t{1} << 30);

// Writes beside `path`, flushes to the disk and renames: afterwards `path`
// holds either the old or the whole new content, also after a crash or on a
// full disk (RESOURCE_EXHAUSTED, and the half-written neighbour is removed).
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content);

// The same for content in pieces: it is never held in one string.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces);

// Makes the entries of the directory, e.g. a rename in it, last through a
// crash. "" is the current one.
absl::Status FlushDirectory(const std::string& path);

// `errno` with the operation and the path, e.g. "cannot open /x: No such file".
absl::Status LastError(absl::string_view operation, absl::string_view path);

// mkdir -p.
absl::Status MakeDirectories(const std::string& path);

// "a" + "b" -> "a/b".
std::string JoinPath(absl::string_view directory, absl::string_view name);

// Lower-case hexadecimal SHA-256.
std::string Sha256(absl::string_view content);
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

// A file mapped read-only. Immutable, so thread-safe. Do not truncate the file
// while it is mapped; replace it by renaming.
class MappedFile {
 public:
  // Errors as ReadFile.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(
      const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view content() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  const char* data_;
  size_t size_;
};

// Reads a text file line by line, in bounded memory. `.gz` is decompressed on
// the way (by content, not by name). Not thread-safe.
//
//   ASSIGN_OR_RETURN(auto lines, LineReader::Open(path));
//   std::string line;
//   while (true) {
//     ASSIGN_OR_RETURN(bool more, lines->Next(&line));
//     if (!more) break;
//   }
class LineReader {
 public:
  // A longer line is an error: the file is not text, or not one item a line.
  static constexpr size_t kMaxLineBytes = size_t{1} << 20;

  static absl::StatusOr<std::unique_ptr<LineReader>> Open(
      const std::string& path);
  ~LineReader();

  // The next line without its end ("\n" or "\r\n") in `*line`; false at the end
  // of the file. DATA_LOSS if the compressed data is damaged or cut off;
  // INVALID_ARGUMENT for a line that is too long or holds a NUL byte.
  absl::StatusOr<bool> Next(std::string* line);

  // Number of lines read so far.
  int64_t line_number() const { return line_number_; }

  // Back to the first line.
  absl::Status Rewind();

 private:
  struct Stream;
  LineReader(std::string path, std::unique_ptr<Stream> stream);
  absl::Status Fill();

  const std::string path_;
  std::unique_ptr<Stream> stream_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
  int64_t line_number_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_FILES_H_
