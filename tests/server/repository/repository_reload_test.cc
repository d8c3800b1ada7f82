// SPDX-License-Identifier: Apache-2.0
//
// What Reload makes of a directory that has changed.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "server/repository/repository.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RepositoryReloadTest : public testing::Test {
 protected:
  void Write(const std::string& name_and_version, uint64_t seed = 1) {
    std::filesystem::remove_all(dir_.File(name_and_version));
    ASSERT_THAT(WriteTinyBundle(dir_.File(name_and_version),
                                {"the", "house", "home"}, seed),
                IsOk());
  }

  void Remove(const std::string& path) {
    std::filesystem::remove_all(dir_.File(path));
  }

  // Cuts its weights off, and has the manifest say something else.
  void Break(const std::string& name_and_version) {
    Write(name_and_version, 7);
    const std::string weights =
        dir_.File(name_and_version + "/weights.safetensors");
    std::filesystem::resize_file(weights,
                                 std::filesystem::file_size(weights) - 1);
  }

  void WriteLabels(const std::string& name, const std::string& json) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name + "/labels.json"), json),
                IsOk());
  }

  void Start() {
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
  }

  // What it did, e.g. "+en/2 ~en/1 -en/3 !en/4 !en".
  std::string Reload() {
    const absl::StatusOr<ReloadReport> report = repository_->Reload(
        [this](const std::string& directory) {
          loaded_.push_back(directory);
          if (on_load_) on_load_();
          return LoadServed(directory, {});
        },
        [] { return false; });
    EXPECT_THAT(report, IsOk());
    std::string text;
    const auto add = [&](const char* mark, const auto& locations) {
      for (const BundleLocation& location : locations) {
        absl::StrAppend(&text, text.empty() ? "" : " ", mark, location.name,
                        "/", location.version);
      }
    };
    add("+", report->added);
    add("~", report->reloaded);
    add("-", report->removed);
    for (const ReloadReport::Failure& failure : report->failed) {
      absl::StrAppend(&text, text.empty() ? "" : " ", "!", failure.name);
      if (failure.version > 0) absl::StrAppend(&text, "/", failure.version);
      errors_.push_back(failure.error);
    }
    return text;
  }

  ModelVersion Version(const std::string& name, int64_t version) {
    for (const ModelVersion& known : repository_->List()) {
      if (known.location.name == name && known.location.version == version) {
        return known;
      }
    }
    ADD_FAILURE() << name << "/" << version << " is not listed";
    return {};
  }

  // The version that a request gets.
  int64_t Default(const std::string& name = "en") {
    return repository_->Get(name).value().version;
  }
  int64_t Labelled(const std::string& label) {
    return repository_->GetLabelled("en", label).value().version;
  }

  TempDir dir_;
  std::unique_ptr<ModelRepository> repository_;
  std::vector<std::string> loaded_;
  std::vector<absl::Status> errors_;
  std::function<void()> on_load_;
};

TEST_F(RepositoryReloadTest, NothingIsTouchedWhereNothingHasChanged) {
  Write("en/1");
  Start();
  const auto model = repository_->Get("en")->model;
  EXPECT_EQ(Reload(), "");
  EXPECT_THAT(loaded_, IsEmpty());
  EXPECT_EQ(repository_->Get("en")->model, model);
}

TEST_F(RepositoryReloadTest, VersionThatHasComeIsAdded) {
  Write("en/1");
  Start();
  Write("en/2");
  Write("fr/1");
  EXPECT_EQ(Reload(), "+en/2 +fr/1");
  EXPECT_EQ(Default(), 2);
  EXPECT_EQ(repository_->Get("en", 1)->version, 1);
  EXPECT_EQ(Default("fr"), 1);
}

// Requests get the old one until the moment that the new one is ready.
TEST_F(RepositoryReloadTest, VersionThatHasGoneServesUntilItsReplacementDoes) {
  Write("en/1");
  Start();
  Write("en/2");
  Remove("en/1");
  on_load_ = [this] {
    EXPECT_EQ(Default(), 1);
    EXPECT_EQ(Version("en", 2).state, ModelVersion::State::kLoading);
  };
  EXPECT_EQ(Reload(), "+en/2 -en/1");
  EXPECT_EQ(Default(), 2);
  EXPECT_THAT(
      repository_->Get("en", 1),
      StatusIs(absl::StatusCode::kNotFound,
               HasSubstr("version 1 is not here; ready: en version 2")));
}

// Its content counts, not its date.
TEST_F(RepositoryReloadTest, VersionThatHasChangedIsLoadedAgain) {
  Write("en/1", 1);
  Start();
  const auto before = repository_->Get("en")->model;
  Write("en/1", 1);
  EXPECT_EQ(Reload(), "");
  Write("en/1", 2);
  on_load_ = [&] { EXPECT_EQ(repository_->Get("en")->model, before); };
  EXPECT_EQ(Reload(), "~en/1");
  EXPECT_NE(repository_->Get("en")->model, before);
  EXPECT_THAT(Version("en", 1).reload_error, IsOk());
}

TEST_F(RepositoryReloadTest, FailureKeepsTheOldOneServingAndShows) {
  Write("en/1");
  Start();
  const auto before = repository_->Get("en")->model;
  Break("en/1");
  Break("en/2");
  EXPECT_EQ(Reload(), "!en/2 !en/1");
  EXPECT_EQ(repository_->Get("en")->model, before);
  EXPECT_THAT(
      Version("en", 1).reload_error,
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("weights.safetensors")));
  EXPECT_EQ(Version("en", 1).state, ModelVersion::State::kReady);
  EXPECT_EQ(Version("en", 2).state, ModelVersion::State::kFailed);
  EXPECT_THAT(Version("en", 2).error, StatusIs(absl::StatusCode::kDataLoss));

  // Another try, when the bundle is whole.
  Write("en/1", 3);
  Write("en/2");
  EXPECT_EQ(Reload(), "+en/2 ~en/1");
  EXPECT_THAT(Version("en", 1).reload_error, IsOk());
}

// The error told of a bundle that is not there any more.
TEST_F(RepositoryReloadTest, ErrorIsForgottenWhenTheOldBundleIsBack) {
  Write("en/1");
  Start();
  Break("en/1");
  EXPECT_EQ(Reload(), "!en/1");
  Write("en/1");
  EXPECT_EQ(Reload(), "");
  EXPECT_THAT(Version("en", 1).reload_error, IsOk());
}

// A copy that is under way has no manifest yet, or none any more.
TEST_F(RepositoryReloadTest, VersionWithoutAManifestIsNoReplacement) {
  Write("en/1");
  Start();
  Remove("en/1/manifest.json");
  std::filesystem::create_directories(dir_.File("en/2"));
  EXPECT_EQ(Reload(), "!en/2 !en/1");
  EXPECT_EQ(Default(), 1);
}

// An old version is better than none.
TEST_F(RepositoryReloadTest, VersionThatHasGoneStaysIfNothingReplacesIt) {
  Write("en/1");
  Start();
  Remove("en/1");
  Break("en/2");
  EXPECT_EQ(Reload(), "!en/2 !en/1");
  EXPECT_EQ(Default(), 1);
  EXPECT_THAT(Version("en", 1).reload_error,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no other version of the model is ready")));
  Write("en/2");
  EXPECT_EQ(Reload(), "+en/2 -en/1");
}

TEST_F(RepositoryReloadTest, ModelThatHasGoneIsUnloaded) {
  Write("en/1");
  Write("fr/1");
  Start();
  Remove("fr");
  EXPECT_EQ(Reload(), "-fr/1");
  EXPECT_THAT(repository_->Get("fr"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(repository_->NamesFor(Task::kLanguageModel), ElementsAre("en"));
}

// A failed version is forgotten with its directory.
TEST_F(RepositoryReloadTest, FailedVersionThatHasGoneIsListedNoMore) {
  Write("en/1");
  Break("en/2");
  Start();
  Remove("en/2");
  EXPECT_EQ(Reload(), "");
  EXPECT_THAT(repository_->List(), SizeIs(1));
}

// A volume that is not mounted does not empty the server.
TEST_F(RepositoryReloadTest, DirectoryWithoutBundlesChangesNothing) {
  Write("en/1");
  Start();
  std::filesystem::rename(dir_.File("en"), dir_.File(".en"));
  const auto load = [](const std::string&) {
    return absl::StatusOr<std::shared_ptr<const Model>>(
        absl::InternalError("not asked for"));
  };
  const auto report = repository_->Reload(load, [] { return false; });
  EXPECT_THAT(report, StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("no bundle in"),
                                     HasSubstr(dir_.path()))));
  EXPECT_EQ(Default(), 1);
}

// The server's end does not wait for all that is to be loaded.
TEST_F(RepositoryReloadTest, StopsBetweenTwoSteps) {
  Write("en/1");
  Start();
  Write("en/2");
  Write("en/3");
  int asked = 0;
  const auto report = repository_->Reload(
      [](const std::string& directory) { return LoadServed(directory, {}); },
      [&] { return ++asked > 1; });
  EXPECT_THAT(report, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(Default(), 3);
  EXPECT_THAT(repository_->Get("en", 2),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("being loaded")));
}

// A request ends with the version that it began with, which then is freed; what
// is loaded meanwhile is told of it.
TEST_F(RepositoryReloadTest, HandleKeepsAVersionThatIsServedNoMore) {
  Write("en/1");
  Start();
  auto handle = repository_->Get("en").value();
  const std::weak_ptr<const Model> old = handle.model;
  Write("en/2");
  Remove("en/1");
  EXPECT_EQ(Reload(), "+en/2 -en/1");
  EXPECT_EQ(handle.model->task(), Task::kLanguageModel);
  EXPECT_THAT(repository_->Alive(), SizeIs(2));
  handle = {};
  EXPECT_TRUE(old.expired());
  EXPECT_THAT(repository_->Alive(), SizeIs(1));
}

// The oldest way to roll back: the newest goes, the one before serves on.
TEST_F(RepositoryReloadTest, OlderVersionReplacesTheNewest) {
  Write("en/1");
  Write("en/2");
  Start();
  Remove("en/2");
  EXPECT_EQ(Reload(), "-en/2");
  EXPECT_EQ(Default(), 1);
}

TEST_F(RepositoryReloadTest, LabelsNameVersions) {
  for (const char* version : {"en/1", "en/2", "en/3"}) Write(version);
  WriteLabels("en", R"({"stable": 1, "canary": 2, "also-canary": 2})");
  Start();
  EXPECT_EQ(Default(), 1);
  EXPECT_EQ(Labelled("stable"), 1);
  EXPECT_EQ(Labelled("canary"), 2);
  EXPECT_EQ(repository_->Get("en", 3)->version, 3);
  EXPECT_THAT(Version("en", 2).labels, ElementsAre("also-canary", "canary"));
  EXPECT_THAT(Version("en", 3).labels, IsEmpty());
}

TEST_F(RepositoryReloadTest, UnknownLabelSaysWhichThereAre) {
  Write("en/1");
  Write("fr/1");
  WriteLabels("en", R"({"stable": 1})");
  Start();
  EXPECT_THAT(
      repository_->GetLabelled("en", "canary"),
      StatusIs(
          absl::StatusCode::kNotFound,
          HasSubstr("\"en\" has no label \"canary\"; labels: stable (1)")));
  EXPECT_THAT(repository_->GetLabelled("fr", "stable"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("labels: none")));
  EXPECT_THAT(
      repository_->GetLabelled("de", "stable"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"de\" is not here")));
}

// One step for clients: no request finds the label without a version.
TEST_F(RepositoryReloadTest, LabelMovesBeforeItsOldVersionGoes) {
  Write("en/1");
  WriteLabels("en", R"({"stable": 1})");
  Start();
  Write("en/2");
  Remove("en/1");
  WriteLabels("en", R"({"stable": 2})");
  on_load_ = [this] { EXPECT_EQ(Labelled("stable"), 1); };
  EXPECT_EQ(Reload(), "+en/2 -en/1");
  EXPECT_EQ(Labelled("stable"), 2);
}

// Back to the newest.
TEST_F(RepositoryReloadTest, LabelsGoWithTheirFile) {
  Write("en/1");
  Write("en/2");
  WriteLabels("en", R"({"stable": 1})");
  Start();
  EXPECT_EQ(Default(), 1);
  Remove("en/labels.json");
  EXPECT_EQ(Reload(), "");
  EXPECT_EQ(Default(), 2);
  EXPECT_THAT(repository_->GetLabelled("en", "stable"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RepositoryReloadTest, BadLabelsLeaveTheOldOnesAndShow) {
  Write("en/1");
  Write("en/2");
  WriteLabels("en", R"({"stable": 1})");
  Start();
  WriteLabels("en", R"({"stable": "2"})");
  EXPECT_EQ(Reload(), "!en");
  EXPECT_EQ(Labelled("stable"), 1);
  EXPECT_THAT(Version("en", 2).labels_error,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("labels.json: label \"stable\"")));
  WriteLabels("en", R"({"stable": 2})");
  EXPECT_EQ(Reload(), "");
  EXPECT_EQ(Labelled("stable"), 2);
  EXPECT_THAT(Version("en", 2).labels_error, IsOk());
}

// A label never leads to nothing.
TEST_F(RepositoryReloadTest, LabelOfAVersionThatFailsStaysWhereItWas) {
  Write("en/1");
  Write("en/2");
  WriteLabels("en", R"({"stable": 1, "canary": 2})");
  Start();
  Break("en/3");
  Remove("en/1");
  WriteLabels("en", R"({"stable": 3, "canary": 2})");
  EXPECT_EQ(Reload(), "!en/3 !en !en/1");
  EXPECT_EQ(Default(), 1);
  EXPECT_EQ(Labelled("canary"), 2);
  EXPECT_THAT(Version("en", 1).labels_error,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("\"stable\": version 3 is not ready, so it "
                                 "stays at version 1")));
  EXPECT_THAT(Version("en", 1).reload_error,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("its label \"stable\"")));
  Write("en/3");
  EXPECT_EQ(Reload(), "+en/3 -en/1");
  EXPECT_EQ(Default(), 3);
}

// What comes as a canary must not be the default until the rest is loaded.
TEST_F(RepositoryReloadTest, LabelsOfVersionsThatServeAreSetFirst) {
  Write("en/1");
  Write("fr/1");
  Start();
  Write("en/2");
  Write("fr/2");
  WriteLabels("en", R"({"stable": 1, "canary": 2})");
  std::vector<int64_t> defaults;
  on_load_ = [&] { defaults.push_back(Default()); };
  EXPECT_EQ(Reload(), "+en/2 +fr/2");
  EXPECT_THAT(defaults, ElementsAre(1, 1));
  EXPECT_EQ(Default(), 1);
}

// An error that is over is not shown for ever.
TEST_F(RepositoryReloadTest, LabelsErrorGoesWithItsCause) {
  Write("en/1");
  Start();
  Break("en/2");
  WriteLabels("en", R"({"stable": 2})");
  Reload();
  EXPECT_FALSE(repository_->List().back().labels_error.ok());
  Remove("en/2");
  WriteLabels("en", R"({"stable": 1})");
  Reload();
  for (const ModelVersion& version : repository_->List()) {
    EXPECT_THAT(version.labels_error, IsOk());
    EXPECT_THAT(version.labels, ElementsAre("stable"));
  }
}

// The directory of a version is taken away, the label forgotten.
TEST_F(RepositoryReloadTest, LabelOfAVersionThatIsNotThereIsLeftOut) {
  Write("en/1");
  Write("en/2");
  WriteLabels("en", R"({"stable": 1, "canary": 2})");
  Start();
  Remove("en/2");
  EXPECT_EQ(Reload(), "-en/2 !en");
  EXPECT_THAT(errors_, ElementsAre(StatusIs(
                           absl::StatusCode::kFailedPrecondition,
                           HasSubstr("version 2 is not in the directory"))));
  EXPECT_EQ(Default(), 1);
  EXPECT_THAT(repository_->GetLabelled("en", "canary"),
              StatusIs(absl::StatusCode::kNotFound));
}

// A start has no old ones.
TEST_F(RepositoryReloadTest, BadLabelsAtTheStartAreNone) {
  Write("en/1");
  Write("en/2");
  WriteLabels("en", "{");
  Start();
  EXPECT_EQ(Default(), 2);
  EXPECT_THAT(Version("en", 1).labels_error,
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Labels of a model that comes back are read anew.
TEST_F(RepositoryReloadTest, LabelsGoWithTheirModel) {
  Write("en/1");
  Write("fr/1");
  Write("fr/2");
  WriteLabels("fr", R"({"stable": 1})");
  Start();
  Remove("fr");
  EXPECT_EQ(Reload(), "-fr/2 -fr/1");
  Write("fr/1");
  Write("fr/2");
  EXPECT_EQ(Reload(), "+fr/2 +fr/1");
  EXPECT_EQ(Default("fr"), 2);
}

}  // namespace
}  // namespace carousel
