// SPDX-License-Identifier: Apache-2.0
//
// A stream of completions with an engine that answers when the test says and a
// client that reads when the test says.

#ifndef CAROUSEL_TESTS_SERVER_CORE_COMPLETION_STREAM_FIXTURE_H_
#define CAROUSEL_TESTS_SERVER_CORE_COMPLETION_STREAM_FIXTURE_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/completion_stream.h"
#include "tests/testing/fake_clock.h"

namespace carousel {

// Jobs in the order of their coming.
class FakeEngine {
 public:
  struct Job {
    std::string text;
    CallContext context;
    CallDone<v1::CompleteResponse> done;

    bool cancelled() const { return context.cancelled->load(); }
  };

  CompletionStream::CompleteFunction function() {
    return [this](const v1::CompleteRequest& request, CallContext context,
                  CallDone<v1::CompleteResponse> done) {
      jobs.push_back({request.text(), std::move(context), std::move(done)});
    };
  }

  // Answers the oldest job with its own text, or as an engine does that was
  // told in time.
  void Answer() {
    if (jobs.front().cancelled()) return Refuse(absl::CancelledError("gone"));
    v1::CompleteResponse response;
    response.add_suggestions()->set_word(jobs.front().text);
    Finish(std::move(response));
  }
  void Refuse(absl::Status status) { Finish(std::move(status)); }

  // Answers although the job is cancelled: the news came too late.
  void AnswerTooLate() { Finish(v1::CompleteResponse()); }

  std::deque<Job> jobs;

 private:
  void Finish(absl::StatusOr<v1::CompleteResponse> response) {
    Job job = std::move(jobs.front());
    jobs.pop_front();
    std::move(job.done)(std::move(response), {.batch = 1, .version = 7});
  }
};

class FakeClient : public CompletionStream::Peer {
 public:
  void Write(CompletionStream::Answer answer) override {
    EXPECT_FALSE(status.has_value());
    EXPECT_FALSE(writing) << "two writes at a time";
    writing = true;
    answers.push_back(std::move(answer));
  }
  void Finish(const absl::Status& end) override {
    EXPECT_FALSE(writing) << "the last answer is not out yet";
    EXPECT_FALSE(status.has_value());
    status = end;
  }

  std::vector<int64_t> numbers() const {
    std::vector<int64_t> numbers;
    for (const auto& answer : answers) numbers.push_back(answer.number);
    return numbers;
  }

  bool writing = false;
  std::vector<CompletionStream::Answer> answers;
  std::optional<absl::Status> status;
};

class CompletionStreamTest : public testing::Test {
 protected:
  std::shared_ptr<CompletionStream> Open() {
    return CompletionStream::Create({.complete = engine_.function(),
                                     .clock = &clock_,
                                     .deadline = deadline_},
                                    &client_);
  }

  void Type(int64_t number, const std::string& text = "the ") {
    v1::CompleteRequest request;
    request.set_text(text);
    stream_->Next(number, std::move(request));
  }

  // The client reads what has been written.
  void Read() {
    client_.writing = false;
    stream_->WriteDone(true);
  }

  FakeClock clock_;
  const absl::Time deadline_ = clock_.Now() + absl::Hours(1);
  FakeEngine engine_;
  FakeClient client_;
  std::shared_ptr<CompletionStream> stream_ = Open();
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_CORE_COMPLETION_STREAM_FIXTURE_H_
