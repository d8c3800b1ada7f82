// SPDX-License-Identifier: Apache-2.0

#include "server/repository/repository.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RepositoryTest : public testing::Test {
 protected:
  void Write(const std::string& name_and_version) {
    ASSERT_THAT(WriteTinyBundle(dir_.File(name_and_version),
                                {"the", "house", "home"}, 1),
                IsOk());
  }

  // A version whose weights are cut off.
  void WriteBroken(const std::string& name_and_version) {
    Write(name_and_version);
    const std::string weights =
        dir_.File(name_and_version + "/weights.safetensors");
    std::filesystem::resize_file(weights,
                                 std::filesystem::file_size(weights) - 1);
  }

  void Open() {
    auto repository = ModelRepository::Open(dir_.path());
    ASSERT_THAT(repository, IsOk());
    repository_ = *std::move(repository);
  }

  absl::Status Load() {
    Open();
    return repository_->LoadAll([] { return false; });
  }

  // "name/version state" of every version.
  std::vector<std::string> States() {
    std::vector<std::string> states;
    for (const ModelVersion& version : repository_->List()) {
      states.push_back(absl::StrCat(version.location.name, "/",
                                    version.location.version, " ",
                                    StateName(version.state)));
    }
    return states;
  }

  TempDir dir_;
  std::unique_ptr<ModelRepository> repository_;
};

// Who names no version gets the newest, who names one gets that.
TEST_F(RepositoryTest, NewestVersionIsTheDefault) {
  Write("en/1");
  Write("en/2");
  ASSERT_THAT(Load(), IsOk());
  EXPECT_EQ(repository_->Get("en").value().version, 2);
  EXPECT_EQ(repository_->Get("en", 1).value().version, 1);
}

// One bad bundle is reported; the others serve.
TEST_F(RepositoryTest, FailedVersionKeepsNoOtherFromServing) {
  Write("en/1");
  WriteBroken("en/2");
  ASSERT_THAT(Load(), IsOk());
  EXPECT_THAT(States(), ElementsAre("en/2 failed", "en/1 ready"));
  EXPECT_EQ(repository_->Get("en").value().version, 1);
  EXPECT_THAT(repository_->Get("en", 2),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("\"en\" version 2 could not be loaded"),
                             HasSubstr("ready: en version 1"))));
}

// It would be ready and then fail, or be slow, at every request.
TEST_F(RepositoryTest, LanguageModelThatCannotCompleteIsNotServed) {
  Write("en/1");
  const struct {
    const char* name;
    const char* pointer;
    json value;
    const char* error;
  } cases[] = {{"adaptive", "/network/cutoffs", {2}, "an adaptive softmax"},
               {"pieces", "/tokenizer/kind", "subword", "found \"subword\""}};
  for (const auto& test : cases) {
    const std::string bundle = absl::StrCat(test.name, "/1");
    Write(bundle);
    const std::string path = dir_.File(bundle + "/manifest.json");
    json manifest = json::parse(*ReadFile(path));
    manifest[json::json_pointer(test.pointer)] = test.value;
    ASSERT_THAT(WriteFileAtomically(path, manifest.dump()), IsOk());
  }
  ASSERT_THAT(Load(), IsOk());
  EXPECT_THAT(States(), ElementsAre("adaptive/1 failed", "en/1 ready",
                                    "pieces/1 failed"));
  EXPECT_THAT(
      repository_->List()[0].error,
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr(cases[0].error)));
  EXPECT_THAT(
      repository_->List()[2].error,
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr(cases[1].error)));
}

// A bundle that is well but fits into no request is told as such, unread.
TEST_F(RepositoryTest, ForecasterTooWideForAMessageIsNotServed) {
  constexpr int kWindow = 60000;
  Write("en/1");
  json series = json::array();
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    series.push_back({{"name", name}, {"mean", 0}, {"standard_deviation", 1}});
  }
  const std::vector<float> step(5);
  const json manifest = {
      {"format_version", 1},
      {"task", "forecaster"},
      {"network",
       {{"rnn", {{"cell", "gru"}, {"hidden", 2}, {"layers", 1}}},
        {"window", kWindow},
        {"horizon", 1},
        {"mode", "direct"}}},
      {"series", series},
      {"files",
       {{"weights.safetensors",
         {{"sha256", std::string(64, 'a')}, {"bytes", 1}}}}},
      {"self_test",
       {{"tolerance", 0.1},
        {"cases",
         {{{"window", std::vector<std::vector<float>>(kWindow, step)},
           {"forecast", {step}}}}}}}};
  ASSERT_THAT(MakeDirectories(dir_.File("series/1")), IsOk());
  ASSERT_THAT(
      WriteFileAtomically(dir_.File("series/1/manifest.json"), manifest.dump()),
      IsOk());
  ASSERT_THAT(Load(), IsOk());
  EXPECT_THAT(States(), ElementsAre("en/1 ready", "series/1 failed"));
  EXPECT_THAT(repository_->List()[1].error,
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("at most 262144 values")));
}

// A server without a model is of no use: it must say why for each.
TEST_F(RepositoryTest, NoReadyVersionIsAnErrorWithEveryReason) {
  WriteBroken("en/1");
  std::filesystem::create_directories(dir_.File("fr/1"));
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("en/1: "), HasSubstr("fr/1: "),
                                     HasSubstr("weights.safetensors"),
                                     HasSubstr("manifest.json"))));
}

// The message is what a person needs to correct the request.
TEST_F(RepositoryTest, UnknownNameOrVersionSaysWhatThereIs) {
  Write("en/1");
  Write("en/3");
  Write("fr/2");
  ASSERT_THAT(Load(), IsOk());
  const auto tells = HasSubstr("ready: en version 3, 1; fr version 2");
  EXPECT_THAT(repository_->Get("de"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("\"de\" is not here"), tells)));
  EXPECT_THAT(
      repository_->Get("en", 2),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("\"en\" version 2 is not here"), tells)));
}

// While the server starts, versions are listed but not served.
TEST_F(RepositoryTest, VersionIsLoadingUntilItIsLoaded) {
  Write("en/1");
  Open();
  EXPECT_THAT(States(), ElementsAre("en/1 loading"));
  EXPECT_THAT(
      repository_->Get("en"),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("is being loaded"), HasSubstr("ready: none"))));
}

// A signal during a long start is not ignored until its end.
TEST_F(RepositoryTest, LoadingStopsWhenAsked) {
  Write("en/1");
  Write("en/2");
  Open();
  int asked = 0;
  EXPECT_THAT(repository_->LoadAll([&] { return ++asked > 1; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(States(), ElementsAre("en/2 ready", "en/1 loading"));
}

// The models that can serve a request without a name.
TEST_F(RepositoryTest, NamesAreThoseOfReadyModelsForTheTask) {
  Write("en/1");
  Write("en/2");
  Write("fr/1");
  WriteBroken("xx/1");
  ASSERT_THAT(Load(), IsOk());
  EXPECT_THAT(repository_->NamesFor(Task::kLanguageModel),
              ElementsAre("en", "fr"));
  EXPECT_THAT(repository_->NamesFor(Task::kClassifier), IsEmpty());
}

// The server's flags decide for all of its models. Asking for f32 is the way
// out where int8 costs too much.
TEST_F(RepositoryTest, LoadsInThePrecisionAskedFor) {
  Write("en/1");
  ASSERT_THAT(
      RecordPrecision(dir_.File("en/1"), Precision::kInt8, TinyRecord(0.04)),
      IsOk());
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("costs 4.00 % of perplexity")));
  auto repository =
      ModelRepository::Open(dir_.path(), {.precision = Precision::kF32});
  ASSERT_THAT(repository, IsOk());
  ASSERT_THAT((*repository)->LoadAll([] { return false; }), IsOk());
  EXPECT_EQ((*repository)->Get("en")->model->precision(), Precision::kF32);
}

// A handle is a hold: the repository may go first.
TEST_F(RepositoryTest, HandleOutlivesTheRepository) {
  Write("en/1");
  ASSERT_THAT(Load(), IsOk());
  const ModelHandle handle = repository_->Get("en").value();
  repository_.reset();
  EXPECT_EQ(handle.model->task(), Task::kLanguageModel);
}

// No models at all is told before anything is loaded.
TEST_F(RepositoryTest, EmptyDirectoryIsAnError) {
  EXPECT_THAT(ModelRepository::Open(dir_.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no bundle")));
}

}  // namespace
}  // namespace carousel
