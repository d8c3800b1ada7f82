// SPDX-License-Identifier: Apache-2.0

#include "model/train/command_line.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Flag kFlags[] = {{"out", "DIR", "", "where", true},
                           {"resume", "", "off", "go on"},
                           {"set", "K=V", "none", "override"},
                           {"threads", "N", "0", "how many"}};

absl::StatusOr<FlagValues> Parse(const std::vector<std::string>& arguments) {
  return ParseFlags(kFlags, arguments);
}

TEST(CommandLineTest, ReadsValuesSwitchesAndRepeatedFlags) {
  const auto flags = Parse(
      {"--out=a", "--resume", "--set=x=1", "--set", "y=2", "--threads=3"});
  ASSERT_THAT(flags, IsOk());
  EXPECT_EQ(flags->Get("out"), "a");
  EXPECT_TRUE(flags->Has("resume"));
  EXPECT_THAT(flags->GetAll("set"), ElementsAre("x=1", "y=2"));
  EXPECT_THAT(flags->GetCount("threads", 0, 8), IsOkAndHolds(3));
}

// Every mistake names the flag.
TEST(CommandLineTest, MistakesAreRefusedByName) {
  const auto invalid = [](const char* what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  EXPECT_THAT(Parse({"--out=a", "--oops"}), invalid("--oops"));
  EXPECT_THAT(Parse({"--resume"}), invalid("--out is required"));
  EXPECT_THAT(Parse({"--out"}), invalid("expected a value"));
  EXPECT_THAT(Parse({"--out=a", "--resume=false"}),
              invalid("--resume: expected no value"));
  EXPECT_THAT(Parse({"stray"}), invalid("stray"));
  const auto flags = Parse({"--out=a", "--threads=9"});
  ASSERT_THAT(flags, IsOk());
  EXPECT_THAT(flags->GetCount("threads", 0, 8), invalid("0 to 8"));
  EXPECT_THAT(flags->GetBool("threads", true),
              invalid("--threads: expected true or false, found \"9\""));
  EXPECT_THAT(flags->GetBool("resume", true), IsOkAndHolds(true));
}

// --help is the manual.
TEST(CommandLineTest, HelpShowsDefaults) {
  EXPECT_THAT(DescribeFlags(kFlags), HasSubstr("--threads=N"));
  EXPECT_THAT(DescribeFlags(kFlags), HasSubstr("(default: 0)"));
  EXPECT_THAT(DescribeFlags(kFlags), HasSubstr("(required)"));
}

}  // namespace
}  // namespace carousel
