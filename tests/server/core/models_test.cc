// SPDX-License-Identifier: Apache-2.0

#include "server/core/models.h"

#include <filesystem>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/onednn/matmul.h"
#include "nlohmann/json.hpp"
#include "server/core/autocomplete.h"
#include "server/core/errors.h"
#include "tests/server/core/bad_field.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr size_t kMaxTextBytes = 1000;

class ModelCoreTest : public testing::Test {
 protected:
  void Write(const std::string& path, uint64_t seed = 1) {
    std::filesystem::remove_all(dir_.File(path));
    ASSERT_THAT(WriteTinyBundle(dir_.File(path), {"the", "house", "I"}, seed),
                IsOk());
  }

  void WriteLabels(const std::string& json) {
    ASSERT_THAT(WriteFileAtomically(dir_.File("en/labels.json"), json), IsOk());
  }

  // Sets a field of a bundle's manifest.
  void SetManifest(const std::string& bundle, const std::string& field,
                   const nlohmann::json& value) {
    const std::string path = dir_.File(bundle + "/manifest.json");
    auto manifest = nlohmann::json::parse(ReadFile(path).value());
    manifest[field] = value;
    ASSERT_THAT(WriteFileAtomically(path, manifest.dump()), IsOk());
  }

  void Start(const ModelOptions& options = {}) {
    core_.reset();
    repository_ = ModelRepository::Open(dir_.path()).value();
    // That none is ready is among what is shown.
    repository_->LoadAll([] { return false; }).IgnoreError();
    engine_ = std::make_unique<Engine>(EngineOptions{.workers = 1}, clock_);
    reloader_ = std::make_unique<Reloader>([this] {
      return repository_->Reload(
          [](const std::string& path) { return LoadServed(path, {}); },
          [] { return false; });
    });
    reloader_->Start();
    core_ = std::make_unique<ModelCore>(options, repository_.get(),
                                        engine_.get(), reloader_.get());
  }
  void StartWithAll() {
    Start({.allow_reload = true,
           .allow_explain = true,
           .max_text_bytes = kMaxTextBytes});
  }

  // Waits for the answer of a method.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(void (ModelCore::*method)(const Request&,
                                                          CallContext,
                                                          CallDone<Response>)
                                    const,
                                const Request& request) {
    absl::StatusOr<Response> result = absl::UnknownError("");
    std::latch done(1);
    (core_.get()->*method)(
        request, {}, [&](absl::StatusOr<Response> response, const CallReport&) {
          result = std::move(response);
          done.count_down();
        });
    done.wait();
    return result;
  }

  v1::ListModelsResponse List() {
    return Call(&ModelCore::ListModels, v1::ListModelsRequest()).value();
  }

  static v1::ModelSpec Spec(const std::string& name) {
    v1::ModelSpec spec;
    spec.set_name(name);
    return spec;
  }
  static v1::ModelSpec Spec(const std::string& name, int64_t version) {
    v1::ModelSpec spec = Spec(name);
    spec.set_version(version);
    return spec;
  }
  static v1::ModelSpec Labelled(const std::string& name,
                                const std::string& label) {
    v1::ModelSpec spec = Spec(name);
    spec.set_label(label);
    return spec;
  }

  absl::StatusOr<v1::Model> Get(const v1::ModelSpec& spec) {
    v1::GetModelRequest request;
    *request.mutable_model() = spec;
    const auto response = Call(&ModelCore::GetModel, request);
    if (!response.ok()) return response.status();
    return response->model();
  }

  absl::StatusOr<v1::ReloadModelsResponse> Reload() {
    return Call(&ModelCore::ReloadModels, v1::ReloadModelsRequest());
  }

  absl::StatusOr<v1::ExplainResponse> Explain(
      const std::string& text, const v1::ModelSpec& spec = Spec("en")) {
    v1::ExplainRequest request;
    *request.mutable_model() = spec;
    request.set_text(text);
    return Call(&ModelCore::Explain, request);
  }

  // "TOKEN BEGIN-END" of each.
  static std::vector<std::string> Tokens(const v1::ExplainResponse& response) {
    std::vector<std::string> tokens;
    for (const v1::TextToken& token : response.tokens()) {
      tokens.push_back(absl::StrCat(token.token(), " ", token.begin(), "-",
                                    token.end(), token.known() ? "" : " ?"));
    }
    return tokens;
  }

  static std::string Resource(const absl::Status& status) {
    for (const auto& detail : ErrorDetails(status)) {
      google::rpc::ResourceInfo info;
      if (detail.UnpackTo(&info)) return info.resource_name();
    }
    return "";
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<ModelCore> core_;
};

TEST_F(ModelCoreTest, ModelWithoutARecordRunsInF32) {
  Write("en/1");
  Start();
  const v1::Model model = List().models(0);
  EXPECT_EQ(model.state(), v1::Model::STATE_READY);
  EXPECT_EQ(model.precision(), "f32");
  EXPECT_THAT(model.message(), AllOf(HasSubstr("lstm"), Not(HasSubstr(";"))));
}

// Nobody has to guess why answers are slower, or other, than elsewhere.
TEST_F(ModelCoreTest, SaysWhatRunsAndWhatItCostsOrLacks) {
  Write("en/1");
  ASSERT_THAT(
      RecordPrecision(dir_.File("en/1"), Precision::kInt8, TinyRecord(0.001)),
      IsOk());
  Start();
  const v1::Model model = List().models(0);
  EXPECT_EQ(model.precision(), SupportsInt8() ? "int8" : "f32");
  EXPECT_THAT(model.message(),
              HasSubstr(SupportsInt8() ? "; int8 costs 0.10 % of perplexity"
                                       : "; int8 was meant; this CPU lacks"));
}

TEST_F(ModelCoreTest, FailedModelSaysWhy) {
  Write("en/1");
  ASSERT_THAT(
      RecordPrecision(dir_.File("en/1"), Precision::kInt8, TinyRecord(0.04)),
      IsOk());
  Start();
  const v1::Model model = List().models(0);
  EXPECT_EQ(model.state(), v1::Model::STATE_FAILED);
  EXPECT_EQ(model.precision(), "");
  EXPECT_FALSE(model.has_ready_time());
  EXPECT_THAT(model.message(), HasSubstr("costs 4.00 % of perplexity"));
}

TEST_F(ModelCoreTest, ListShowsLabels) {
  Write("en/1");
  Write("en/2");
  WriteLabels(R"({"stable": 1, "canary": 2, "a": 1})");
  Start();
  EXPECT_THAT(List().models(0).labels(), ElementsAre("a", "stable"));
  EXPECT_THAT(List().models(1).labels(), ElementsAre("canary"));
}

TEST_F(ModelCoreTest, GetShowsAllThatIsKnown) {
  Write("en/1");
  SetManifest("en/1", "training",
              {{"dev_perplexity", 29.5},
               {"epochs", 3},
               {"carousel", "0.1.0"},
               {"data", {{"train_tokens", 1000}, {"files", {1, 2}}}},
               {"config", {{"seed", 7}}}});
  WriteLabels(R"({"stable": 1})");
  Start();
  const auto model = Get(Spec("en"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->name(), "en");
  EXPECT_EQ(model->version(), 1);
  EXPECT_EQ(model->task(), "language_model");
  EXPECT_THAT(model->labels(), ElementsAre("stable"));
  EXPECT_THAT(model->kernels(), HasSubstr("lstm"));
  EXPECT_GT(model->memory_bytes(), 0);
  EXPECT_GT(model->load_duration().nanos() + model->load_duration().seconds(),
            0);
  EXPECT_GT(model->ready_time().seconds(), 1'000'000'000);
  EXPECT_EQ(model->cached_states(), 0);
  EXPECT_FALSE(model->has_reload_error());
  EXPECT_THAT(
      model->figures(),
      UnorderedElementsAre(Pair("dev_perplexity", 29.5), Pair("epochs", 3),
                           Pair("data.train_tokens", 1000)));
  EXPECT_THAT(List().models(0).figures(), IsEmpty());
}

// One version whatever its state; otherwise what a request would get.
TEST_F(ModelCoreTest, GetResolvesAsARequestDoes) {
  for (const char* path : {"en/1", "en/2", "en/3"}) Write(path);
  std::filesystem::remove(dir_.File("en/3/vocabulary.txt"));
  WriteLabels(R"({"stable": 1, "canary": 2})");
  Start();
  EXPECT_EQ(Get(Spec("en"))->version(), 1);
  EXPECT_EQ(Get(Labelled("en", "canary"))->version(), 2);
  EXPECT_EQ(Get(Spec("en", 3))->state(), v1::Model::STATE_FAILED);
}

TEST_F(ModelCoreTest, BadSpecsAreRefusedByName) {
  Write("en/1");
  WriteLabels(R"({"stable": 1})");
  StartWithAll();
  for (const bool explain : {false, true}) {
    const auto ask = [&](const v1::ModelSpec& spec) {
      return explain ? Explain("the", spec).status() : Get(spec).status();
    };
    absl::Status status = ask({});
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("model.name is needed")));
    EXPECT_EQ(BadField(status), "model.name");

    v1::ModelSpec both = Labelled("en", "stable");
    both.set_version(1);
    status = ask(both);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("one of them is allowed")));
    EXPECT_EQ(BadField(status), "model.label");

    status = ask(Labelled("en", "canary"));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("labels: stable (1)")));
    EXPECT_EQ(Resource(status), "en@canary");

    status = ask(Spec("fr"));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("ready: en version 1")));
    EXPECT_EQ(Resource(status), "fr");

    for (const int64_t version : {int64_t{7}, int64_t{0}, int64_t{-1}}) {
      status = ask(Spec("en", version));
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
      EXPECT_EQ(Resource(status), absl::StrCat("en/", version));
    }
    status = ask(Labelled("en", std::string(100000, 'x')));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_LT(Resource(status).size(), 1000u);
  }
}

TEST_F(ModelCoreTest, ReloadNeedsItsFlag) {
  Write("en/1");
  Start();
  Write("en/2");
  EXPECT_THAT(Reload(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("--allow_reload")));
  EXPECT_THAT(List().models(), SizeIs(1));
}

TEST_F(ModelCoreTest, ReloadSaysWhatItDid) {
  for (const char* path : {"en/1", "en/2", "en/3"}) Write(path);
  StartWithAll();
  std::filesystem::remove_all(dir_.File("en/1"));
  Write("en/2", 2);
  SetManifest("en/3", "format_version", 99);
  Write("en/4");
  WriteLabels("{");
  const auto response = Reload();
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->added(), SizeIs(1));
  EXPECT_EQ(response->added(0).version(), 4);
  ASSERT_THAT(response->reloaded(), SizeIs(1));
  EXPECT_EQ(response->reloaded(0).version(), 2);
  ASSERT_THAT(response->removed(), SizeIs(1));
  EXPECT_EQ(response->removed(0).version(), 1);
  ASSERT_THAT(response->failed(), SizeIs(2));
  EXPECT_EQ(response->failed(0).model().version(), 3);
  EXPECT_EQ(response->failed(0).error().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(response->failed(0).error().message(), HasSubstr("99"));
  EXPECT_FALSE(response->failed(1).model().has_version());
  EXPECT_THAT(response->failed(1).error().message(), HasSubstr("labels.json"));

  const auto failed = Get(Spec("en", 3));
  ASSERT_THAT(failed, IsOk());
  EXPECT_EQ(failed->state(), v1::Model::STATE_READY);
  EXPECT_THAT(failed->reload_error().message(), HasSubstr("99"));
  EXPECT_THAT(failed->labels_error().message(), HasSubstr("labels.json"));
}

TEST_F(ModelCoreTest, ReloadWithoutADirectoryIsAnError) {
  Write("en/1");
  StartWithAll();
  std::filesystem::remove_all(dir_.File("en"));
  EXPECT_THAT(Reload(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("no bundle in")));
  EXPECT_THAT(Get(Spec("en")), IsOk());
}

TEST_F(ModelCoreTest, ReloadOfAStoppingServerIsUnavailable) {
  Write("en/1");
  StartWithAll();
  reloader_->Stop();
  EXPECT_THAT(Reload(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ModelCoreTest, ExplainNeedsItsFlag) {
  Write("en/1");
  Start();
  EXPECT_THAT(Explain("the"), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("--allow_explain")));
}

// Places count characters, of the text as it was sent; the line above is not
// read.
TEST_F(ModelCoreTest, ExplainShowsTheTokensOfALine) {
  Write("en/1");
  StartWithAll();
  const auto response = Explain("caf\xc3\xa9\nthe \xc3\xa9t\xc3\xa9 12 ho");
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response), ElementsAre("<eos> 5-5", "the 5-8",
                                             "<unk> 9-12 ?", "<num> 13-15"));
  EXPECT_EQ(response->tokens(2).text(), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(response->partial(), "ho");
  EXPECT_FALSE(response->cut());
  EXPECT_EQ(response->model().name(), "en");
  EXPECT_EQ(response->model().precision(), "f32");
  EXPECT_THAT(response->model().kernels(), HasSubstr("lstm"));
}

// A number is not completed: the network is shown nothing.
TEST_F(ModelCoreTest, ExplainShowsNothingWhereNothingIsSuggested) {
  Write("en/1");
  StartWithAll();
  const auto response = Explain("the 12");
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response), IsEmpty());
  EXPECT_EQ(response->partial(), "12");
}

// What earlier requests left, without a trace of its own.
TEST_F(ModelCoreTest, ExplainTellsWhatIsRememberedAndChangesNothing) {
  Write("en/1");
  StartWithAll();
  EXPECT_EQ(Explain("the house ")->cached_tokens(), 0);
  EXPECT_EQ(Get(Spec("en"))->cached_states(), 0);

  const AutocompleteCore autocomplete({}, repository_.get(), engine_.get());
  v1::CompleteRequest request;
  request.set_text("the ");
  std::latch done(1);
  autocomplete.Complete(
      request, {},
      [&](const absl::StatusOr<v1::CompleteResponse>& response,
          const CallReport&) {
        EXPECT_THAT(response, IsOk());
        done.count_down();
      });
  done.wait();
  const PrefixCacheStats before = engine_->stats().cache;
  EXPECT_EQ(Explain("the house ")->cached_tokens(), 2);  // <eos> the
  EXPECT_EQ(Explain("I the ")->cached_tokens(), 0);
  EXPECT_EQ(engine_->stats().cache.hits, before.hits);
  EXPECT_EQ(engine_->stats().cache.misses, before.misses);
  EXPECT_EQ(engine_->stats().cache.entries, before.entries);
  EXPECT_EQ(Get(Spec("en"))->cached_states(),
            static_cast<int64_t>(before.entries));
  EXPECT_GT(Get(Spec("en"))->cache_bytes(), 0);
}

TEST_F(ModelCoreTest, ExplainSaysThatALongTextIsCut) {
  Write("en/1");
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/1"), {"good", "bad"},
                                  {.longest_text = 4}),
              IsOk());
  Start({.allow_explain = true});
  std::string words;
  for (int i = 0; i < 600; ++i) words += "the ";
  const auto line = Explain(words);
  ASSERT_THAT(line, IsOk());
  EXPECT_TRUE(line->cut());
  EXPECT_LE(line->tokens_size(), 513);
  EXPECT_EQ(line->tokens(1).text(), "the");
  const v1::TextToken& last = line->tokens(line->tokens_size() - 1);
  EXPECT_EQ(last.end(), 600 * 4 - 1);

  const auto mood = Explain("good bad bad good bad, bad", Spec("mood"));
  ASSERT_THAT(mood, IsOk());
  EXPECT_TRUE(mood->cut());
  EXPECT_THAT(Tokens(*mood),
              ElementsAre("good 0-4", "bad 18-21", "<unk> 21-22 ?", "bad 23-26",
                          "<eos> 26-26"));
  EXPECT_EQ(mood->cached_tokens(), 0);
}

// Places are those of the whole text, though sentences are read apart.
TEST_F(ModelCoreTest, ExplainShowsTheSentencesOfATranslator) {
  ASSERT_THAT(WriteTinyTranslator(dir_.File("fr/1")), IsOk());
  StartWithAll();
  const auto response = Explain("\xc3\xa9 a!\n b.", Spec("fr"));
  ASSERT_THAT(response, IsOk());
  EXPECT_THAT(Tokens(*response),
              ElementsAre("<unk> 0-1 ?", "a 2-3", "! 3-4", "<eos> 4-4", "b 6-7",
                          ". 7-8", "<eos> 8-8"));
  EXPECT_FALSE(response->cut());
}

// What people send: each is answered.
TEST_F(ModelCoreTest, OddTextsAreExplained) {
  Write("en/1");
  ASSERT_THAT(WriteTinyClassifier(dir_.File("mood/1"), {"good"}), IsOk());
  StartWithAll();
  for (const char* name : {"en", "mood"}) {
    for (const char* text :
         {"", " \t\n", "\n\n", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", "zzz qqq ",
          "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d ", "a\x01\x02z ", "...!!!",
          "e\xcc\x81t\xe2\x80\x99s \xc2\xa0 x "}) {
      const auto response = Explain(text, Spec(name));
      ASSERT_THAT(response, IsOk()) << text;
      for (const v1::TextToken& token : response->tokens()) {
        EXPECT_LE(token.begin(), token.end());
      }
    }
  }
}

TEST_F(ModelCoreTest, TextBeyondTheBoundIsRefusedByName) {
  Write("en/1");
  StartWithAll();
  EXPECT_THAT(Explain(std::string(kMaxTextBytes, 'a')), IsOk());
  const auto status = Explain(std::string(kMaxTextBytes + 1, 'a')).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("text has 1001 bytes")));
  EXPECT_EQ(BadField(status), "text");
}

TEST_F(ModelCoreTest, ExplainOfADrainingServerIsUnavailable) {
  Write("en/1");
  StartWithAll();
  engine_->Drain(absl::InfiniteFuture());
  EXPECT_THAT(Explain("the"), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace carousel
