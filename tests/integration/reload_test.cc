// SPDX-License-Identifier: Apache-2.0
//
// Versions that come, change and go while requests are being answered, over
// real connections.

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "tests/integration/in_process_server.h"
#include "tests/server/http/raw_http_client.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() { WriteModel(dir_, "en/1", 1); }

  void Start(std::function<void(ServerConfig*)> change = nullptr) {
    ServerConfig config = InProcessServer::Config(dir_.path());
    config.allow_reload = true;
    config.allow_explain = true;
    if (change != nullptr) change(&config);
    server_ = std::make_unique<InProcessServer>(config);
    models_ = Models::NewStub(server_->Connect());
    autocomplete_ = Autocomplete::NewStub(server_->Connect());
  }

  void Rewrite(const std::string& path, uint64_t seed) {
    std::filesystem::remove_all(dir_.File(path));
    WriteModel(dir_, path, seed);
  }
  void Remove(const std::string& path) {
    std::filesystem::remove_all(dir_.File(path));
  }
  void WriteLabels(const std::string& json) {
    ASSERT_THAT(WriteFileAtomically(dir_.File("en/labels.json"), json), IsOk());
  }

  v1::ReloadModelsResponse Reload() {
    grpc::ClientContext context;
    v1::ReloadModelsResponse response;
    const grpc::Status status =
        models_->ReloadModels(&context, v1::ReloadModelsRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::Model Get(int64_t version) {
    grpc::ClientContext context;
    v1::GetModelRequest request;
    request.mutable_model()->set_name("en");
    request.mutable_model()->set_version(version);
    v1::GetModelResponse response;
    EXPECT_TRUE(models_->GetModel(&context, request, &response).ok());
    return response.model();
  }

  int64_t VersionThatAnswers() {
    const CompleteResult result =
        Complete(autocomplete_.get(), TextRequest("I wo"));
    EXPECT_TRUE(result.status.ok()) << result.status.error_message();
    return result.response.model().version();
  }

  std::string Metrics() {
    return HttpGet(server_->server().http_port(), "/metrics");
  }

  TempDir dir_;
  std::unique_ptr<InProcessServer> server_;
  std::unique_ptr<Models::Stub> models_;
  std::unique_ptr<Autocomplete::Stub> autocomplete_;
};

// What several threads ask without pause.
class Askers {
 public:
  // `ask` makes one request; its error, or "".
  Askers(int threads, std::function<std::string()> ask) {
    for (int t = 0; t < threads; ++t) {
      threads_.emplace_back([this, ask] {
        // Bounded: should the test never end them, they end.
        for (int i = 0; i < 200'000 && !end_; ++i) {
          const std::string error = ask();
          ++asked_;
          if (!error.empty()) {
            ++failed_;
            std::lock_guard lock(mutex_);
            error_ = error;
          }
        }
      });
    }
  }

  // Returns when so many more have been answered.
  void Wait(int64_t count) {
    const int64_t goal = asked_ + count;
    while (asked_ < goal) std::this_thread::yield();
  }

  // The last error, and "" if every request was answered.
  std::string End() {
    end_ = true;
    for (std::thread& thread : threads_) thread.join();
    return failed_ == 0 ? ""
                        : absl::StrCat(failed_.load(), " failed: ", error_);
  }

 private:
  std::atomic<bool> end_ = false;
  std::atomic<int64_t> asked_ = 0;
  std::atomic<int64_t> failed_ = 0;
  std::mutex mutex_;
  std::string error_;
  std::vector<std::thread> threads_;
};

// Whoever does not ask for a version that was taken away never sees an error,
// whatever happens to versions and labels.
TEST_F(ReloadTest, NoRequestIsLostWhileVersionsChange) {
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/1"), TinyWords()), IsOk());
  WriteLabels(R"({"canary": 1})");
  Start();
  const auto sentiment = v1::SentimentService::NewStub(server_->Connect());
  std::atomic<int> number = 0;
  std::atomic<bool> removed_seen = false;
  Askers askers(4, [&]() -> std::string {
    const int kind = number++ % 4;
    if (kind == 3) {
      grpc::ClientContext context;
      v1::ScoreRequest request;
      request.set_text("I like the house");
      v1::ScoreResponse response;
      return sentiment->Score(&context, request, &response).error_message();
    }
    v1::CompleteRequest request = TextRequest("I would like ");
    if (kind > 0) request.mutable_model()->set_name("en");
    if (kind == 1) request.mutable_model()->set_label("canary");
    if (kind == 2) request.mutable_model()->set_version(2);
    const CompleteResult result = Complete(autocomplete_.get(), request);
    if (kind == 2 && result.status.error_code() == grpc::NOT_FOUND) {
      removed_seen = true;
      return "";
    }
    return result.status.error_message();
  });
  int64_t changes = 0;
  for (uint64_t round = 0; round < 8; ++round) {
    Rewrite("en/1", 10 + round);  // swapped
    WriteModel(dir_, "en/2", 20 + round);
    if (round % 2 == 0) WriteModel(dir_, "en/3", round);
    WriteLabels(R"({"stable": 1, "canary": 2})");
    v1::ReloadModelsResponse response = Reload();
    EXPECT_EQ(response.failed_size(), 0) << response.ShortDebugString();
    changes += response.added_size() + response.reloaded_size();
    askers.Wait(50);
    Remove("en/2");
    Remove("en/3");
    ASSERT_THAT(WriteTinyClassifier(dir_.File(absl::StrCat("mood/", 2 + round)),
                                    TinyWords()),
                IsOk());
    Remove(absl::StrCat("mood/", 1 + round));
    WriteLabels(R"({"canary": 1})");
    response = Reload();
    EXPECT_EQ(response.failed_size(), 0) << response.ShortDebugString();
    changes += response.removed_size() + response.added_size();
    askers.Wait(50);
  }
  EXPECT_EQ(askers.End(), "");
  EXPECT_TRUE(removed_seen);
  EXPECT_EQ(changes, 8 + 8 + 4 + 8 + 4 + 8 + 8);
  EXPECT_EQ(VersionThatAnswers(), 1);
}

// A stream goes on over a swap, and its next request gets the new version.
TEST_F(ReloadTest, StreamGoesOnWithTheNewVersion) {
  Start();
  grpc::ClientContext context;
  const auto stream = autocomplete_->CompleteStream(&context);
  const auto ask = [&](uint64_t number) {
    v1::CompleteStreamRequest request;
    request.set_number(number);
    *request.mutable_request() = TextRequest("I wo");
    EXPECT_TRUE(stream->Write(request));
    v1::CompleteStreamResponse response;
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.number(), number);
    return response.response().model().version();
  };
  EXPECT_EQ(ask(1), 1);
  WriteModel(dir_, "en/2", 2);
  Remove("en/1");
  EXPECT_EQ(Reload().added_size(), 1);
  EXPECT_EQ(ask(2), 2);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// What replaces it gives other answers: of the new weights, not of states that
// were remembered.
TEST_F(ReloadTest, ChangedVersionAnswersByItsNewWeights) {
  Start();
  const auto answer = [&] {
    return Complete(autocomplete_.get(), TextRequest("I would like "))
        .response.ShortDebugString();
  };
  const std::string before = answer();
  Rewrite("en/1", 99);
  EXPECT_EQ(Reload().reloaded_size(), 1);
  const std::string after = answer();
  EXPECT_NE(after, before);
  EXPECT_EQ(answer(), after);  // from what is remembered
  Rewrite("en/1", 1);
  Reload();
  EXPECT_EQ(answer(), before);
}

TEST_F(ReloadTest, FailureIsCountedAndShown) {
  Start();
  Rewrite("en/1", 5);
  std::filesystem::resize_file(dir_.File("en/1/weights.safetensors"), 10);
  const v1::ReloadModelsResponse response = Reload();
  ASSERT_EQ(response.failed_size(), 1);
  EXPECT_THAT(response.failed(0).error().message(),
              HasSubstr("weights.safetensors"));
  EXPECT_EQ(VersionThatAnswers(), 1);
  EXPECT_EQ(Get(1).state(), v1::Model::STATE_READY);
  EXPECT_THAT(Get(1).reload_error().message(),
              HasSubstr("weights.safetensors"));
  EXPECT_THAT(
      Metrics(),
      AllOf(HasSubstr("carousel_reload_failures_total{model=\"en\"} 1"),
            HasSubstr("carousel_reloads_total 1"),
            HasSubstr("carousel_model_state{model=\"en\",state=\"ready\","
                      "version=\"1\"} 1")));
}

// A version that is unloaded leaves no series behind.
TEST_F(ReloadTest, MetricsShowTheVersionsThatThereAre) {
  Start();
  WriteModel(dir_, "en/2", 2);
  Remove("en/1");
  Reload();
  EXPECT_THAT(Metrics(), AllOf(HasSubstr("version=\"2\"} 1"),
                               Not(HasSubstr("model=\"en\",state=\"ready\","
                                             "version=\"1\""))));
}

// What is said to be larger than all the room is not even read: its weights,
// which are others, would be an error of another kind.
TEST_F(ReloadTest, VersionThatCannotFitIsNotRead) {
  Start(
      [](ServerConfig* config) { config->memory_limit = int64_t{1000} << 20; });
  WriteModel(dir_, "en/2", 2);
  const std::string path = dir_.File("en/2/manifest.json");
  auto manifest = nlohmann::json::parse(ReadFile(path).value());
  manifest["network"]["hidden"] = 16384;
  ASSERT_THAT(WriteFileAtomically(path, manifest.dump()), IsOk());
  const v1::ReloadModelsResponse response = Reload();
  ASSERT_EQ(response.failed_size(), 1);
  EXPECT_EQ(response.failed(0).error().code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(response.failed(0).error().message(),
              HasSubstr("--memory_limit=1048576000"));
}

// The bound that was stated at the start holds.
TEST_F(ReloadTest, VersionThatDoesNotFitIntoMemoryIsRefused) {
  Start([](ServerConfig* config) {
    config->prefix_cache_bytes = int64_t{256} << 20;
    config->memory_limit = int64_t{450} << 20;
  });
  WriteModel(dir_, "en/2", 2);
  const v1::ReloadModelsResponse response = Reload();
  EXPECT_EQ(response.added_size(), 0);
  ASSERT_EQ(response.failed_size(), 1);
  EXPECT_EQ(response.failed(0).model().version(), 2);
  EXPECT_EQ(response.failed(0).error().code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(
      response.failed(0).error().message(),
      AllOf(HasSubstr("--memory_limit=471859200"), HasSubstr("prefix caches")));
  EXPECT_EQ(Get(2).state(), v1::Model::STATE_FAILED);
  EXPECT_EQ(VersionThatAnswers(), 1);

  // In its place there is room once the other has gone.
  std::filesystem::rename(dir_.File("en"), dir_.File("fr"));
  Remove("fr/1");
  EXPECT_EQ(Reload().added_size(), 1);
}

TEST_F(ReloadTest, ExplainAnswersOverTheWire) {
  Start();
  grpc::ClientContext context;
  v1::ExplainRequest request;
  request.mutable_model()->set_name("en");
  request.set_text("I would like ");
  v1::ExplainResponse response;
  ASSERT_TRUE(models_->Explain(&context, request, &response).ok());
  ASSERT_EQ(response.tokens_size(), 4);
  EXPECT_EQ(response.tokens(2).text(), "would");
  EXPECT_EQ(response.cached_tokens(), 0);
  VersionThatAnswers();
  v1::ExplainResponse again;
  grpc::ClientContext other;
  ASSERT_TRUE(models_->Explain(&other, request, &again).ok());
  EXPECT_EQ(again.cached_tokens(), 2);  // <eos> I, read for "I wo"
}

// Off unless the server is told otherwise.
TEST_F(ReloadTest, AdministrativeCallsNeedTheirFlags) {
  Start([](ServerConfig* config) {
    config->allow_reload = config->allow_explain = false;
  });
  grpc::ClientContext reload, explain;
  v1::ReloadModelsResponse reloaded;
  const grpc::Status no_reload =
      models_->ReloadModels(&reload, v1::ReloadModelsRequest(), &reloaded);
  EXPECT_EQ(no_reload.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(no_reload.error_message(), HasSubstr("--allow_reload"));
  v1::ExplainResponse explained;
  const grpc::Status no_explain =
      models_->Explain(&explain, v1::ExplainRequest(), &explained);
  EXPECT_EQ(no_explain.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(no_explain.error_message(), HasSubstr("--allow_explain"));
}

// Many at once are a few reloads, and each is answered.
TEST_F(ReloadTest, ReloadsAtATimeAreAllAnswered) {
  Start();
  std::vector<std::future<bool>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      grpc::ClientContext context;
      v1::ReloadModelsResponse response;
      return models_
          ->ReloadModels(&context, v1::ReloadModelsRequest(), &response)
          .ok();
    }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
  EXPECT_EQ(VersionThatAnswers(), 1);
}

// The end waits for the version that is being loaded and no longer; whoever
// waits for a reload is told. (What comes when gRPC itself has begun to end,
// without a pause before, it cancels.)
TEST_F(ReloadTest, ShutdownAnswersThoseThatWaitForAReload) {
  Start();
  std::vector<std::future<grpc::StatusCode>> calls;
  for (uint64_t i = 0; i < 5; ++i) {
    WriteModel(dir_, absl::StrCat("en/", 2 + i), i);
    calls.push_back(std::async(std::launch::async, [&] {
      grpc::ClientContext context;
      v1::ReloadModelsResponse response;
      return models_
          ->ReloadModels(&context, v1::ReloadModelsRequest(), &response)
          .error_code();
    }));
  }
  server_->server().Shutdown();
  for (auto& call : calls) {
    EXPECT_THAT(call.get(),
                testing::AnyOf(grpc::OK, grpc::UNAVAILABLE, grpc::CANCELLED));
  }
}

}  // namespace
}  // namespace carousel
