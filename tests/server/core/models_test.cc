// SPDX-License-Identifier: Apache-2.0
//
// What is told of models, and their reload.

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "model/onednn/matmul.h"
#include "tests/server/core/bad_field.h"
#include "tests/server/core/models_fixture.h"
#include "tests/testing/status_matchers.h"

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
                                 HasSubstr("model.name: expected a name")));
    EXPECT_EQ(BadField(status), "model.name");

    v1::ModelSpec both = Labelled("en", "stable");
    both.set_version(1);
    status = ask(both);
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected none beside model.version")));
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

}  // namespace
}  // namespace carousel
