// SPDX-License-Identifier: Apache-2.0

#include "server/core/sentiment.h"

#include <deque>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/bind_front.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "model/base/round_trip.h"
#include "server/core/bulk_stream.h"
#include "server/core/errors.h"
#include "tests/server/core/bad_field.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SentimentTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(
        WriteTinyClassifier(dir_.File("mood/1"), {"good", "bad", "film"},
                            {.longest_text = 6}),
        IsOk());
    ASSERT_THAT(
        WriteTinyClassifier(dir_.File("mood/2"), {"good", "bad", "film"},
                            {.bidirectional = false}),
        IsOk());
    ASSERT_THAT(WriteTinyBundle(dir_.File("words/1"), {"good", "bad"}, 1),
                IsOk());
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
    engine_ = std::make_unique<Engine>(EngineOptions{.workers = 1}, clock_);
    core_ = std::make_unique<SentimentCore>(
        SentimentOptions{.max_text_bytes = 1000}, repository_.get(),
        engine_.get());
  }

  absl::StatusOr<v1::ScoreResponse> Score(const v1::ScoreRequest& request) {
    absl::StatusOr<v1::ScoreResponse> result = absl::UnknownError("");
    std::latch done(1);
    core_->Score(request, {},
                 [&](absl::StatusOr<v1::ScoreResponse> response,
                     const CallReport& report) {
                   result = std::move(response);
                   report_ = report;
                   done.count_down();
                 });
    done.wait();
    return result;
  }

  static v1::ScoreRequest Request(const std::string& text,
                                  int64_t version = 2) {
    v1::ScoreRequest request;
    request.set_text(text);
    request.mutable_model()->set_name("mood");
    request.mutable_model()->set_version(version);
    return request;
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<SentimentCore> core_;
  CallReport report_;
};

TEST_F(SentimentTest, LabelIsTheMostProbableOne) {
  v1::ScoreRequest request;
  request.set_text("good film");
  const auto response = Score(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->model().name(), "mood");
  EXPECT_EQ(response->model().version(), 2);  // the newest
  ASSERT_THAT(response->probabilities(), SizeIs(2));
  const auto& negative = response->probabilities(0);
  const auto& positive = response->probabilities(1);
  EXPECT_EQ(negative.label(), "negative");
  EXPECT_NEAR(negative.probability() + positive.probability(), 1, 1e-6);
  EXPECT_EQ(response->label(), negative.probability() > positive.probability()
                                   ? "negative"
                                   : "positive");
  // Of the digits of a float, not of the double that carries it.
  EXPECT_EQ(negative.probability(),
            RoundTrip(static_cast<float>(negative.probability())));
  EXPECT_THAT(response->words(), IsEmpty());
  EXPECT_FALSE(response->has_explanation());
  EXPECT_EQ(report_.version, 2);
  EXPECT_EQ(report_.batch, 1);
}

// Places count characters, not bytes.
TEST_F(SentimentTest, WordsHaveTheirPlacesInTheText) {
  v1::ScoreRequest request = Request("caf\xc3\xa9: good");
  request.set_contributions(true);
  const auto response = Score(request);
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->words(), SizeIs(3));
  EXPECT_EQ(response->words(0).text(), "caf\xc3\xa9");
  EXPECT_EQ(response->words(0).end(), 4);
  EXPECT_EQ(response->words(2).text(), "good");
  EXPECT_EQ(response->words(2).begin(), 6);
  EXPECT_EQ(response->words(2).end(), 10);
  EXPECT_THAT(response->words(2).running(), IsEmpty());
}

// One direction differs along the text, two leave words out; both add up.
TEST_F(SentimentTest, ContributionsAddUpToWhatIsStated) {
  for (const int64_t version : {1, 2}) {
    v1::ScoreRequest request = Request("good bad film", version);
    request.set_contributions(true);
    request.set_running(true);
    const auto response = Score(request);
    ASSERT_THAT(response, IsOk());
    const auto& explanation = response->explanation();
    EXPECT_EQ(explanation.method(),
              version == 1 ? v1::ScoreExplanation::METHOD_OCCLUSION
                           : v1::ScoreExplanation::METHOD_RUNNING_DIFFERENCES);
    double sum = explanation.baseline() + explanation.remainder();
    for (const auto& word : response->words()) {
      sum += word.contribution();
      EXPECT_THAT(word.running(), SizeIs(2));
    }
    EXPECT_NEAR(sum, explanation.log_odds(), 1e-9);
  }
}

TEST_F(SentimentTest, LongTextIsCutAndSaysSo) {
  const auto response = Score(Request("good bad film good bad film good", 1));
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->cut());
}

// What people send: each is answered.
TEST_F(SentimentTest, OddTextsAreLabelled) {
  for (const char* text :
       {"", " \t\n", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", "zzz qqq",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "a\x01\x02z", "...!!!"}) {
    v1::ScoreRequest request = Request(text);
    request.set_contributions(true);
    EXPECT_THAT(Score(request), IsOk()) << text;
  }
}

// What the model says before any word is an answer, and of spaces the same.
TEST_F(SentimentTest, TextOfNothingHasALabelAndNoWords) {
  v1::ScoreRequest request = Request("");
  request.set_contributions(true);
  const auto empty = Score(request);
  ASSERT_THAT(empty, IsOk());
  EXPECT_THAT(empty->probabilities(), SizeIs(2));
  EXPECT_FALSE(empty->label().empty());
  EXPECT_FALSE(empty->cut());
  EXPECT_THAT(empty->words(), IsEmpty());
  request.set_text(" \n\t");
  const auto spaces = Score(request);
  ASSERT_THAT(spaces, IsOk());
  EXPECT_EQ(spaces->SerializeAsString(), empty->SerializeAsString());
}

TEST_F(SentimentTest, TextBeyondTheBoundIsRefusedByName) {
  const auto status = Score(Request(std::string(1001, 'a'))).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("text: expected at most 1000 bytes")));
  EXPECT_EQ(BadField(status), "text");
}

TEST_F(SentimentTest, TextThatCannotBeExplainedIsRefusedByName) {
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/3"), {"a"}), IsOk());
  repository_ = ModelRepository::Open(dir_.path()).value();
  ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
  core_ = std::make_unique<SentimentCore>(SentimentOptions(), repository_.get(),
                                          engine_.get());
  std::string text;
  for (int i = 0; i < 300; ++i) text += "a ";
  v1::ScoreRequest request = Request(text, 3);
  EXPECT_THAT(Score(request), IsOk());
  request.set_contributions(true);
  const auto status = Score(request).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("text has 300 tokens")));
  EXPECT_EQ(BadField(status), "text");
}

TEST_F(SentimentTest, ModelForAnotherTaskIsRefusedByName) {
  v1::ScoreRequest request = Request("good");
  request.mutable_model()->set_name("words");
  request.mutable_model()->set_version(1);
  const auto status = Score(request).status();
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected a model that scores texts")));
  EXPECT_EQ(BadField(status), "model.name");
}

TEST_F(SentimentTest, MissingModelIsNamed) {
  const auto status = Score(Request("good", 9)).status();
  ASSERT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("mood version 2, 1")));
  google::rpc::ResourceInfo resource;
  ASSERT_THAT(ErrorDetails(status), SizeIs(1));
  ASSERT_TRUE(ErrorDetails(status)[0].UnpackTo(&resource));
  EXPECT_EQ(resource.resource_type(), "model");
  EXPECT_EQ(resource.resource_name(), "mood/9");
}

// A thread that does what it is told, one thing after the other.
class Hand {
 public:
  ~Hand() {
    Do(nullptr);
    thread_.join();
  }

  void Do(std::function<void()> thing) {
    MutexLock lock(&mutex_);
    things_.push_back(std::move(thing));
    come_.NotifyAll();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> thing;
      {
        MutexLock lock(&mutex_);
        while (things_.empty()) come_.Wait(&mutex_);
        thing = std::move(things_.front());
        things_.pop_front();
      }
      if (thing == nullptr) return;
      thing();
    }
  }

  Mutex mutex_;
  CondVar come_;
  std::deque<std::function<void()>> things_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_{[this] { Run(); }};
};

// A transport as gRPC is one: it reads, writes and waits on threads of its own.
class ThreadedPeer
    : public BulkStream<v1::ScoreRequest, v1::ScoreResponse>::Peer {
 public:
  using Stream = BulkStream<v1::ScoreRequest, v1::ScoreResponse>;

  ThreadedPeer(std::vector<std::string> texts, Stream::Options options)
      : texts_(std::move(texts)),
        stream_(std::make_shared<Stream>(std::move(options), this)) {}

  // How often each text was answered.
  std::vector<int> Run() {
    stream_->Start();
    finished_.wait();
    return answered_;
  }
  const absl::Status& status() const { return status_; }

  void Read() override {
    reader_.Do([this] {
      if (next_ == texts_.size()) return stream_->HalfClose();
      v1::ScoreRequest request;
      request.set_text(texts_[next_]);
      stream_->Next(std::to_string(next_++), std::move(request), 10);
    });
  }
  void Write(Stream::Answer answer) override {
    writer_.Do([this, id = answer.id, ok = answer.response.ok()] {
      if (ok) ++answered_[static_cast<size_t>(std::stoi(id))];
      stream_->WriteDone(true);
    });
  }
  void Wait(absl::Duration) override {
    timer_.Do([this] { stream_->Wake(); });
  }
  void Finish(const absl::Status& status) override {
    status_ = status;
    finished_.count_down();
  }

 private:
  const std::vector<std::string> texts_;
  std::vector<int> answered_ = std::vector<int>(texts_.size());
  size_t next_ = 0;
  absl::Status status_;
  std::latch finished_{1};
  const std::shared_ptr<Stream> stream_;
  Hand reader_, writer_, timer_;
};

// Most requests are refused at first, and none is lost or answered twice.
TEST_F(SentimentTest, ManyTextsGoThroughASmallQueueOnceEach) {
  Engine engine(
      {.workers = 2, .admission = {.max_queue_tokens = 60}, .max_sequences = 3},
      clock_);
  const SentimentCore core({}, repository_.get(), &engine);
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i) {
    texts.push_back(std::string(static_cast<size_t>(i % 7), ' ') + "good film");
  }
  ThreadedPeer peer(texts,
                    {.run = absl::bind_front(&SentimentCore::Score, &core),
                     .clock = &clock_});
  EXPECT_EQ(peer.Run(), std::vector<int>(texts.size(), 1));
  EXPECT_THAT(peer.status(), IsOk());
}

}  // namespace
}  // namespace carousel
