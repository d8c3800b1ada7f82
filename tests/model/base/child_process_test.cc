// SPDX-License-Identifier: Apache-2.0
#include "model/base/child_process.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// No shell reads the words: a file name with blanks is one argument.
TEST(ChildProcessTest, OutputGoesToTheLogAndWordsAreNotSplit) {
  TempDir dir;
  ASSERT_THAT(RunProgram({"printf", "%s|", "a b", "$HOME"}, dir.File("log")),
              IsOk());
  EXPECT_THAT(ReadFile(dir.File("log")), IsOkAndHolds("a b|$HOME|"));
}

// A missing program is told apart from one that fails: the first is a note.
TEST(ChildProcessTest, MissingAndFailingProgramsDiffer) {
  EXPECT_THAT(
      RunProgram({"no-such-program-here"}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such-program-here")));
  EXPECT_THAT(RunProgram({"false"}),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("false")));
}

}  // namespace
}  // namespace carousel
