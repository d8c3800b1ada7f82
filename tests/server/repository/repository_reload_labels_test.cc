// SPDX-License-Identifier: Apache-2.0
//
// Labels, and what Reload makes of them.

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "tests/server/repository/repository_reload_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
