// SPDX-License-Identifier: Apache-2.0
//
// AutocompleteService.Complete and ModelService.ListModels over a real
// connection: answers, bad input, trailers.

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"

namespace carousel {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;

class CompleteTest : public testing::Test {
 protected:
  // One server for all: that it survives each test is a test.
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    WriteModel(*dir_, "en/1", 1);
    WriteModel(*dir_, "en/2", 2);
    WriteModel(*dir_, "en/3", 3);
    std::filesystem::resize_file(dir_->File("en/3/weights.safetensors"), 100);
    server_ = new InProcessServer(InProcessServer::Config(dir_->path()));
  }
  static void TearDownTestSuite() {
    delete server_;
    delete dir_;
  }

  CompleteResult Ask(const v1::CompleteRequest& request) {
    return Complete(stub_.get(), request);
  }
  CompleteResult Ask(const std::string& text) { return Ask(TextRequest(text)); }

  void ExpectError(const CompleteResult& result, grpc::StatusCode code,
                   const std::string& fragment) {
    EXPECT_EQ(result.status.error_code(), code);
    EXPECT_THAT(result.status.error_message(), HasSubstr(fragment));
    EXPECT_TRUE(Ask("the ").status.ok());  // and goes on serving
  }

  // Sends `bytes` as the request's message.
  grpc::Status SendRaw(const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(bytes);
    auto call = stub.PrepareUnaryCall(
        &context, "/carousel.v1.AutocompleteService/Complete",
        grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

  static TempDir* dir_;
  static InProcessServer* server_;
  const std::shared_ptr<grpc::Channel> channel_ = server_->Connect();
  const std::unique_ptr<Autocomplete::Stub> stub_ =
      Autocomplete::NewStub(channel_);
};

TempDir* CompleteTest::dir_ = nullptr;
InProcessServer* CompleteTest::server_ = nullptr;

// Inside a word only what begins with its letters comes, best first.
TEST_F(CompleteTest, CompletesAWord) {
  const CompleteResult result = Ask("I wo");
  ASSERT_TRUE(result.status.ok()) << result.status.error_message();
  ASSERT_EQ(result.response.suggestions_size(), 1);
  const v1::Suggestion& suggestion = result.response.suggestions(0);
  EXPECT_EQ(suggestion.word(), "would");
  EXPECT_EQ(suggestion.insert(), "uld");
  EXPECT_EQ(suggestion.replace(), 0);
  EXPECT_GT(suggestion.probability(), 0);
  EXPECT_LE(suggestion.probability(), 1.000001);
}

// After a space the next word; three of them unless asked otherwise.
TEST_F(CompleteTest, SuggestsNextWords) {
  const CompleteResult result = Ask("I would ");
  ASSERT_TRUE(result.status.ok());
  ASSERT_EQ(result.response.suggestions_size(), 3);
  EXPECT_GE(result.response.suggestions(0).probability(),
            result.response.suggestions(2).probability());
}

// The start of a text is a text.
TEST_F(CompleteTest, EmptyTextIsAnswered) {
  const CompleteResult result = Ask("");
  ASSERT_TRUE(result.status.ok());
  EXPECT_EQ(result.response.suggestions_size(), 3);
}

// Who names no model gets the newest ready version of the only one, and is told
// which that was: in the message and in the trailer.
TEST_F(CompleteTest, SaysWhichModelAnswered) {
  const CompleteResult result = Ask("the ");
  EXPECT_EQ(result.response.model().name(), "en");
  EXPECT_EQ(result.response.model().version(), 2);
  EXPECT_EQ(result.trailers.at("carousel-version"), "2");
}

// A version that is asked for answers, although there is a newer one.
TEST_F(CompleteTest, AnswersWithTheVersionAskedFor) {
  v1::CompleteRequest request = TextRequest("the ");
  request.mutable_model()->set_name("en");
  request.mutable_model()->set_version(1);
  const CompleteResult result = Ask(request);
  ASSERT_TRUE(result.status.ok());
  EXPECT_EQ(result.response.model().version(), 1);
}

// Where the time went, for every request.
TEST_F(CompleteTest, TrailersSayQueueComputeAndBatch) {
  const CompleteResult result = Ask("I would like ");
  for (const char* name :
       {"carousel-queue-us", "carousel-compute-us", "carousel-batch"}) {
    ASSERT_TRUE(result.trailers.count(name)) << name;
    int64_t value = -1;
    EXPECT_TRUE(absl::SimpleAtoi(result.trailers.at(name), &value)) << name;
    EXPECT_GE(value, 0) << name;
  }
  EXPECT_EQ(result.trailers.at("carousel-batch"), "1");
}

// As many as there are, but never more than asked for.
TEST_F(CompleteTest, MaxSuggestionsIsABound) {
  for (const int max : {1, 2, 100}) {
    v1::CompleteRequest request = TextRequest("the ");
    request.set_max_suggestions(max);
    const CompleteResult result = Ask(request);
    ASSERT_TRUE(result.status.ok());
    EXPECT_LE(result.response.suggestions_size(), max);
    EXPECT_GE(result.response.suggestions_size(), std::min(max, 10));
  }
}

// Both ends of the range, with what is allowed in the message.
TEST_F(CompleteTest, MaxSuggestionsOutOfBoundsIsInvalid) {
  for (const int max : {0, -1, 101, 10000}) {
    v1::CompleteRequest request = TextRequest("the ");
    request.set_max_suggestions(max);
    ExpectError(
        Ask(request), grpc::StatusCode::INVALID_ARGUMENT,
        absl::StrCat("max_suggestions: expected 1 to 100, found ", max));
  }
}

// gRPC's generated handlers would say UNIMPLEMENTED, with no message.
TEST_F(CompleteTest, TextThatIsNotUtf8IsInvalid) {
  for (const char* text : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf"}) {
    ExpectError(Ask(text), grpc::StatusCode::INVALID_ARGUMENT, "UTF-8");
  }
}

// A request that is no message at all.
TEST_F(CompleteTest, BytesThatAreNoMessageAreInvalid) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff"), std::string("\x12\x7f"),
        std::string(1000, '\x80'), std::string("\x0b")}) {
    const grpc::Status status = SendRaw(bytes);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(),
                HasSubstr("not a valid carousel.v1.CompleteRequest"));
  }
  EXPECT_TRUE(SendRaw("").ok());  // all fields at their defaults
}

// The bound is in the message, and it is the bound.
TEST_F(CompleteTest, LongTextIsInvalid) {
  ExpectError(Ask(std::string(1 << 20, 'a')),
              grpc::StatusCode::INVALID_ARGUMENT,
              "text: expected at most 16384 bytes, found 1048576");
  ExpectError(Ask(std::string(16385, 'a')), grpc::StatusCode::INVALID_ARGUMENT,
              "at most 16384");
  EXPECT_TRUE(Ask(std::string(16384, 'a')).status.ok());
}

// Long, many tokens, all kinds of characters: answered, not choked on.
TEST_F(CompleteTest, OddTextsAreAnswered) {
  std::string words;
  while (words.size() < 16000) words += "the house ";
  std::string lines;
  while (lines.size() < 16000) lines += "\n";
  for (const std::string& text : {words, lines, std::string("a\0b", 3),
                                  std::string("😀 ñandú\u202e مرحبا"),
                                  std::string("\ufeff\u0301\u0301 ( \" '")}) {
    EXPECT_TRUE(Ask(text).status.ok());
  }
}

v1::CompleteRequest WithContext(const std::string& text,
                                const std::string& context) {
  v1::CompleteRequest request = TextRequest(text);
  request.set_context(context);
  request.set_max_suggestions(100);
  return request;
}

// What was written before is more probable, in next words and parts of words;
// blank lines are as no context.
TEST_F(CompleteTest, ContextAdaptsTheSuggestions) {
  const std::string context =
      "your house to the home\nyour house there\nyour house\n";
  for (const std::string text : {"your ", "your h"}) {
    const CompleteResult without = Ask(WithContext(text, ""));
    const CompleteResult with = Ask(WithContext(text, context));
    ASSERT_TRUE(with.status.ok()) << with.status.error_message();
    const auto probability = [](const CompleteResult& result) {
      for (const v1::Suggestion& suggestion : result.response.suggestions()) {
        if (suggestion.word() == "house") return suggestion.probability();
      }
      return 0.0;
    };
    EXPECT_GT(probability(with), probability(without));
    EXPECT_TRUE(MessageDifferencer::Equals(
        Ask(WithContext(text, " \n\n")).response, without.response));
  }
}

// The second time its states are remembered: the same answer.
TEST_F(CompleteTest, ContextIsAnsweredAlikeFromTheCache) {
  const v1::CompleteRequest request =
      WithContext("I would ", "how are you\nI would wish to like a home");
  const CompleteResult first = Ask(request);
  ASSERT_TRUE(first.status.ok());
  EXPECT_TRUE(
      MessageDifferencer::Equals(Ask(request).response, first.response));
}

TEST_F(CompleteTest, BadContextIsInvalid) {
  ExpectError(Ask(WithContext("the ", std::string(16385, 'a'))),
              grpc::StatusCode::INVALID_ARGUMENT,
              "context: expected at most 16384 bytes, found 16385");
  ExpectError(Ask(WithContext("the ", "a\xff")),
              grpc::StatusCode::INVALID_ARGUMENT, "UTF-8");
}

// Only unknown words, marks, control characters, one endless line, no line.
TEST_F(CompleteTest, OddContextsAreAnswered) {
  std::string words;
  while (words.size() < 16000) words += "the house ";
  for (const std::string& context :
       {words, std::string(16384, '\n'), std::string(16384, '.'),
        std::string("xyzzy plugh\n"), std::string("a\0\x1b[2J\r\n", 9),
        std::string("\U0001F600 \u202e \u05e9\u05dc")}) {
    EXPECT_TRUE(Ask(WithContext("I wo", context)).status.ok());
  }
}

// What there is, is in the message.
TEST_F(CompleteTest, UnknownModelOrVersionIsNotFound) {
  v1::CompleteRequest request = TextRequest("the ");
  request.mutable_model()->set_name("fr");
  ExpectError(Ask(request), grpc::StatusCode::NOT_FOUND,
              "\"fr\" is not here; ready: en version 2, 1");
  request.mutable_model()->set_name("en");
  for (const int64_t version : {int64_t{7}, int64_t{0}, int64_t{-1}}) {
    request.mutable_model()->set_version(version);
    ExpectError(Ask(request), grpc::StatusCode::NOT_FOUND,
                absl::StrCat("version ", version, " is not here"));
  }
  request.mutable_model()->set_version(3);
  ExpectError(Ask(request), grpc::StatusCode::NOT_FOUND,
              "version 3 could not be loaded");
}

// A name may be anything; it comes back cut and does not break the trailer.
TEST_F(CompleteTest, LongModelNameIsCutInTheMessage) {
  v1::CompleteRequest request = TextRequest("the ");
  request.mutable_model()->set_name(
      absl::StrCat(std::string(100000, 'x'), "\r\n"));
  const CompleteResult result = Ask(request);
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_LE(result.status.error_message().size(), 1024u);
}

// Deadlines of microseconds and cancellations at any moment: whatever the
// outcome, the server goes on.
TEST_F(CompleteTest, SurvivesTinyDeadlinesAndCancellations) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        grpc::ClientContext context;
        v1::CompleteResponse response;
        if (t % 2 == 0) {
          context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::microseconds(20 * i));
          stub_->Complete(&context, TextRequest("I would "), &response);
        } else {
          std::thread cancel([&context] { context.TryCancel(); });
          stub_->Complete(&context, TextRequest("I would "), &response);
          cancel.join();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Ask("the ").status.ok());
}

// Eight clients at once get what one gets alone.
TEST_F(CompleteTest, AnswerDoesNotDependOnTheLoad) {
  const std::vector<std::string> texts = {
      "", "I wo", "I would like to", "the ", "How are y", "a house, the h"};
  std::vector<v1::CompleteResponse> alone;
  for (const std::string& text : texts) alone.push_back(Ask(text).response);
  std::vector<std::thread> clients;
  std::atomic<int> different = 0;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      const auto stub = Autocomplete::NewStub(server_->Connect());
      for (size_t i = 0; i < 60; ++i) {
        const size_t which = (i + static_cast<size_t>(c)) % texts.size();
        const CompleteResult result =
            Complete(stub.get(), TextRequest(texts[which]));
        if (!result.status.ok() ||
            !MessageDifferencer::Equals(result.response, alone[which])) {
          ++different;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(different, 0);
}

// Every version, also the one that could not be loaded, and why.
TEST_F(CompleteTest, ListModelsShowsEveryVersion) {
  const auto stub = Models::NewStub(channel_);
  grpc::ClientContext context;
  v1::ListModelsResponse response;
  ASSERT_TRUE(
      stub->ListModels(&context, v1::ListModelsRequest(), &response).ok());
  ASSERT_EQ(response.models_size(), 3);
  const v1::Model& ready = response.models(0);
  EXPECT_EQ(ready.name(), "en");
  EXPECT_EQ(ready.version(), 1);
  EXPECT_EQ(ready.state(), v1::Model::STATE_READY);
  EXPECT_EQ(ready.task(), "language_model");
  EXPECT_GT(ready.parameters(), 0);
  EXPECT_GT(ready.memory_bytes(), 0);
  EXPECT_FALSE(ready.message().empty());
  const v1::Model& failed = response.models(2);
  EXPECT_EQ(failed.version(), 3);
  EXPECT_EQ(failed.state(), v1::Model::STATE_FAILED);
  EXPECT_THAT(failed.message(), HasSubstr("weights.safetensors"));
}

// Without a name the choice must be clear.
TEST(DefaultModelTest, SeveralModelsNeedAName) {
  TempDir dir;
  WriteModel(dir, "one/1");
  WriteModel(dir, "two/1");
  InProcessServer server(InProcessServer::Config(dir.path()));
  const auto stub = Autocomplete::NewStub(server.Connect());
  const CompleteResult result = Complete(stub.get(), TextRequest("the "));
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(result.status.error_message(), HasSubstr("one, two"));
}

// ... which it is where the model for English is among them.
TEST(DefaultModelTest, EnglishAutocompleteIsPreferred) {
  TempDir dir;
  WriteModel(dir, "another/1");
  WriteModel(dir, "autocomplete-en/1");
  InProcessServer server(InProcessServer::Config(dir.path()));
  const auto stub = Autocomplete::NewStub(server.Connect());
  const CompleteResult result = Complete(stub.get(), TextRequest("the "));
  EXPECT_EQ(result.response.model().name(), "autocomplete-en");
}

}  // namespace
}  // namespace carousel
