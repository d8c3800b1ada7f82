// SPDX-License-Identifier: Apache-2.0
//
// `carousel translate`: what it asks, and what it shows.

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "client/cli/cli.h"
#include "client/cli/translations.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// The translation of a text is the text in capitals; "error" is refused.
class TranslateCommandTest : public testing::Test {
 protected:
  absl::Status Run(const Options& options, const std::string& input = "") {
    std::istringstream in(input);
    Console console{in, out_, err_};
    return RunTranslate(options, *client_, console);
  }

  absl::Status Answer(const v1::TranslateRequest& request,
                      v1::TranslateResponse& response) {
    MutexLock lock(&mutex_);
    last_ = request;
    if (request.text() == "error") return absl::InvalidArgumentError("no text");
    response.set_text(absl::AsciiStrToUpper(request.text()));
    response.set_truncated(request.has_time_limit());
    return absl::OkStatus();
  }

  FakeServer server_{{.translate = [this](const auto& request, auto& response) {
    return Answer(request, response);
  }}};
  const std::unique_ptr<Client> client_ = *Client::Connect(server_.address());
  std::ostringstream out_, err_;

  // Read when no call is under way.
  Mutex mutex_;
  v1::TranslateRequest last_;
};

TEST_F(TranslateCommandTest, AsksForWhatTheFlagsSay) {
  Options options;
  options.arguments = {"a cat"};
  options.model = "m";
  options.label = "canary";
  options.beam_size = 3;
  options.max_translations = 2;
  options.alignment = true;
  options.time_limit = absl::Milliseconds(1500);

  ASSERT_THAT(Run(options), IsOk());

  EXPECT_EQ(last_.model().name(), "m");
  EXPECT_EQ(last_.model().label(), "canary");
  EXPECT_EQ(last_.beam_size(), 3);
  EXPECT_EQ(last_.max_translations(), 2);
  EXPECT_TRUE(last_.alignment());
  EXPECT_EQ(last_.time_limit().seconds(), 1);
  EXPECT_EQ(last_.time_limit().nanos(), 500'000'000);
  EXPECT_EQ(out_.str(), "A CAT [...]\n");
}

// Unset is not 0: the server's defaults are the server's.
TEST_F(TranslateCommandTest, AsksForNothingUnlessTold) {
  Options options;
  options.arguments = {"a cat", "two\nlines"};
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_FALSE(last_.has_beam_size());
  EXPECT_FALSE(last_.has_max_translations());
  EXPECT_FALSE(last_.has_time_limit());
  EXPECT_FALSE(last_.has_model());
  EXPECT_EQ(out_.str(), "A CAT\nTWO\nLINES\n");
}

// Line by line, whatever the order of the answers, and whatever fails.
TEST_F(TranslateCommandTest, LinesStayInTheirOrder) {
  EXPECT_THAT(Run({}, "one\r\ntwo\nerror\n\nfive"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("1 of 5 lines could not be translated; the "
                                 "first: line 3: no text")));
  EXPECT_EQ(out_.str(), "ONE\nTWO\n\n\nFIVE\n");
  EXPECT_EQ(err_.str(), "carousel: line 3: no text\n");
}

TEST_F(TranslateCommandTest, ARunThatBreaksOffSaysWhereToGoOn) {
  FakeServer server({.translate = [](const v1::TranslateRequest& request,
                                     v1::TranslateResponse& response) {
    if (request.text() == "c") return absl::UnavailableError("draining");
    response.set_text(request.text());
    return absl::OkStatus();
  }});
  std::istringstream in("a\nb\nc\n");
  Console console{in, out_, err_};
  EXPECT_THAT(RunTranslate({}, **Client::Connect(server.address()), console),
              StatusIs(absl::StatusCode::kUnavailable,
                       "draining; lines done: 2; go on from line 3"));
  EXPECT_EQ(out_.str(), "a\nb\n");
}

TEST_F(TranslateCommandTest, JsonIsTheResponseWithItsInput) {
  Options options;
  options.json = true;
  options.arguments = {"a \"cat\""};
  ASSERT_THAT(Run(options), IsOk());
  EXPECT_THAT(out_.str(), StartsWith("{\"input\":\"a \\\"cat\\\"\","));
  EXPECT_THAT(out_.str(), HasSubstr("\"text\":\"A \\\"CAT\\\"\""));

  out_.str("");
  options.arguments.clear();
  EXPECT_FALSE(Run(options, "one\nerror\n").ok());
  EXPECT_THAT(out_.str(), HasSubstr("\"text\":\"ONE\""));
  EXPECT_THAT(out_.str(),
              HasSubstr("\n{\"error\":{\"code\":\"INVALID_ARGUMENT\","));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(TranslateCommandTest, ErrorsAreTheServers) {
  Options options;
  options.arguments = {"error"};
  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("no text")));
  options.arguments = {"\xff"};
  EXPECT_THAT(Run(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

// What a person wants to see of several translations and an alignment.
TEST(TranslationsTest, DetailsAreTheTranslationsAndTheirWords) {
  v1::TranslateResponse response;
  EXPECT_EQ(FormatDetails(response), "");
  v1::TranslatedSentence& sentence = *response.add_sentences();
  v1::Translation& best = *sentence.add_translations();
  best.set_text("le chat");
  best.set_score(-0.5);
  v1::Alignment& alignment = *best.mutable_alignment();
  alignment.add_source()->set_text("the");
  alignment.add_source()->set_text("cat\x1b");
  alignment.add_target()->set_text("le");
  alignment.add_target()->set_text("chat");
  for (const auto& weights :
       {std::vector<float>{0.75f, 0.2f, 0.05f}, {0.05f, 0.9f, 0.05f}}) {
    alignment.add_rows()->mutable_weights()->Add(weights.begin(),
                                                 weights.end());
  }
  EXPECT_EQ(FormatDetails(response),
            "        le    the 75%, cat\uFFFD 20%\n"
            "        chat  cat\uFFFD 90%\n");
  v1::Translation& other = *sentence.add_translations();
  other.set_text("un chat");
  other.set_score(-2.25);
  EXPECT_THAT(FormatDetails(response), StartsWith(" -0.50  le chat\n"));
  EXPECT_THAT(FormatDetails(response), HasSubstr("\n -2.25  un chat\n"));
}

}  // namespace
}  // namespace carousel
