// SPDX-License-Identifier: Apache-2.0
//
// The command line as a whole: exit codes, usage, and where errors go.

#include "client/cli/cli.h"

#include <stdlib.h>

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

// Exit code 2, and one line on standard error: a script that pipes the output
// must not read it as an answer, and a person must find what is wrong.
TEST(CliUsageTest, MistakesOnTheCommandLineAreOneLineAndExitWithTwo) {
  const std::string commands =
      "expected a command: complete, forecast, load, score, translate, models, "
      "reload, explain";
  const struct {
    std::vector<std::string> arguments;
    std::string err;
  } cases[] = {
      {{}, "carousel: " + commands + "; see carousel --help\n"},
      {{"nope"},
       "carousel: " + commands + ", found \"nope\"; see carousel --help\n"},
      {{"complete", "--nope"},
       "carousel complete: unknown flag --nope; see carousel complete "
       "--help\n"},
      {{"--max_suggestions=abc", "complete", "a"},
       "carousel complete: --max_suggestions: expected a whole number from 1 "
       "to 100, found \"abc\"; see carousel complete --help\n"},
      {{"models", "--model=m"},
       "carousel models: takes no --model; see carousel models --help\n"},
      {{"models", "/"},
       "carousel models: model \"/\": expected NAME, NAME/VERSION or "
       "NAME@LABEL; see carousel models --help\n"},
      {{"reload", "extra"},
       "carousel reload: takes no arguments, found \"extra\"; see carousel "
       "reload --help\n"},
      {{"complete", "--server=foo", "a"},
       "carousel complete: --server: expected HOST:PORT, found \"foo\"; see "
       "carousel complete --help\n"},
      {{"explain", "a"},
       "carousel explain: expected --model=NAME (`carousel models` lists "
       "them); see carousel explain --help\n"},
      {{"explain", "--model=en"},
       "carousel explain: expected a TEXT; see carousel explain --help\n"},
      {{"forecast"},
       "carousel forecast: expected one FILE.csv, or - for the input, found 0; "
       "see carousel forecast --help\n"},
  };
  for (const auto& [arguments, err] : cases) {
    const CliResult result = Carousel(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage) << err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, err);
  }
}

// The environment is a part of the command line.
TEST(CliUsageTest, AServerOfTheEnvironmentNeedsAPort) {
  setenv("CAROUSEL_SERVER", "foo", 1);
  const CliResult result = Carousel({"models"});
  unsetenv("CAROUSEL_SERVER");
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_THAT(result.err, StartsWith("carousel models: server \"foo\": "
                                     "expected HOST:PORT"));
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
