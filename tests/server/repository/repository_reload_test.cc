// SPDX-License-Identifier: Apache-2.0
//
// What Reload makes of versions that have come, gone or changed.

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "tests/server/repository/repository_reload_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

}  // namespace
}  // namespace carousel
