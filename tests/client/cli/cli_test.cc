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

absl::Status ShowModel(const v1::GetModelRequest& request,
                       v1::GetModelResponse& response) {
  v1::Model& model = *response.mutable_model();
  model.set_name(request.model().name());
  model.set_version(request.model().has_version() ? request.model().version()
                                                  : 7);
  model.set_state(v1::Model::STATE_READY);
  if (!request.model().label().empty()) {
    model.add_labels(request.model().label());
  }
  model.set_precision("int8");
  model.set_isa("avx512_core_vnni");
  model.set_memory_bytes(46'800'000);
  model.set_cached_states(12);
  model.set_cache_bytes(34'500);
  model.mutable_load_duration()->set_nanos(250'000'000);
  model.mutable_ready_time()->set_seconds(1'000'000'000);
  model.mutable_reload_error()->set_code(15);
  model.mutable_reload_error()->set_message("weights.safetensors: cut off");
  (*model.mutable_figures())["epochs"] = 3;
  (*model.mutable_figures())["dev_perplexity"] = 29.5;
  return absl::OkStatus();
}

absl::Status ReloadSome(v1::ReloadModelsResponse& response) {
  const auto set = [](const char* name, int64_t version, v1::ModelSpec* spec) {
    spec->set_name(name);
    spec->set_version(version);
  };
  set("en", 2, response.add_added());
  set("en", 1, response.add_removed());
  v1::ReloadFailure* failure = response.add_failed();
  set("en", 3, failure->mutable_model());
  failure->mutable_error()->set_code(15);
  failure->mutable_error()->set_message("cut off");
  failure = response.add_failed();
  failure->mutable_model()->set_name("fr");
  failure->mutable_error()->set_code(3);
  failure->mutable_error()->set_message("labels.json: no");
  return absl::OkStatus();
}

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
                            ready->add_labels("canary");
                            ready->add_labels("stable");
                            ready->mutable_reload_error()->set_code(15);
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
                          },
                      .get_model = ShowModel,
                      .reload_models = ReloadSome,
                      .explain = ExplainWords}};
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
  EXPECT_EQ(result.out,
            "NAME             VERSION  LABELS         STATE    TASK            "
            "PRECISION  MEMORY   PARAMETERS  MESSAGE\n"
            "autocomplete-en  1        canary,stable  ready !  language_model  "
            "f32        46.8 MB  11.7 M      lstm brgemm:avx512_core\n"
            "b                12                      failed                   "
            "                                weights.safetensors: truncated\n");
}

TEST_F(CliTest, TellsAllOfAModel) {
  const Result result = Carousel({Server(), "models", "en@canary", "fr/3"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_THAT(
      result.out,
      StartsWith("en/7\n"
                 "  state           ready since 2001-09-09 01:46:40 UTC\n"
                 "  reload error    DATA_LOSS: weights.safetensors: cut off\n"
                 "  labels          canary\n"
                 "  precision       int8\n"
                 "  isa             avx512_core_vnni\n"
                 "  memory          46.8 MB, and 34.5 kB for 12 states "
                 "remembered\n"
                 "  loaded in       0.25 s\n"
                 "  dev_perplexity  29.5\n"
                 "  epochs          3\n"
                 "\n"
                 "fr/3\n"));
}

TEST_F(CliTest, AllOfAModelAsJsonIsOneLine) {
  const Result result = Carousel({Server(), "models", "--json", "en@canary"});
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"input\":\"en@canary\",\"model\":{"),
                    HasSubstr("\"dev_perplexity\":29.5"),
                    HasSubstr("\"readyTime\":\"2001-09-09T01:46:40Z\"")));
}

TEST_F(CliTest, NameThatIsNoneIsTold) {
  const Result result = Carousel({Server(), "models", "en@"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("NAME/VERSION or NAME@LABEL"));
}

// A script that rolls a version out must learn that it did not go well.
TEST_F(CliTest, ReloadSaysWhatCameOfItAndFailsIfAnythingDid) {
  const Result result = Carousel({Server(), "reload"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out,
            "added    en/2\n"
            "removed  en/1\n"
            "failed   en/3         DATA_LOSS: cut off\n"
            "failed   fr (labels)  INVALID_ARGUMENT: labels.json: no\n");
  EXPECT_EQ(result.err,
            "carousel: DATA_LOSS: 2 failed; the first: en/3: cut off\n");
  EXPECT_THAT(Carousel({Server(), "reload", "--json"}).out,
              StartsWith("{\"added\":[{\"name\":\"en\",\"version\":\"2\""));
}

TEST(CliReloadTest, NothingHasChanged) {
  FakeServer server({.reload_models = [](v1::ReloadModelsResponse&) {
    return absl::OkStatus();
  }});
  const Result result = Carousel({"--server=" + server.address(), "reload"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "no version has changed\n");
}

TEST_F(CliTest, ExplainShowsTokensAndWhatIsRemembered) {
  const Result result =
      Carousel({Server(), "explain", "--model=en@canary", "caf\xc3\xa9 ho"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out,
            "en/2, f32, lstm brg:avx2\n"
            "PLACE  TEXT  TOKEN  ID  STATE\n"
            "             <eos>  0   remembered\n"
            "0-4    caf\xc3\xa9  <unk>  10\n"
            "looked up as a beginning: ho\n");
  EXPECT_THAT(
      Carousel({Server(), "explain", "--model=en", "--json", "x"}).out,
      AllOf(StartsWith("{\"input\":\"x\","), HasSubstr("\"cachedTokens\":1")));
}

TEST_F(CliTest, ExplainNeedsAModelAndAText) {
  EXPECT_THAT(Carousel({Server(), "explain", "x"}).err, HasSubstr("--model="));
  EXPECT_THAT(Carousel({Server(), "explain", "--model=en"}).err,
              HasSubstr("which text?"));
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
           {}, {"nope"}, {"complete", "--nope"}, {"reload", "extra"}}) {
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
