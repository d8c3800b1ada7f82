// SPDX-License-Identifier: Apache-2.0

#include "server/core/model_choice.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/core/errors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

v1::ModelSpec Spec(const std::string& name,
                   std::optional<int64_t> version = std::nullopt) {
  v1::ModelSpec spec;
  spec.set_name(name);
  if (version.has_value()) spec.set_version(*version);
  return spec;
}

// The message of type Detail in the status; a default one if there is none.
template <typename Detail>
Detail DetailOf(const absl::Status& status) {
  Detail found;
  for (const auto& detail : ErrorDetails(status)) {
    if (detail.UnpackTo(&found)) return found;
  }
  return Detail();
}

std::string BadField(const absl::Status& status) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  return bad.field_violations().empty() ? "" : bad.field_violations(0).field();
}

// One language model, and two classifiers of which one has two versions.
class ModelChoiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteTinyBundle(dir_.File("words/1"), {"a"}, 1), IsOk());
    for (const char* bundle : {"mood/1", "mood/2", "taste/1"}) {
      ASSERT_THAT(WriteTinyClassifier(dir_.File(bundle), {"a"}), IsOk());
    }
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
  }

  // "NAME/VERSION" of what a classifier's service gets.
  absl::StatusOr<std::string> Choose(const v1::ModelSpec& spec,
                                     absl::string_view preferred = "mood") {
    return Choose(spec, {Task::kClassifier, preferred});
  }
  absl::StatusOr<std::string> Choose(const v1::ModelSpec& spec,
                                     const ServiceModels& models) {
    const auto handle = ChooseModel(*repository_, spec, models);
    if (!handle.ok()) return handle.status();
    EXPECT_EQ(handle->model->task(), models.task);
    return absl::StrCat(handle->name, "/", handle->version);
  }

  TempDir dir_;
  std::unique_ptr<ModelRepository> repository_;
};

TEST_F(ModelChoiceTest, ANamedModelAnswersInItsNewestVersion) {
  EXPECT_THAT(Choose(Spec("mood")), IsOkAndHolds("mood/2"));
}

TEST_F(ModelChoiceTest, ANamedVersionAnswersThoughThereIsANewerOne) {
  EXPECT_THAT(Choose(Spec("mood", 1)), IsOkAndHolds("mood/1"));
}

TEST_F(ModelChoiceTest, WhereNoneIsNamedThePreferredOneAnswers) {
  EXPECT_THAT(Choose(Spec(""), "taste"), IsOkAndHolds("taste/1"));
}

// A server with one model needs no configuration.
TEST_F(ModelChoiceTest, WhereNoneIsNamedTheOnlyOneOfItsTaskAnswers) {
  EXPECT_THAT(Choose(Spec(""), {Task::kLanguageModel, "not-here"}),
              IsOkAndHolds("words/1"));
}

TEST_F(ModelChoiceTest, AVersionAloneIsThatOfTheDefault) {
  EXPECT_THAT(Choose(Spec("", 1)), IsOkAndHolds("mood/1"));
}

// Guessing would answer by another model when one is added.
TEST_F(ModelChoiceTest, AmongSeveralWithoutAPreferredOneANameIsNeeded) {
  const absl::Status status = Choose(Spec(""), "not-here").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               AllOf(HasSubstr("model.name: expected a name"),
                                     HasSubstr("mood, taste"))));
  EXPECT_EQ(BadField(status), "model.name");
}

TEST_F(ModelChoiceTest, AModelForAnotherTaskIsRefused) {
  const absl::Status status = Choose(Spec("words")).status();
  EXPECT_THAT(
      status,
      StatusIs(absl::StatusCode::kInvalidArgument,
               "model.name: expected a model that scores texts (classifier), "
               "found \"words\", which completes texts (language_model)"));
  EXPECT_EQ(BadField(status), "model.name");
}

TEST_F(ModelChoiceTest, WhatIsNotThereIsNamedAsAsked) {
  for (const auto& [spec, name] :
       {std::pair(Spec("nope"), "nope"), std::pair(Spec("nope", 3), "nope/3"),
        std::pair(Spec("mood", 3), "mood/3"),
        std::pair(Spec("", 3), "mood/3")}) {
    const absl::Status status = Choose(spec).status();
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("mood")))
        << name;
    const auto resource = DetailOf<google::rpc::ResourceInfo>(status);
    EXPECT_EQ(resource.resource_type(), "model");
    EXPECT_EQ(resource.resource_name(), name);
  }
}

// The caller named nothing, so the message says what is missing.
TEST_F(ModelChoiceTest, WithoutAModelForTheTaskThePreferredOneIsMissed) {
  const absl::Status status =
      Choose(Spec(""), {Task::kTranslator, "translate-en-fr"}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               HasSubstr("translate-en-fr")));
}

TEST_F(ModelChoiceTest, TheAnswerNamesModelAndVersion) {
  v1::ModelSpec spec;
  SetModel({.name = "mood", .version = 2, .model = nullptr}, &spec);
  EXPECT_EQ(spec.name(), "mood");
  EXPECT_EQ(spec.version(), 2);
}

TEST(CheckTextSizeTest, TextUpToTheBoundIsTaken) {
  EXPECT_THAT(CheckTextSize("", 0), IsOk());
  EXPECT_THAT(CheckTextSize("abc", 3), IsOk());
}

TEST(CheckTextSizeTest, TextBeyondTheBoundIsRefusedByItsField) {
  const absl::Status status = CheckTextSize("abcd", 3);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "text: expected at most 3 bytes, found 4"));
  EXPECT_EQ(BadField(status), "text");
}

}  // namespace
}  // namespace carousel
