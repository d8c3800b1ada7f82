// SPDX-License-Identifier: Apache-2.0

#include "server/repository/reload_plan.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using Kind = ReloadStep::Kind;

// A version in letters: w(anted), s(erving), l(abelled), c(urrent), t(ried).
VersionSituation Is(const std::string& name, const std::string& letters) {
  const auto has = [&](char letter) {
    return letters.find(letter) != std::string::npos;
  };
  return {.name = name,
          .wanted = has('w'),
          .serving = has('s'),
          .labelled = has('l'),
          .current = has('c'),
          .tried = has('t')};
}

// "load 1", "unload 0", "labels" or "done".
std::string Next(const std::vector<VersionSituation>& versions,
                 bool labels_set) {
  const ReloadStep step = NextReloadStep(versions, labels_set);
  switch (step.kind) {
    case Kind::kLoad:
      return absl::StrCat("load ", step.which);
    case Kind::kUnload:
      return absl::StrCat("unload ", step.which);
    case Kind::kSetLabels:
      return "labels";
    case Kind::kDone:
      return "done";
  }
  return "";
}

// Situation, whether the labels are set, what is done, and why.
TEST(ReloadPlanTest, NextStepFollowsFromTheSituation) {
  const struct {
    const char* why;
    std::vector<VersionSituation> versions;
    bool labels_set;
    const char* next;
  } cases[] = {
      {"nothing is there", {}, true, "done"},
      {"nothing has changed", {Is("a", "wsc"), Is("b", "wsc")}, true, "done"},
      {"labels may have changed", {Is("a", "wsc")}, false, "labels"},
      {"a version has come", {Is("a", "w"), Is("a", "wsc")}, false, "load 0"},
      {"its manifest has changed",
       {Is("a", "wsc"), Is("b", "ws")},
       false,
       "load 1"},
      {"it failed before this reload", {Is("a", "w")}, false, "load 0"},
      {"it failed in this reload", {Is("a", "wt")}, true, "done"},
      {"its change could not be loaded", {Is("a", "wst")}, true, "done"},
      {"it did not stay as it was loaded", {Is("a", "wst")}, false, "labels"},
      {"the newest is loaded first",
       {Is("a", "w"), Is("a", "w")},
       false,
       "load 0"},
      {"its replacement is not ready yet",
       {Is("a", "w"), Is("a", "s")},
       false,
       "load 0"},
      {"labels move before what they name goes",
       {Is("a", "wsct"), Is("a", "s")},
       false,
       "labels"},
      {"its replacement is ready",
       {Is("a", "wsct"), Is("a", "s")},
       true,
       "unload 1"},
      {"an older version replaces it",
       {Is("a", "s"), Is("a", "wsc")},
       true,
       "unload 0"},
      {"its replacement has failed",
       {Is("a", "wt"), Is("a", "s")},
       true,
       "done"},
      {"a label still names it",
       {Is("a", "wsct"), Is("a", "sl")},
       true,
       "done"},
      {"another model does not replace it",
       {Is("a", "s"), Is("a", "wt"), Is("b", "wsc")},
       true,
       "done"},
      {"its model has gone: room for what has come",
       {Is("a", "w"), Is("b", "s")},
       false,
       "unload 1"},
      {"its model has gone, label and all",
       {Is("a", "wsc"), Is("b", "sl")},
       false,
       "unload 1"},
      {"it had failed and has gone",
       {Is("a", "w"), Is("a", "")},
       false,
       "unload 1"},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(Next(test.versions, test.labels_set), test.next) << test.why;
  }
}

// Whatever the situation, carrying the steps out comes to an end, with nothing
// left that should have been done.
TEST(ReloadPlanTest, StepsEndInEverySituationOfThreeVersions) {
  const auto situation = [](int bits) {
    return VersionSituation{.name = bits & 1 ? "a" : "b",
                            .wanted = (bits & 2) != 0,
                            .serving = (bits & 4) != 0,
                            .labelled = (bits & 12) == 12,
                            .current = (bits & 22) == 22};
  };
  for (int bits = 0; bits < 1 << 15; ++bits) {
    for (const bool loads : {false, true}) {
      std::vector<VersionSituation> versions = {situation(bits & 31),
                                                situation(bits >> 5 & 31),
                                                situation(bits >> 10)};
      bool labels_set = false;
      int steps = 0;
      for (ReloadStep step;
           (step = NextReloadStep(versions, labels_set)).kind != Kind::kDone;) {
        ASSERT_LT(++steps, 8) << bits;
        if (step.kind == Kind::kSetLabels) {
          labels_set = true;
        } else if (step.kind == Kind::kUnload) {
          ASSERT_FALSE(versions[step.which].wanted);
          versions.erase(versions.begin() + static_cast<int>(step.which));
        } else {
          VersionSituation& version = versions[step.which];
          ASSERT_TRUE(version.wanted && !version.tried);
          version.tried = true;
          if (loads) version.serving = version.current = true;
        }
      }
      ASSERT_TRUE(labels_set);
      for (const VersionSituation& version : versions) {
        if (version.wanted) {
          ASSERT_TRUE(version.tried || (version.serving && version.current));
        } else {
          ASSERT_TRUE(version.serving);
        }
      }
    }
  }
}

}  // namespace
}  // namespace carousel
