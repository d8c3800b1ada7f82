// SPDX-License-Identifier: Apache-2.0

#include "model/base/files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

// While it lives, no file of this process may grow beyond `bytes`: write(2)
// fails then as it does on a full disk, for root as well.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit = {bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~ScopedFileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  void (*old_handler_)(int);
  rlimit old_limit_;
};

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

// Weights hold every byte value.
TEST(FilesTest, ContentComesBackByteForByte) {
  TempDir dir;
  const std::string content("a\0\r\n\xff", 5);
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), content), IsOk());
  EXPECT_THAT(ReadFile(dir.File("f")), IsOkAndHolds(content));
}

// A weights file is written from many tensors without joining them.
TEST(FilesTest, PiecesAreJoinedInOrder) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), {"ab", "", "cd"}), IsOk());
  EXPECT_THAT(ReadFile(dir.File("f")), IsOkAndHolds("abcd"));
}

// An empty file is a file, not an error.
TEST(FilesTest, EmptyFileIsReadAndMapped) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), ""), IsOk());
  EXPECT_THAT(ReadFile(dir.File("f"), 0), IsOkAndHolds(""));
  const auto mapped = MappedFile::Open(dir.File("f"));
  ASSERT_THAT(mapped, IsOk());
  EXPECT_EQ((*mapped)->content(), "");
}

// The path in the message is what the user has to mend.
TEST(FilesTest, MissingFileIsNotFoundAndNamed) {
  const auto missing =
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/file"));
  EXPECT_THAT(ReadFile("/no/such/file"), missing);
  EXPECT_THAT(MappedFile::Open("/no/such/file"), missing);
}

// A directory opens, but has no content.
TEST(FilesTest, DirectoryIsNoFile) {
  TempDir dir;
  EXPECT_THAT(ReadFile(dir.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not a regular file")));
}

// A manifest of a gigabyte must not fill the memory.
TEST(FilesTest, FileAboveTheLimitIsRefused) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "12345"), IsOk());
  EXPECT_THAT(ReadFile(dir.File("f"), 5), IsOkAndHolds("12345"));
  EXPECT_THAT(ReadFile(dir.File("f"), 4),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("larger than 4 bytes")));
}

// Files of /proc have a size of 0 and content all the same.
TEST(FilesTest, ReadsFilesThatDoNotKnowTheirSize) {
  EXPECT_THAT(ReadFile("/proc/self/status"), IsOkAndHolds(HasSubstr("Pid:")));
  EXPECT_THAT(ReadFile("/proc/self/status", 10),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

// A checkpoint replaces the one before it, and nothing is left beside it.
TEST(FilesTest, WritingReplacesAndLeavesNothingElse) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "old and longer"), IsOk());
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "new"), IsOk());
  EXPECT_THAT(ReadFile(dir.File("f")), IsOkAndHolds("new"));
  EXPECT_THAT(NamesIn(dir.path()), ElementsAre("f"));
}

// The server often runs as another user than the trainer.
TEST(FilesTest, NewFileIsReadableAsTheUmaskAllows) {
  TempDir dir;
  const mode_t old_mask = umask(022);
  EXPECT_THAT(WriteFileAtomically(dir.File("f"), "x"), IsOk());
  umask(old_mask);
  struct stat info;
  ASSERT_EQ(stat(dir.File("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

// A disk that fills up while a checkpoint is written must not cost the last
// good one.
TEST(FilesTest, FullDiskKeepsTheOldContentAndRemovesTheRest) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "old"), IsOk());
  {
    ScopedFileSizeLimit limit(4096);
    EXPECT_THAT(
        WriteFileAtomically(dir.File("f"), std::string(100'000, 'x')),
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("write")));
  }
  EXPECT_THAT(ReadFile(dir.File("f")), IsOkAndHolds("old"));
  EXPECT_THAT(NamesIn(dir.path()), ElementsAre("f"));
}

// Two writers may finish in any order, but never mix.
TEST(FilesTest, WritersOfOneFileDoNotMix) {
  TempDir dir;
  const std::string a(200'000, 'a'), b(200'000, 'b');
  auto write = [&](const std::string& content) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_THAT(WriteFileAtomically(dir.File("f"), content), IsOk());
    }
  };
  std::thread other(write, a);
  write(b);
  other.join();
  EXPECT_THAT(ReadFile(dir.File("f")), IsOkAndHolds(AnyOf(Eq(a), Eq(b))));
}

// Writing into nowhere says where.
TEST(FilesTest, MissingDirectoryIsReported) {
  TempDir dir;
  EXPECT_THAT(WriteFileAtomically(dir.File("no/f"), "x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/f")));
}

// A directory in the way stays, and so does what is in it.
TEST(FilesTest, DirectoryIsNotReplacedByAFile) {
  TempDir dir;
  ASSERT_THAT(MakeDirectories(dir.File("d/e")), IsOk());
  EXPECT_THAT(WriteFileAtomically(dir.File("d"), "x"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(NamesIn(dir.path()), ElementsAre("d"));
}

// As mkdir -p: whole chains, and again without an error.
TEST(FilesTest, MakesDirectoriesAndIsContentWithThoseThatExist) {
  TempDir dir;
  EXPECT_THAT(MakeDirectories(dir.File("a/b/c")), IsOk());
  EXPECT_THAT(MakeDirectories(dir.File("a/b/c")), IsOk());
  EXPECT_TRUE(std::filesystem::is_directory(dir.File("a/b/c")));
}

// A file where a directory should be is the caller's mistake.
TEST(FilesTest, FileInTheWayOfADirectoryIsReported) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "x"), IsOk());
  EXPECT_THAT(MakeDirectories(dir.File("f/g")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("cannot create directory")));
  EXPECT_THAT(MakeDirectories(dir.File("f")),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

// One slash between the parts, whatever the user typed.
TEST(FilesTest, JoinsPathsWithOneSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

// A running model keeps the weights that it was loaded with.
TEST(FilesTest, MappingSurvivesReplacement) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "old"), IsOk());
  const auto mapped = MappedFile::Open(dir.File("f"));
  ASSERT_THAT(mapped, IsOk());
  ASSERT_THAT(WriteFileAtomically(dir.File("f"), "new"), IsOk());
  EXPECT_EQ((*mapped)->content(), "old");
}

}  // namespace
}  // namespace carousel
