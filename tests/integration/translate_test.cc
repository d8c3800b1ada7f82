// SPDX-License-Identifier: Apache-2.0
//
// TranslationService of the whole server over a real connection.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "carousel/v1/translation.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Key;
using testing::Pair;
using testing::SizeIs;
using testing::StartsWith;

class TranslateTest : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::TranslateBatchRequest,
                                          v1::TranslateBatchResponse>;

  ServerConfig WriteModels() {
    CAROUSEL_CHECK(WriteTinyTranslator(dir_.File("tiny/1")).ok());
    return InProcessServer::Config(dir_.path());
  }

  // Texts of all lengths, of one sentence or several.
  static std::string TextOf(int number) {
    std::string text;
    for (int i = 0; i <= number % 17; ++i) {
      text += "abcd"[(number + i * i) % 4];
      text += i % 5 == 4 ? "! " : " ";
    }
    return text;
  }

  grpc::Status Translate(const std::string& text,
                         v1::TranslateResponse* response) {
    grpc::ClientContext context;
    v1::TranslateRequest request;
    request.set_text(text);
    const grpc::Status status = stub_->Translate(&context, request, response);
    for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
      trailers_[{name.data(), name.size()}] = {value.data(), value.size()};
    }
    return status;
  }

  static bool Send(Stream* stream, int number, const std::string& text) {
    v1::TranslateBatchRequest message;
    message.set_id(std::to_string(number));
    message.mutable_request()->set_text(text);
    return stream->Write(message);
  }

  TempDir dir_;
  InProcessServer server_{WriteModels()};
  const std::unique_ptr<v1::TranslationService::Stub> stub_ =
      v1::TranslationService::NewStub(server_.Connect());
  grpc::ClientContext context_;
  std::map<std::string, std::string> trailers_;
};

TEST_F(TranslateTest, TextIsTranslatedWithItsTrailers) {
  v1::TranslateResponse response;
  ASSERT_TRUE(Translate("a b c! d.", &response).ok());
  EXPECT_EQ(response.model().name(), "tiny");
  EXPECT_THAT(response.sentences(), SizeIs(2));
  for (const char* trailer : {"carousel-queue-us", "carousel-compute-us",
                              "carousel-batch", "carousel-version"}) {
    EXPECT_THAT(trailers_, Contains(Key(trailer)));
  }
}

// Who reads along has read the whole in the end, and that is what others get.
TEST_F(TranslateTest, StreamedTranslationIsTheWhole) {
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    v1::TranslateStreamRequest request;
    request.mutable_request()->set_text(TextOf(i));
    const auto stream = stub_->TranslateStream(&context, request);
    std::string told;
    int wholes = 0;
    v1::TranslateStreamResponse message;
    while (stream->Read(&message)) {
      EXPECT_EQ(wholes, 0) << "the whole is the last";
      if (message.has_response()) {
        ++wholes;
        EXPECT_EQ(message.response().text(), told);
      } else {
        EXPECT_FALSE(message.text().empty());
        told += message.text();
      }
    }
    ASSERT_TRUE(stream->Finish().ok());
    EXPECT_EQ(wholes, 1);
    v1::TranslateResponse alone;
    ASSERT_TRUE(Translate(TextOf(i), &alone).ok());
    EXPECT_EQ(alone.text(), told);
  }
}

// However they are batched: each once, and as alone.
TEST_F(TranslateTest, BatchAnswersEveryTextAsTranslateDoes) {
  constexpr int kTexts = 500;
  const auto stream = stub_->TranslateBatch(&context_);
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) Send(stream.get(), i, TextOf(i));
    stream->WritesDone();
  });
  std::map<std::string, int> times;
  std::map<int, std::string> some;
  v1::TranslateBatchResponse message;
  while (stream->Read(&message)) {
    ++times[message.id()];
    ASSERT_TRUE(message.has_response()) << message.error().message();
    const int number = std::stoi(message.id());
    if (number % 20 == 0) some[number] = message.response().text();
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(times, SizeIs(kTexts));
  EXPECT_THAT(times, Each(Pair(testing::_, 1)));
  for (const auto& [number, text] : some) {
    v1::TranslateResponse alone;
    ASSERT_TRUE(Translate(TextOf(number), &alone).ok());
    EXPECT_EQ(text, alone.text());
  }
}

// One bad text is its own error; so is an id that is used again.
TEST_F(TranslateTest, ErrorsOfABatchBelongToTheirRequests) {
  const auto stream = stub_->TranslateBatch(&context_);
  std::string long_text;
  for (int i = 0; i < 2000; ++i) long_text += "a b! ";
  Send(stream.get(), 1, long_text);  // takes a while
  Send(stream.get(), 1, "a");
  Send(stream.get(), 2, std::string(20000, 'a'));
  Send(stream.get(), 3, "a b");
  stream->WritesDone();
  std::multimap<std::string, std::string> answers;
  v1::TranslateBatchResponse message;
  while (stream->Read(&message)) {
    answers.emplace(message.id(),
                    message.has_error() ? message.error().message() : "ok");
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(answers, SizeIs(4));
  EXPECT_THAT(answers, Contains(Pair("1", "ok")));
  EXPECT_THAT(answers,
              Contains(Pair("1", HasSubstr("no unanswered request has"))));
  EXPECT_THAT(answers, Contains(Pair("2", HasSubstr("bytes, found 20000"))));
  EXPECT_THAT(answers, Contains(Pair("3", "ok")));
}

// It costs a few bytes, and its deadline is its end.
TEST_F(TranslateTest, StreamThatNeverSendsEndsAtItsDeadline) {
  context_.set_deadline(std::chrono::system_clock::now() +
                        std::chrono::milliseconds(50));
  const auto stream = stub_->TranslateBatch(&context_);
  v1::TranslateBatchResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(TranslateTest, StreamWithoutRequestsEndsWithOk) {
  const auto stream = stub_->TranslateBatch(&context_);
  stream->WritesDone();
  v1::TranslateBatchResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

// The end is the server's: what a client sends after it goes nowhere.
TEST_F(TranslateTest, WhoSendsAfterTheEndIsToldWhyItEnded) {
  const auto stream = stub_->TranslateBatch(&context_);
  v1::TranslateBatchRequest message;
  message.set_id("\xff");  // that no answer could name
  message.mutable_request()->set_text("a");
  while (stream->Write(message)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("UTF-8"));
}

// Who stops reading stops the work.
TEST_F(TranslateTest, CancelledStreamEndsTheJob) {
  v1::TranslateStreamRequest request;
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "a b c d! ";
  request.mutable_request()->set_text(text);
  request.mutable_request()->set_beam_size(16);
  const auto stream = stub_->TranslateStream(&context_, request);
  v1::TranslateStreamResponse message;
  ASSERT_TRUE(stream->Read(&message));
  context_.TryCancel();
  while (stream->Read(&message)) EXPECT_FALSE(message.has_response());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  const Engine& engine = server_.server().engine();
  while (engine.stats().running > 0) std::this_thread::yield();
  EXPECT_EQ(engine.stats().cancelled, 1);
  EXPECT_GT(engine.stats().wasted_tokens, 0);
}

TEST_F(TranslateTest, BadRequestsNameTheirField) {
  grpc::ClientContext context;
  v1::TranslateRequest request;
  request.set_text("a");
  request.set_beam_size(1000);
  v1::TranslateResponse response;
  const grpc::Status status = stub_->Translate(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "beam_size");
}

TEST_F(TranslateTest, BadStreamsEndAtOnce) {
  v1::TranslateStreamRequest without, bad;
  bad.mutable_request()->set_beam_size(1000);
  for (const auto& [request, field] :
       {std::pair{without, "request"}, {bad, "beam_size"}}) {
    grpc::ClientContext context;
    const auto stream = stub_->TranslateStream(&context, request);
    v1::TranslateStreamResponse message;
    EXPECT_FALSE(stream->Read(&message));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), StartsWith(field));
  }
}

}  // namespace
}  // namespace carousel
