// SPDX-License-Identifier: Apache-2.0
//
// AutocompleteService.CompleteStream of the whole server over a real
// connection.

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"

namespace carousel {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

class StreamTest : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::CompleteStreamRequest,
                                          v1::CompleteStreamResponse>;

  ServerConfig WriteModels() {
    WriteModel(dir_, "en/1");
    return InProcessServer::Config(dir_.path());
  }

  static void Type(Stream* stream, int64_t number,
                   const v1::CompleteRequest& request) {
    v1::CompleteStreamRequest message;
    message.set_number(number);
    *message.mutable_request() = request;
    stream->Write(message);
  }
  static void Type(Stream* stream, int64_t number, const std::string& text) {
    Type(stream, number, TextRequest(text));
  }

  static std::optional<v1::CompleteStreamResponse> Read(Stream* stream) {
    v1::CompleteStreamResponse response;
    if (!stream->Read(&response)) return std::nullopt;
    return response;
  }

  TempDir dir_;
  InProcessServer server_{WriteModels()};
  const std::unique_ptr<Autocomplete::Stub> stub_ =
      Autocomplete::NewStub(server_.Connect());
  grpc::ClientContext context_;
};

// Same result streamed and alone, for every prefix of a text.
TEST_F(StreamTest, AnswersAreThoseOfComplete) {
  const std::string line = "I would like to you";
  const auto stream = stub_->CompleteStream(&context_);
  for (size_t typed = 0; typed <= line.size(); ++typed) {
    const std::string text = line.substr(0, typed);
    Type(stream.get(), static_cast<int64_t>(typed), text);
    const auto answer = Read(stream.get());
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE(MessageDifferencer::Equals(
        answer->response(), Complete(stub_.get(), TextRequest(text)).response))
        << text;
  }
}

// However fast somebody types: the numbers of the answers grow, and the last
// request is answered.
TEST_F(StreamTest, LastRequestOfAFastTypistIsAnswered) {
  constexpr int64_t kKeystrokes = 500;
  const auto stream = stub_->CompleteStream(&context_);
  std::thread typist([&] {
    for (int64_t number = 1; number <= kKeystrokes; ++number) {
      Type(stream.get(), number, std::string(number % 9, 'a') + " the");
    }
    stream->WritesDone();
  });
  int64_t last = 0;
  while (const auto answer = Read(stream.get())) {
    EXPECT_GT(answer->number(), last);
    EXPECT_TRUE(answer->has_response());
    last = answer->number();
  }
  typist.join();
  EXPECT_EQ(last, kKeystrokes);
  EXPECT_TRUE(stream->Finish().ok());
}

// Each of them as Complete would refuse it.
TEST_F(StreamTest, RefusedRequestsLeaveTheStreamOpen) {
  const auto stream = stub_->CompleteStream(&context_);
  v1::CompleteRequest unknown_model;
  unknown_model.mutable_model()->set_name("nobody");
  const std::vector<std::pair<v1::CompleteRequest, grpc::StatusCode>> refused =
      {{TextRequest("\xff"), grpc::StatusCode::INVALID_ARGUMENT},
       {TextRequest(std::string(20000, 'a')),
        grpc::StatusCode::INVALID_ARGUMENT},
       {unknown_model, grpc::StatusCode::NOT_FOUND}};
  int64_t number = 0;
  for (const auto& [request, code] : refused) {
    Type(stream.get(), ++number, request);
    const auto answer = Read(stream.get());
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->number(), number);
    EXPECT_EQ(answer->error().code(), code);
    EXPECT_FALSE(answer->error().message().empty());
  }
  Type(stream.get(), ++number, "the ");
  EXPECT_TRUE(Read(stream.get())->has_response());
}

// Every keystroke brings the same earlier text, and each answer is that of a
// call of its own.
TEST_F(StreamTest, ContextAdaptsTheSuggestions) {
  const auto stream = stub_->CompleteStream(&context_);
  int64_t number = 0;
  for (const char* text : {"your ", "your h", "your ho"}) {
    v1::CompleteRequest request = TextRequest(text);
    request.set_context("your house to the home\nyour house\n");
    Type(stream.get(), ++number, request);
    const auto answer = Read(stream.get());
    ASSERT_TRUE(answer.has_value());
    const v1::CompleteResponse alone = Complete(stub_.get(), request).response;
    EXPECT_EQ(answer->response().suggestions(0).word(),
              alone.suggestions(0).word());
    EXPECT_EQ(answer->response().suggestions(0).probability(),
              alone.suggestions(0).probability());
    EXPECT_NE(alone.suggestions(0).probability(),
              Complete(stub_.get(), TextRequest(text))
                  .response.suggestions(0)
                  .probability());
  }
}

// A page may leave its stream open all day; a rolling restart must not wait for
// that, and the page must learn that it is to go elsewhere.
TEST_F(StreamTest, ServerThatStopsEndsIdleStreams) {
  const auto stream = stub_->CompleteStream(&context_);
  Type(stream.get(), 1, "the ");
  ASSERT_TRUE(Read(stream.get()).has_value());
  std::thread stop([&] { server_.server().Shutdown(); });
  EXPECT_EQ(Read(stream.get()), std::nullopt);
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("draining"));
  stop.join();
}

// Neither do those that are in use hold it up.
TEST_F(StreamTest, ServerThatStopsEndsBusyStreams) {
  const auto stream = stub_->CompleteStream(&context_);
  Type(stream.get(), 1, "the ");
  ASSERT_TRUE(Read(stream.get()).has_value());
  std::thread typist([&] {
    v1::CompleteStreamRequest message;
    message.mutable_request()->set_text("I would like to ");
    message.set_number(2);
    while (stream->Write(message)) message.set_number(message.number() + 1);
  });
  std::thread stop([&] { server_.server().Shutdown(); });
  while (Read(stream.get()).has_value()) {
  }
  typist.join();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stop.join();
}

TEST_F(StreamTest, OpenStreamsAreCounted) {
  const auto stream = stub_->CompleteStream(&context_);
  Type(stream.get(), 1, "the ");
  ASSERT_TRUE(Read(stream.get()).has_value());
  EXPECT_THAT(server_.server().metrics().Render(),
              HasSubstr("carousel_open_streams 1"));
}

}  // namespace
}  // namespace carousel
