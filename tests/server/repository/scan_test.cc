// SPDX-License-Identifier: Apache-2.0

#include "server/repository/scan.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ScanTest : public testing::Test {
 protected:
  void Make(const std::string& path) {
    std::filesystem::create_directories(dir_.File(path));
  }

  // "name/version" of what is found.
  std::vector<std::string> Scan() {
    std::vector<std::string> found;
    const auto bundles = ScanBundles(dir_.path());
    EXPECT_THAT(bundles, IsOk());
    if (!bundles.ok()) return found;
    for (const BundleLocation& bundle : *bundles) {
      found.push_back(absl::StrCat(bundle.name, "/", bundle.version));
      EXPECT_EQ(bundle.directory, dir_.File(found.back()));
    }
    return found;
  }

  TempDir dir_;
};

// The order is that of serving: 10 is newer than 9.
TEST_F(ScanTest, SortsByNameThenNewestFirst) {
  for (const char* path : {"b/1", "a/9", "a/10", "a/1"}) Make(path);
  EXPECT_THAT(Scan(), ElementsAre("a/10", "a/9", "a/1", "b/1"));
}

// Leftovers, notes and Kubernetes' own entries are no bundles.
TEST_F(ScanTest, PassesOverWhatIsNotABundle) {
  for (const char* path : {"a/1", "a/0", "a/01", "a/-1", "a/+1", "a/1.tmp",
                           "a/latest", "a/99999999999999999999", ".hidden/1",
                           "..data/1", "with space/1", "empty"}) {
    Make(path);
  }
  ASSERT_THAT(WriteFileAtomically(dir_.File("README.md"), "x"), IsOk());
  ASSERT_THAT(WriteFileAtomically(dir_.File("a/2"), "a file"), IsOk());
  EXPECT_THAT(Scan(), ElementsAre("a/1"));
}

// Volumes are often links.
TEST_F(ScanTest, FollowsLinks) {
  Make("real/3");
  std::filesystem::create_directory_symlink("real", dir_.File("link"));
  EXPECT_THAT(Scan(), ElementsAre("link/3", "real/3"));
}

// Each way of having no models gets its own words.
TEST_F(ScanTest, NoBundleIsAnErrorThatSaysWhatIsExpected) {
  EXPECT_THAT(ScanBundles(dir_.path()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(dir_.path()),
                             HasSubstr("NAME/VERSION/manifest.json"))));
}

TEST_F(ScanTest, MissingDirectoryIsNamed) {
  EXPECT_THAT(
      ScanBundles(dir_.File("none")),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr(dir_.File("none")), HasSubstr("No such file"))));
}

TEST_F(ScanTest, FileInPlaceOfTheDirectoryIsNamed) {
  ASSERT_THAT(WriteFileAtomically(dir_.File("file"), "x"), IsOk());
  EXPECT_THAT(ScanBundles(dir_.File("file")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Not a directory")));
}

}  // namespace
}  // namespace carousel
