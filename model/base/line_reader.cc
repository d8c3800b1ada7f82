// SPDX-License-Identifier: Apache-2.0

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/base/file_descriptor.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 16;

}  // namespace

// zlib's file reader passes through what is not gzip.
struct LineReader::Stream {
  explicit Stream(gzFile file) : gz(file) {}
  ~Stream() { gzclose_r(gz); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const gzFile gz;
};

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor file, OpenRegularFile(path));
  gzFile gz = gzdopen(file.get(), "rb");
  if (gz == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot read ", path, ": out of memory"));
  }
  file.Release();  // gzclose_r closes it
  gzbuffer(gz, kBufferBytes);
  return std::unique_ptr<LineReader>(
      new LineReader(path, std::make_unique<Stream>(gz)));
}

LineReader::LineReader(std::string path, std::unique_ptr<Stream> stream)
    : path_(std::move(path)),
      stream_(std::move(stream)),
      buffer_(kBufferBytes) {}

LineReader::~LineReader() = default;

absl::Status LineReader::Fill() {
  const int n = gzread(stream_->gz, buffer_.data(),
                       static_cast<unsigned>(buffer_.size()));
  // A file that is cut off yields its last bytes and Z_BUF_ERROR, not -1.
  int error = Z_OK;
  const char* message = gzerror(stream_->gz, &error);
  if (error == Z_ERRNO) return LastError("read", path_);
  if (n < 0 || error == Z_BUF_ERROR) {
    return absl::DataLossError(
        absl::StrCat("compressed data damaged after line ", line_number_, ": ",
                     path_, ": ", message));
  }
  begin_ = 0;
  end_ = static_cast<size_t>(n);
  at_end_ = n == 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> LineReader::Next(std::string* line) {
  line->clear();
  bool complete = false;
  while (!complete) {
    if (begin_ == end_ && !at_end_) RETURN_IF_ERROR(Fill());
    if (at_end_) break;
    const char* start = buffer_.data() + begin_;
    const void* newline = std::memchr(start, '\n', end_ - begin_);
    complete = newline != nullptr;
    const size_t size =
        complete
            ? static_cast<size_t>(static_cast<const char*>(newline) - start)
            : end_ - begin_;
    line->append(start, size);
    begin_ += size + (complete ? 1 : 0);
    if (line->size() > kMaxLineBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ":", line_number_ + 1, ": line longer than ",
                       kMaxLineBytes, " bytes"));
    }
  }
  if (!complete && line->empty()) return false;
  ++line_number_;
  if (complete && absl::EndsWith(*line, "\r")) line->pop_back();
  if (line->find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ":", line_number_, ": NUL byte found, expected text"));
  }
  return true;
}

absl::Status LineReader::Rewind() {
  if (gzrewind(stream_->gz) != 0) {
    return absl::DataLossError(absl::StrCat("cannot start ", path_, " again"));
  }
  begin_ = end_ = 0;
  at_end_ = false;
  line_number_ = 0;
  return absl::OkStatus();
}

}  // namespace carousel
