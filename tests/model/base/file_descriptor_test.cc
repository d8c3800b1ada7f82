// SPDX-License-Identifier: Apache-2.0

#include "model/base/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// Leaked descriptors end a server after a thousand reloads.
TEST(FileDescriptorTest, ClosesWhenItDies) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  { FileDescriptor file(fd); }
  EXPECT_FALSE(IsOpen(fd));
}

// Ownership moves to exactly one place.
TEST(FileDescriptorTest, ReleasedDescriptorStaysOpen) {
  FileDescriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fd = file.Release();
  EXPECT_EQ(file.get(), -1);
  EXPECT_TRUE(IsOpen(fd));
  FileDescriptor closes_it(fd);
}

// A FIFO as a bundle's file must not block the server for ever.
TEST(FileDescriptorTest, FifoIsRefusedAtOnce) {
  TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("fifo").c_str(), 0600), 0);
  EXPECT_THAT(OpenRegularFile(dir.File("fifo")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not a regular file")));
}

// To the caller a limit on file sizes is a full disk.
TEST(FileDescriptorTest, FileSizeLimitIsReportedAsNoSpace) {
  errno = EFBIG;
  EXPECT_THAT(LastError("write", "/x"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("cannot write /x")));
}

}  // namespace
}  // namespace carousel
