// SPDX-License-Identifier: Apache-2.0
//
// `carousel score` beyond what score_output_test.cc shows of it: what it asks,
// when it answers, and what it does with what fails.

#include <istream>
#include <memory>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The label of a text is the text itself; "error" is refused, and "hang" waits
// until it is released.
class ScoreCommandTest : public testing::Test {
 protected:
  absl::Status Run(const Options& options, const std::string& input = "") {
    std::istringstream in(input);
    Console console{in, out_, err_};
    return RunScore(options, *client_, console);
  }

  absl::Status Answer(const v1::ScoreRequest& request,
                      v1::ScoreResponse& response) {
    if (request.text() == "hang") release_.WaitForNotification();
    MutexLock lock(&mutex_);
    asked_.push_back(request.text());
    last_ = request;
    if (request.text() == "error") return absl::InvalidArgumentError("no text");
    response.set_label(request.text());
    return absl::OkStatus();
  }

  absl::Notification release_;
  FakeServer server_{{.score = [this](const auto& request, auto& response) {
    return Answer(request, response);
  }}};
  const std::unique_ptr<Client> client_ = *Client::Connect(server_.address());
  std::ostringstream out_, err_;

  // Read when no call is under way.
  Mutex mutex_;
  std::vector<std::string> asked_;
  v1::ScoreRequest last_;
};

TEST_F(ScoreCommandTest, AsksForWhatTheFlagsSay) {
  Options options;
  options.arguments = {"good"};
  options.model = "m";
  options.version = 7;
  options.explain = true;

  ASSERT_THAT(Run(options), IsOk());

  EXPECT_EQ(last_.model().name(), "m");
  EXPECT_EQ(last_.model().version(), 7);
  EXPECT_TRUE(last_.contributions());
  EXPECT_TRUE(last_.running());
}

// An explained text is computed by itself, many times slower.
TEST_F(ScoreCommandTest, AsksForNoExplanationUnlessTold) {
  ASSERT_THAT(Run({}, "good\n"), IsOk());

  EXPECT_FALSE(last_.contributions());
  EXPECT_FALSE(last_.running());
  EXPECT_FALSE(last_.has_model());
}

TEST_F(ScoreCommandTest, StopsAtTheFirstArgumentThatFails) {
  Options options;
  options.arguments = {"good", "error", "fine"};

  EXPECT_THAT(Run(options),
              StatusIs(absl::StatusCode::kInvalidArgument, "no text"));
  EXPECT_THAT(out_.str(), StartsWith("good"));
  EXPECT_THAT(asked_, ElementsAre("good", "error"));
}

// A file may take longer than any call.
TEST_F(ScoreCommandTest, TheTimeoutIsNotThatOfAllLines) {
  Options options;
  options.timeout = absl::Nanoseconds(1);

  EXPECT_THAT(Run(options, "good\n"), IsOk());
}

TEST_F(ScoreCommandTest, TheTimeoutEndsTheCallForAText) {
  Options options;
  options.arguments = {"hang"};
  options.timeout = absl::Milliseconds(50);

  EXPECT_THAT(Run(options), StatusIs(absl::StatusCode::kDeadlineExceeded));

  release_.Notify();
}

TEST_F(ScoreCommandTest, NoLinesAreNoError) {
  EXPECT_THAT(Run({}, ""), IsOk());
  EXPECT_EQ(out_.str(), "");
}

TEST_F(ScoreCommandTest, TheLastLineNeedsNoEnd) {
  ASSERT_THAT(Run({}, "good\nbad"), IsOk());
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("good"), HasSubstr("bad")));
}

// Line n of the output belongs to line n of the input, an empty one, too.
TEST_F(ScoreCommandTest, AnEmptyLineIsATextToo) {
  Options options;
  options.json = true;
  ASSERT_THAT(Run(options, "a\n\nb\n"), IsOk());

  std::vector<std::string> beginnings;
  std::istringstream lines(out_.str());
  for (std::string line; std::getline(lines, line);) {
    beginnings.push_back(line.substr(0, line.find(',')));
  }
  EXPECT_THAT(beginnings, ElementsAre("{\"input\":\"a\"", "{\"input\":\"\"",
                                      "{\"input\":\"b\""));
}

// Whoever reads JSON must not meet a line that is none.
TEST_F(ScoreCommandTest, WhatFailsIsJsonToo) {
  Options options;
  options.json = true;

  EXPECT_THAT(Run(options, "error\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "1 of 1 lines could not be scored; the first: line 1: "
                       "no text"));
  EXPECT_EQ(out_.str(),
            "{\"error\":{\"code\":\"INVALID_ARGUMENT\","
            "\"message\":\"no text\"}}\n");
}

// The server answers the second of each pair first.
TEST_F(ScoreCommandTest, AllThatFailAreCountedAndTheFirstIsNamed) {
  EXPECT_THAT(Run({}, "good\nerror\ncaf\xe9\nerror\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "3 of 4 lines could not be scored; the first: line 2: "
                       "no text"));
}

TEST_F(ScoreCommandTest, TheLabelIsBoldOnATerminalOnly) {
  std::istringstream in("good\n");
  Console console{in, out_, err_, /*in_is_terminal=*/false,
                  /*out_is_terminal=*/true};
  ASSERT_THAT(RunScore({}, *client_, console), IsOk());
  EXPECT_THAT(out_.str(), HasSubstr("\x1b[1m"));

  out_.str("");
  ASSERT_THAT(Run({}, "good\n"), IsOk());
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b[")));
}

// Gives some lines, and its end only when it is told so.
class HeldInput : public std::streambuf {
 public:
  explicit HeldInput(std::string lines) : lines_(std::move(lines)) {
    setg(lines_.data(), lines_.data(), lines_.data() + lines_.size());
  }
  void End() { end_.Notify(); }

 private:
  int_type underflow() override {
    end_.WaitForNotification();
    return traits_type::eof();
  }

  std::string lines_;
  absl::Notification end_;
};

// Ends the input when it is flushed.
class EndingOutput : public std::stringbuf {
 public:
  explicit EndingOutput(HeldInput& input) : input_(input) {}

 private:
  int sync() override {
    if (!flushed_.HasBeenNotified()) {
      flushed_.Notify();
      input_.End();
    }
    return std::stringbuf::sync();
  }

  HeldInput& input_;
  absl::Notification flushed_;
};

// Whoever pipes a conversation through it waits for each answer, though a later
// line has none. Otherwise the input here never ends.
TEST_F(ScoreCommandTest, ShowsAnswersBeforeTheInputEnds) {
  HeldInput input("good\nbad\nlast\n");
  EndingOutput output(input);
  std::istream in(&input);
  std::ostream out(&output);
  Console console{in, out, err_};

  ASSERT_THAT(RunScore({}, *client_, console), IsOk());

  EXPECT_THAT(output.str(), AllOf(HasSubstr("good"), HasSubstr("bad")));
}

// The third line is answered by no stream, and the fourth is not shown before
// it: what stands in the output is a beginning of the input.
TEST_F(ScoreCommandTest, ARunThatBreaksOffSaysWhereToGoOn) {
  FakeServer server({.score = [](const v1::ScoreRequest& request,
                                 v1::ScoreResponse& response) {
    if (request.text() == "c") return absl::UnavailableError("draining");
    response.set_label(request.text());
    return absl::OkStatus();
  }});
  const auto client = Client::Connect(server.address());
  ASSERT_THAT(client, IsOk());
  std::istringstream in("a\nb\nc\nd\n");
  Console console{in, out_, err_};

  EXPECT_THAT(RunScore({}, **client, console),
              StatusIs(absl::StatusCode::kUnavailable,
                       "draining; lines done: 2; go on from line 3"));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("  a\n"), HasSubstr("  b\n")));
  EXPECT_THAT(out_.str(), Not(HasSubstr("d")));
}

TEST_F(ScoreCommandTest, AServerThatIsNotThereIsTheErrorOfAll) {
  std::string address;
  { address = FakeServer({}).address(); }
  const auto client = Client::Connect(address);
  ASSERT_THAT(client, IsOk());
  std::istringstream in("good\nbad\n");
  Console console{in, out_, err_};

  EXPECT_THAT(RunScore({}, **client, console),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no server answers at " + address)));
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace carousel
