// SPDX-License-Identifier: Apache-2.0
//
// Private to model/base: an open file that closes itself.

#ifndef CAROUSEL_MODEL_BASE_FILE_DESCRIPTOR_H_
#define CAROUSEL_MODEL_BASE_FILE_DESCRIPTOR_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace carousel {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor();

  int get() const { return fd_; }

  // Gives the descriptor away: the caller closes it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;  // -1 = none
};

// Opens for reading what ReadFile accepts. Stores its size in `*size`, if
// given.
absl::StatusOr<FileDescriptor> OpenRegularFile(const std::string& path,
                                               size_t* size = nullptr);

// read(2) until `size` bytes are there or the file ends; the bytes read, or -1.
ssize_t ReadFully(int fd, char* data, size_t size);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_FILE_DESCRIPTOR_H_
