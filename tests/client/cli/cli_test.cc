// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/client/fake_server.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

Result Carousel(const std::vector<std::string>& arguments,
                const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  const int exit_code = RunCli(arguments, console);
  return {exit_code, out.str(), err.str()};
}

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

// "positive" unless the text is "bad"; explained if that is asked for.
absl::Status ScoreByWord(const v1::ScoreRequest& request,
                         v1::ScoreResponse& response) {
  if (request.text() == "error") return absl::InvalidArgumentError("no text");
  response.set_label(request.text() == "bad" ? "negative" : "positive");
  for (const char* label : {"negative", "positive"}) {
    v1::LabelProbability* probability = response.add_probabilities();
    probability->set_label(label);
    probability->set_probability(response.label() == label ? 0.75 : 0.25);
  }
  if (!request.contributions()) return absl::OkStatus();
  for (const double contribution : {1.5, -0.5}) {
    v1::ScoredWord* word = response.add_words();
    word->set_text(contribution > 0 ? "good" : "but");
    word->set_contribution(contribution);
    if (!request.running()) continue;
    word->add_running(0.4);
    word->add_running(0.6);
  }
  v1::ScoreExplanation* explanation = response.mutable_explanation();
  explanation->set_method(v1::ScoreExplanation::METHOD_OCCLUSION);
  explanation->set_log_odds(1.1);
  explanation->set_baseline(0.2);
  explanation->set_remainder(-0.1);
  return absl::OkStatus();
}

class CliTest : public testing::Test {
 protected:
  std::string Server() const { return "--server=" + server_.address(); }

  std::string context_;  // of the last request
  FakeServer server_{{.complete =
                          [this](const v1::CompleteRequest& request,
                                 v1::CompleteResponse& response) {
                            context_ = request.context();
                            return SuggestGo(request, response);
                          },
                      .score = ScoreByWord,
                      .list_models =
                          [](v1::ListModelsResponse& r) {
                            v1::Model* ready = r.add_models();
                            ready->set_name("autocomplete-en");
                            ready->set_version(1);
                            ready->set_state(v1::Model::STATE_READY);
                            ready->set_task("language_model");
                            ready->set_precision("f32");
                            ready->set_memory_bytes(46'800'000);
                            ready->set_parameters(11'700'000);
                            ready->set_message("lstm brgemm:avx512_core");
                            v1::Model* failed = r.add_models();
                            failed->set_name("b");
                            failed->set_version(12);
                            failed->set_state(v1::Model::STATE_FAILED);
                            failed->set_message(
                                "weights.safetensors: truncated");
                            return absl::OkStatus();
                          }}};
};

TEST_F(CliTest, CompletesEachArgument) {
  const Result result = Carousel({Server(), "complete", "to", "we"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "  50.0%  to go\n\n  50.0%  we go\n");
  EXPECT_EQ(result.err, "");
}

// Trailing spaces decide what is suggested; line ends of another system do not.
TEST_F(CliTest, CompletesEachLineOfTheInput) {
  const Result result = Carousel({Server(), "complete"}, "to\r\nwe \n");
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "  50.0%  to go\n\n  50.0%  we  go\n");
}

TEST_F(CliTest, JsonIsOneObjectALine) {
  const Result result = Carousel({Server(), "complete", "--json", "to", "we"});
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

TEST_F(CliTest, ListsTheModelsInAlignedColumns) {
  const Result result = Carousel({Server(), "models"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(
      result.out,
      "NAME             VERSION  STATE   TASK            PRECISION  MEMORY   "
      "PARAMETERS  MESSAGE\n"
      "autocomplete-en  1        ready   language_model  f32        46.8 MB  "
      "11.7 M      lstm brgemm:avx512_core\n"
      "b                12       failed                                      "
      "            weights.safetensors: truncated\n");
}

TEST_F(CliTest, ModelsAsJsonAreOneLine) {
  const Result result = Carousel({Server(), "models", "--json"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"models\":[{\"name\":\"autocomplete-en\","),
                    HasSubstr("\"state\":\"STATE_FAILED\"")));
}

// Of the file's end as much as a server takes, in whole lines or characters.
TEST_F(CliTest, SendsTheEndOfTheContext) {
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
    const Result result =
        Carousel({Server(), "complete", "--context=" + file, "to"});
    EXPECT_EQ(result.exit_code, kExitOk) << result.err;
    EXPECT_EQ(context_, text.substr(text.size() - sent));
  }
}

TEST_F(CliTest, ContextThatIsNotThereIsNamed) {
  const Result result =
      Carousel({Server(), "complete", "--context=/nowhere", "to"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("/nowhere"));
}

// Scripts tell by the exit code, people by the message.
TEST_F(CliTest, TheServersErrorsExitWithOne) {
  const Result result = Carousel({Server(), "complete", "--model=nope", "to"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "carousel: NOT_FOUND: no model \"nope\"\n");
}

// Of many lines one must know which was wrong; the answers before it stand.
TEST_F(CliTest, AnErrorInTheInputNamesTheLine) {
  const Result result = Carousel({Server(), "complete"}, "to\n\xff\n");
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.out, StartsWith("  50.0%  to go\n"));
  EXPECT_THAT(result.err, HasSubstr("line 2: text: not valid UTF-8"));
}

// What scripts read is one object, and nothing else.
TEST_F(CliTest, LoadAsJsonIsOneLine) {
  const Result result =
      Carousel({"load", Server(), "--json", "--concurrency=2",
                "--duration=100ms", "--warm_up=10ms", "--rpc=keystrokes"});
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"qps\":"), HasSubstr("\"p99_us\":"),
                    HasSubstr("\"errors\":{}}\n")));
  EXPECT_EQ(result.err, "");
}

TEST_F(CliTest, LoadIsToldInTwoLines) {
  const Result result = Carousel({"load", Server(), "--concurrency=2",
                                  "--duration=100ms", "--warm_up=10ms"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("calls/s"), HasSubstr("p99.9")));
}

TEST_F(CliTest, LoadWithoutTextsSaysWhichFile) {
  const Result result =
      Carousel({"load", Server(), "--texts=/nowhere", "--rpc=keystrokes"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("/nowhere"));
}

TEST_F(CliTest, InteractiveNeedsATerminal) {
  const Result result = Carousel({Server(), "complete", "--interactive"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("needs a terminal"));
}

// Exit code 2, and the usage on standard error: a script that pipes the output
// must not read it as an answer.
TEST(CliUsageTest, MistakesOnTheCommandLineExitWithTwo) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {}, {"nope"}, {"complete", "--nope"}, {"models", "extra"}}) {
    const Result result = Carousel(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("usage: carousel"));
  }
}

TEST(CliUsageTest, HelpIsAnAnswer) {
  const Result result = Carousel({"complete", "--help"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, AllOf(StartsWith("usage: carousel complete"),
                                HasSubstr("--max_suggestions=N")));
  EXPECT_THAT(Carousel({"--help"}).out, HasSubstr("models"));
}

TEST_F(CliTest, ScoresEachArgument) {
  const Result result = Carousel({Server(), "score", "good", "bad"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good\n"
            "negative    75.0%  bad\n");
}

TEST_F(CliTest, ExplainsWhatWordsContribute) {
  const Result result = Carousel({Server(), "score", "--explain", "good but"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good but\n"
            "            +1.50  ++++++++++++   60.0%  good\n"
            "            -0.50  ----           60.0%  but\n"
            "           log-odds +1.10 = +0.20 before the text, +1.00 by its "
            "words, -0.10 by words together\n");
}

// The server answers in another order.
TEST_F(CliTest, ScoresLinesInTheirOrder) {
  const Result result = Carousel({Server(), "score"}, "good\r\nbad\nfine\n");
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "positive    75.0%  good\n"
            "negative    75.0%  bad\n"
            "positive    75.0%  fine\n");
  EXPECT_EQ(server_.streams(), 1);
}

TEST_F(CliTest, LineThatCannotBeScoredIsNamed) {
  for (const char* line : {"error", "caf\xe9"}) {
    const Result result =
        Carousel({Server(), "score"}, absl::StrCat("good\n", line, "\nfine\n"));
    EXPECT_EQ(result.exit_code, kExitFailed);
    EXPECT_THAT(result.out,
                AllOf(StartsWith("positive    75.0%  good\nerror           - "),
                      HasSubstr("\npositive    75.0%  fine\n")));
    EXPECT_THAT(result.err, HasSubstr("1 of 3 lines could not be scored; the "
                                      "first: line 2: "));
  }
}

TEST_F(CliTest, ScoreAsJsonHasItsInput) {
  const Result result = Carousel({Server(), "score", "--json", "bad"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(result.out, AllOf(StartsWith("{\"input\":\"bad\","),
                                HasSubstr("\"label\":\"negative\"")));
}

}  // namespace
}  // namespace carousel
