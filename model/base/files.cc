// SPDX-License-Identifier: Apache-2.0

#include "model/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/base/file_descriptor.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr size_t kReadChunkBytes = size_t{1} << 16;

absl::Status TooLarge(const std::string& path, size_t limit_bytes) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is larger than ", limit_bytes, " bytes"));
}

absl::Status WriteAll(int fd, absl::string_view content,
                      const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return LastError("write", path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

// Creates `path` with the pieces as content, on the disk when it returns.
absl::Status WriteDurably(const std::string& path,
                          absl::Span<const absl::string_view> pieces) {
  FileDescriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
           0666));
  if (file.get() < 0) return LastError("create", path);
  for (absl::string_view piece : pieces) {
    RETURN_IF_ERROR(WriteAll(file.get(), piece, path));
  }
  if (fsync(file.get()) != 0) return LastError("flush", path);
  if (close(file.Release()) != 0) return LastError("close", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status LastError(absl::string_view operation, absl::string_view path) {
  // A limit on the size of files is, to the caller, a full disk.
  const int error = errno == EFBIG ? ENOSPC : errno;
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot ", operation, " ", path));
}

absl::Status FlushDirectory(const std::string& path) {
  const char* directory = path.empty() ? "." : path.c_str();
  FileDescriptor file(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0) return LastError("open", directory);
  // EINVAL: this file system has nothing to flush.
  if (fsync(file.get()) != 0 && errno != EINVAL) {
    return LastError("flush", directory);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t limit_bytes) {
  size_t size = 0;
  ASSIGN_OR_RETURN(FileDescriptor file, OpenRegularFile(path, &size));
  if (size > limit_bytes) return TooLarge(path, limit_bytes);
  // Files of /proc say that they are empty, and a file may be growing: the size
  // is a hint only.
  std::string content;
  for (size_t room = size + 1;; room = kReadChunkBytes) {
    const size_t old_size = content.size();
    content.resize(old_size + room);
    const ssize_t n = ReadFully(file.get(), content.data() + old_size, room);
    if (n < 0) return LastError("read", path);
    content.resize(old_size + static_cast<size_t>(n));
    if (content.size() > limit_bytes) return TooLarge(path, limit_bytes);
    if (static_cast<size_t>(n) < room) return content;
  }
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces) {
  // Unique within the process and among processes; one left by a crash is
  // written over when its number comes round.
  static std::atomic<int> counter{0};
  const std::string temporary =
      absl::StrCat(path, ".tmp.", getpid(), ".", counter++);
  absl::Status status = WriteDurably(temporary, pieces);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = LastError("replace", path);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return FlushDirectory(std::filesystem::path(path).parent_path().string());
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content) {
  return WriteFileAtomically(path, absl::MakeConstSpan(&content, 1));
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat("cannot create directory ", path));
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (directory.empty()) return std::string(name);
  return absl::StrCat(absl::StripSuffix(directory, "/"), "/",
                      absl::StripPrefix(name, "/"));
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(
    const std::string& path) {
  size_t size = 0;
  ASSIGN_OR_RETURN(FileDescriptor file, OpenRegularFile(path, &size));
  void* data = nullptr;
  if (size > 0) {  // mmap refuses a length of 0
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) return LastError("map", path);
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const char*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char*>(data_), size_);
}

}  // namespace carousel
