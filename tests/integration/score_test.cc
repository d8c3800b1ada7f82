// SPDX-License-Identifier: Apache-2.0
//
// SentimentService of the whole server over a real connection.

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "carousel/v1/sentiment.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"

namespace carousel {
namespace {

using testing::Each;
using testing::Pair;
using testing::SizeIs;

class ScoreTest : public testing::Test {
 protected:
  using Stream =
      grpc::ClientReaderWriter<v1::ScoreStreamRequest, v1::ScoreStreamResponse>;

  ServerConfig WriteModels() {
    CAROUSEL_CHECK(WriteTinyClassifier(dir_.File("mood/1"), TinyWords()).ok());
    return InProcessServer::Config(dir_.path());
  }

  // Texts of all lengths.
  static std::string TextOf(int number) {
    std::string text;
    for (int i = 0; i <= number % 37; ++i) {
      text += TinyWords()[static_cast<size_t>(number + i * i) %
                          TinyWords().size()] +
              " ";
    }
    return text;
  }

  v1::ScoreResponse Score(const std::string& text) {
    grpc::ClientContext context;
    v1::ScoreRequest request;
    request.set_text(text);
    v1::ScoreResponse response;
    const grpc::Status status = stub_->Score(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  static bool Send(Stream* stream, int number) {
    v1::ScoreStreamRequest message;
    message.set_id(std::to_string(number));
    message.mutable_request()->set_text(TextOf(number));
    return stream->Write(message);
  }

  TempDir dir_;
  InProcessServer server_{WriteModels()};
  const std::unique_ptr<v1::SentimentService::Stub> stub_ =
      v1::SentimentService::NewStub(server_.Connect());
  grpc::ClientContext context_;
};

// However they are batched: each once, and as alone.
TEST_F(ScoreTest, StreamAnswersEveryTextAsScoreDoes) {
  constexpr int kTexts = 2000;
  const auto stream = stub_->ScoreStream(&context_);
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) Send(stream.get(), i);
    stream->WritesDone();
  });
  std::map<std::string, int> times;
  std::map<int, v1::ScoreResponse> some;
  v1::ScoreStreamResponse message;
  while (stream->Read(&message)) {
    ++times[message.id()];
    ASSERT_TRUE(message.has_response()) << message.error().message();
    const int number = std::stoi(message.id());
    if (number % 50 == 0) some[number] = message.response();
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(times, SizeIs(kTexts));
  EXPECT_THAT(times, Each(Pair(testing::_, 1)));
  for (const auto& [number, response] : some) {
    const v1::ScoreResponse alone = Score(TextOf(number));
    EXPECT_EQ(response.label(), alone.label());
    EXPECT_NEAR(response.probabilities(0).probability(),
                alone.probabilities(0).probability(), 1e-6);
  }
}

TEST_F(ScoreTest, CancelledStreamLeavesNothingBehind) {
  const auto stream = stub_->ScoreStream(&context_);
  for (int i = 0; i < 100; ++i) Send(stream.get(), i);
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  const auto at_work = [&] {
    const EngineStats stats = server_.server().engine().stats();
    return stats.running + stats.queue.jobs;
  };
  while (at_work() > 0) std::this_thread::yield();
  EXPECT_FALSE(Score("the house").label().empty());
}

TEST_F(ScoreTest, StreamThatNeverSendsEndsWithTheServer) {
  const auto stream = stub_->ScoreStream(&context_);
  std::thread shutdown([&] { server_.server().Shutdown(); });
  v1::ScoreStreamResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  shutdown.join();
}

TEST_F(ScoreTest, StreamThatIsOnlyClosedIsOk) {
  const auto stream = stub_->ScoreStream(&context_);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace carousel
