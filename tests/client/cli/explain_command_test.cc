// SPDX-License-Identifier: Apache-2.0
//
// `carousel explain`: how a model reads a text.

#include <string>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

absl::Status ExplainWords(const v1::ExplainRequest& request,
                          v1::ExplainResponse& response) {
  response.mutable_model()->set_name(request.model().name());
  response.mutable_model()->set_version(2);
  response.mutable_model()->set_precision("f32");
  response.mutable_model()->set_kernels("lstm brg:avx2");
  response.add_tokens()->set_token("<eos>");
  v1::TextToken* word = response.add_tokens();
  word->set_text("caf\xc3\xa9");
  word->set_token("<unk>");
  word->set_id(10);
  word->set_end(4);
  response.set_cached_tokens(1);
  response.set_partial("ho");
  return absl::OkStatus();
}

class ExplainCommandTest : public CliTest {
 protected:
  ExplainCommandTest() : CliTest({.explain = ExplainWords}) {}
};

TEST_F(ExplainCommandTest, ExplainShowsTokensAndWhatIsRemembered) {
  const CliResult result =
      Run({"explain", "--model=en@canary", "caf\xc3\xa9 ho"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "en/2, f32, lstm brg:avx2\n"
            "PLACE  TEXT  TOKEN  ID  STATE\n"
            "             <eos>  0   remembered\n"
            "0-4    caf\xc3\xa9  <unk>  10\n"
            "looked up as a beginning: ho\n");
  EXPECT_THAT(
      Run({"explain", "--model=en", "--json", "x"}).out,
      AllOf(StartsWith("{\"input\":\"x\","), HasSubstr("\"cachedTokens\":1")));
}

TEST_F(ExplainCommandTest, ExplainNeedsAModelAndAText) {
  EXPECT_EQ(Run({"explain", "x"}).exit_code, kExitUsage);
  EXPECT_THAT(Run({"explain", "x"}).err, HasSubstr("--model="));
  EXPECT_EQ(Run({"explain", "--model=en"}).exit_code, kExitUsage);
}

// Which version read it, and that the rest of a text was not, must be seen;
// nothing of a text may reach the terminal as it is.
TEST_F(ExplainCommandTest, ModelIsTheOneAskedForAndTextIsPrintable) {
  v1::ModelSpec asked;
  FakeServer server({.explain = [&](const v1::ExplainRequest& request,
                                    v1::ExplainResponse& response) {
    asked = request.model();
    v1::TextToken* token = response.add_tokens();
    token->set_text(request.text());
    token->set_end(1);
    response.set_cut(request.text() == "b");
    return absl::OkStatus();
  }});
  const CliResult result = Carousel(
      {"--server=" + server.address(), "explain", "--model=en/7", "\x1b", "b"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(asked.name(), "en");
  EXPECT_EQ(asked.version(), 7);
  EXPECT_THAT(result.out, AllOf(HasSubstr("\n\n/0"), HasSubstr("\uFFFD"),
                                HasSubstr("longer than the model reads\n")));
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace carousel
