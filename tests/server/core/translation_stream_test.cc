// SPDX-License-Identifier: Apache-2.0

#include "server/core/translation_stream.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Keeps what it is told to do, and does it when the test says.
class Peer : public TranslationStream::Peer {
 public:
  void Write(const v1::TranslateStreamResponse& message) override {
    EXPECT_FALSE(status.has_value());
    written.push_back(message.has_response()
                          ? "response: " + message.response().text()
                          : message.text());
  }
  void Finish(const absl::Status& end, const CallReport&) override {
    EXPECT_FALSE(status.has_value());
    status = end;
  }

  std::vector<std::string> written;
  std::optional<absl::Status> status;
};

class TranslationStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    stream_->Start({}, absl::InfiniteFuture(),
                   [this](const v1::TranslateRequest&, CallContext context,
                          TranslationStream::OnText on_text,
                          CallDone<v1::TranslateResponse> done) {
                     context_ = std::move(context);
                     tell_ = std::move(on_text);
                     done_ = std::move(done);
                   });
  }

  void End(absl::StatusOr<v1::TranslateResponse> response) {
    std::move(done_)(std::move(response), {});
  }

  static v1::TranslateResponse Whole(const std::string& text) {
    v1::TranslateResponse response;
    response.set_text(text);
    return response;
  }

  Peer peer_;
  std::shared_ptr<TranslationStream> stream_ =
      std::make_shared<TranslationStream>(&peer_);
  CallContext context_;
  TranslationStream::OnText tell_;
  CallDone<v1::TranslateResponse> done_;
};

TEST_F(TranslationStreamTest, TextIsWrittenAndThenTheWhole) {
  tell_("un ");
  EXPECT_THAT(peer_.written, ElementsAre("un "));
  stream_->WriteDone(true);
  tell_("mot");
  stream_->WriteDone(true);
  End(Whole("un mot"));
  EXPECT_THAT(peer_.written, ElementsAre("un ", "mot", "response: un mot"));
  EXPECT_FALSE(peer_.status.has_value());
  stream_->WriteDone(true);
  EXPECT_THAT(*peer_.status, IsOk());
}

// Who reads slowly gets longer pieces, not a longer queue.
TEST_F(TranslationStreamTest, TextThatWaitsIsJoined) {
  tell_("a");
  tell_("b");
  tell_("c");
  End(Whole("abc"));
  EXPECT_THAT(peer_.written, ElementsAre("a"));
  stream_->WriteDone(true);
  stream_->WriteDone(true);
  stream_->WriteDone(true);
  EXPECT_THAT(peer_.written, ElementsAre("a", "bc", "response: abc"));
  EXPECT_THAT(*peer_.status, IsOk());
}

TEST_F(TranslationStreamTest, ErrorEndsItAtOnce) {
  tell_("a");
  tell_("b");
  End(absl::DeadlineExceededError("late"));
  EXPECT_FALSE(peer_.status.has_value());  // while something is being written
  stream_->WriteDone(true);
  EXPECT_THAT(peer_.written, ElementsAre("a"));
  EXPECT_THAT(*peer_.status, StatusIs(absl::StatusCode::kDeadlineExceeded));
}

// The job is told, and its end is the end of the stream.
TEST_F(TranslationStreamTest, ClientThatLeavesCancelsTheJob) {
  EXPECT_FALSE(context_.cancelled->load());
  stream_->Cancel();
  EXPECT_TRUE(context_.cancelled->load());
  EXPECT_FALSE(peer_.status.has_value());
  End(absl::CancelledError("the caller has left"));
  EXPECT_THAT(*peer_.status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(peer_.written, IsEmpty());
}

// Also where the job was done before it heard of that.
TEST_F(TranslationStreamTest, WriteThatFailsCancelsTheJob) {
  tell_("a");
  stream_->WriteDone(false);
  EXPECT_TRUE(context_.cancelled->load());
  End(Whole("a"));
  EXPECT_THAT(peer_.written, ElementsAre("a"));
  EXPECT_THAT(*peer_.status, StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace carousel
