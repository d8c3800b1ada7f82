// SPDX-License-Identifier: Apache-2.0
//
// The command line as a whole: exit codes, usage, and where errors go.

#include "client/cli/cli.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class CliErrorTest : public CliTest {
 protected:
  CliErrorTest()
      : CliTest({.complete = [](const auto&, auto&) {
          return absl::NotFoundError("no model \"nope\"");
        }}) {}
};

// Scripts tell by the exit code, people by the message.
TEST_F(CliErrorTest, TheServersErrorsExitWithOne) {
  const CliResult result = Run({"complete", "--model=nope", "to"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "carousel: NOT_FOUND: no model \"nope\"\n");
}

// Exit code 2, and the usage on standard error: a script that pipes the output
// must not read it as an answer.
TEST(CliUsageTest, MistakesOnTheCommandLineExitWithTwo) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {}, {"nope"}, {"complete", "--nope"}, {"reload", "extra"}}) {
    const CliResult result = Carousel(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("usage: carousel"));
  }
}

TEST(CliUsageTest, HelpIsAnAnswer) {
  const CliResult result = Carousel({"complete", "--help"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, AllOf(StartsWith("usage: carousel complete"),
                                HasSubstr("--max_suggestions=N")));
  EXPECT_THAT(Carousel({"--help"}).out, HasSubstr("models"));
}

}  // namespace
}  // namespace carousel
