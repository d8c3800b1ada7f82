// SPDX-License-Identifier: Apache-2.0
//
// `carousel complete`, but for what is shown while a person types.

#include <string>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string Repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

// Suggests "go", and says which text it was asked about.
absl::Status SuggestGo(const v1::CompleteRequest& request,
                       v1::CompleteResponse& response) {
  if (request.model().name() == "nope") {
    return absl::NotFoundError("no model \"nope\"");
  }
  response.mutable_model()->set_name("echo");
  response.mutable_model()->set_version(2);
  *response.add_suggestions() = MakeSuggestion("go", " go", 0.5);
  return absl::OkStatus();
}

class CompleteCommandTest : public CliTest {
 protected:
  CompleteCommandTest()
      : CliTest({.complete = [this](const v1::CompleteRequest& request,
                                    v1::CompleteResponse& response) {
          context_ = request.context();
          return SuggestGo(request, response);
        }}) {}

  std::string context_;  // of the last request
};

TEST_F(CompleteCommandTest, CompletesEachArgument) {
  const CliResult result = Run({"complete", "to", "we"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "  50.0%  to go\n\n  50.0%  we go\n");
  EXPECT_EQ(result.err, "");
}

// Trailing spaces decide what is suggested; line ends of another system do not.
TEST_F(CompleteCommandTest, CompletesEachLineOfTheInput) {
  const CliResult result = Run({"complete"}, "to\r\nwe \n");
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "  50.0%  to go\n\n  50.0%  we  go\n");
}

TEST_F(CompleteCommandTest, JsonIsOneObjectALine) {
  const CliResult result = Run({"complete", "--json", "to", "we"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "{\"input\":\"to\",\"model\":{\"name\":\"echo\",\"version\":\"2\"},"
            "\"suggestions\":[{\"word\":\"go\",\"insert\":\" go\","
            "\"replace\":0,\"probability\":0.5,\"words\":0,"
            "\"confidence\":0}]}\n"
            "{\"input\":\"we\",\"model\":{\"name\":\"echo\",\"version\":\"2\"},"
            "\"suggestions\":[{\"word\":\"go\",\"insert\":\" go\","
            "\"replace\":0,\"probability\":0.5,\"words\":0,"
            "\"confidence\":0}]}\n");
}

// Of the file's end as much as a server takes, in whole lines or characters.
TEST_F(CompleteCommandTest, SendsTheEndOfTheContext) {
  const TempDir dir;
  const struct {
    std::string text;
    size_t sent;
  } cases[] = {{"Dear all,\nthank you\n", 20},
               {"", 0},
               {Repeated("a line\n", 10000), 2340 * 7},
               {Repeated("\u00e9", 10000) + "a", 16383},
               {Repeated("x", 20000) + "\n", 16384}};
  for (const auto& [text, sent] : cases) {
    const std::string file = dir.File("context");
    ASSERT_TRUE(WriteFileAtomically(file, text).ok());
    const CliResult result = Run({"complete", "--context=" + file, "to"});
    EXPECT_EQ(result.exit_code, kExitOk) << result.err;
    EXPECT_EQ(context_, text.substr(text.size() - sent));
  }
}

TEST_F(CompleteCommandTest, ContextThatIsNotThereIsNamed) {
  const CliResult result = Run({"complete", "--context=/nowhere", "to"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("/nowhere"));
}

// Of many lines one must know which was wrong; the others are done.
TEST_F(CompleteCommandTest, AnErrorInTheInputKeepsItsPlace) {
  const CliResult result = Run({"complete"}, "to\n\xff\n\nwe\n");
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out,
            "  50.0%  to go\n\n"
            "  error  text: not valid UTF-8 at byte 0\n\n"
            "  50.0%   go\n\n"
            "  50.0%  we go\n");
  EXPECT_EQ(result.err,
            "carousel: INVALID_ARGUMENT: 1 of 4 lines could not be completed; "
            "the first: line 2: text: not valid UTF-8 at byte 0\n");
}

TEST_F(CompleteCommandTest, AnErrorInTheInputIsJsonToo) {
  const CliResult result = Run({"complete", "--json"}, "\xff\nwe\n");
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.out,
              StartsWith("{\"error\":{\"code\":\"INVALID_ARGUMENT\","
                         "\"message\":\"text: not valid UTF-8 at byte 0\"}}\n"
                         "{\"input\":\"we\","));
}

// A file of which the server did the first lines only.
TEST_F(CompleteCommandTest, ARunThatBreaksOffSaysWhereToGoOn) {
  FakeServer server({.complete = [](const v1::CompleteRequest& request,
                                    v1::CompleteResponse& response) {
    if (request.text() == "c") return absl::UnavailableError("draining");
    return SuggestGo(request, response);
  }});
  const CliResult result =
      Carousel({"--server=" + server.address(), "complete"}, "a\n\xff\nc\nd\n");
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out,
            "  50.0%  a go\n\n  error  text: not valid UTF-8 at byte 0\n");
  EXPECT_EQ(result.err,
            "carousel: UNAVAILABLE: draining; lines done: 2; go on from line "
            "3; 1 of 2 lines could not be completed; the first: line 2: text: "
            "not valid UTF-8 at byte 0\n");
}

TEST_F(CompleteCommandTest, InteractiveNeedsATerminal) {
  const CliResult result = Run({"complete", "--interactive"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("needs a terminal"));
}

}  // namespace
}  // namespace carousel
