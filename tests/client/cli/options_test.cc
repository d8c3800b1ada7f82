// SPDX-License-Identifier: Apache-2.0
#include "client/cli/options.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<Options> Parse(const std::vector<std::string>& arguments) {
  return ParseOptions(arguments);
}

// Flags stand before or behind the command, as people write them.
TEST(OptionsTest, FlagsMayStandAnywhere) {
  const auto options =
      Parse({"--server=h:1", "complete", "a b", "--json", "--model", "m",
             "--version=3", "c", "--max_suggestions=9", "--timeout=50ms"});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->command, "complete");
  EXPECT_THAT(options->arguments, ElementsAre("a b", "c"));
  EXPECT_EQ(options->server, "h:1");
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->model, "m");
  EXPECT_EQ(options->version, 3);
  EXPECT_EQ(options->max_suggestions, 9);
  EXPECT_EQ(options->timeout, absl::Milliseconds(50));
}

// New texts for each load, or a cache would answer the second.
TEST(OptionsTest, SeedIsThatOfALoad) {
  EXPECT_FALSE(Parse({"load"})->load.seed.has_value());
  EXPECT_EQ(Parse({"load", "--seed=0"})->load.seed, 0u);
  EXPECT_THAT(Parse({"load", "--seed=x"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--seed: expected a whole number from 0")));
}

// A text may look like a flag, and a flag may come twice: the last one counts.
TEST(OptionsTest, WhatFollowsTwoDashesIsNoFlag) {
  const auto options =
      Parse({"complete", "--model=a", "--model=b", "--", "--json", "--"});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->model, "b");
  EXPECT_FALSE(options->json);
  EXPECT_THAT(options->arguments, ElementsAre("--json", "--"));
}

TEST(OptionsTest, TheServerMayComeFromTheEnvironment) {
  setenv("CAROUSEL_SERVER", "env:1", 1);
  EXPECT_EQ(Parse({"models"})->server, "env:1");
  EXPECT_EQ(Parse({"models", "--server=flag:1"})->server, "flag:1");
  unsetenv("CAROUSEL_SERVER");
  EXPECT_EQ(Parse({"models"})->server, "127.0.0.1:50051");
}

// As people name them, and as the table of models shows them.
TEST(OptionsTest, ModelMayNameItsVersionOrLabel) {
  auto options = Parse({"score", "--model=en"});
  EXPECT_EQ(options->model, "en");
  EXPECT_EQ(options->label, "");
  EXPECT_FALSE(options->version.has_value());
  options = Parse({"complete", "--model=en@canary"});
  EXPECT_EQ(options->model, "en");
  EXPECT_EQ(options->label, "canary");
  options = Parse({"load", "--model=en/3"});
  EXPECT_EQ(options->model, "en");
  EXPECT_EQ(options->version, 3);
  options = Parse({"explain", "--model=en@x", "--model=en/3", "--model=fr"});
  EXPECT_EQ(options->model, "fr");
  EXPECT_EQ(options->label, "");
  EXPECT_FALSE(options->version.has_value());
  for (const char* name : {"en/", "en/0", "en/x", "en@", "@x", "/1", "/"}) {
    EXPECT_THAT(Parse({"complete", absl::StrCat("--model=", name)}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected NAME, NAME/VERSION or")))
        << name;
  }
  for (const char* name : {"en/2", "en@stable"}) {
    EXPECT_THAT(
        Parse({"complete", absl::StrCat("--model=", name), "--version=2"}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("expected one version or label")));
  }
}

// Loading takes longer than answering.
TEST(OptionsTest, ReloadWaitsLonger) {
  EXPECT_EQ(Parse({"reload"})->reload_timeout, absl::Minutes(10));
  EXPECT_EQ(Parse({"reload", "--timeout=7s"})->reload_timeout,
            absl::Seconds(7));
}

TEST(OptionsTest, MistakesAreNamed) {
  const auto is_refused = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(Parse({"--nope"}), is_refused("unknown flag --nope"));
  EXPECT_THAT(Parse({"--json=1"}), is_refused("--json takes no value"));
  EXPECT_THAT(Parse({"--model"}), is_refused("--model needs a value"));
  EXPECT_THAT(Parse({"--version=0"}),
              is_refused("--version: expected a whole number from 1"));
  EXPECT_THAT(Parse({"--timeout=5"}),
              is_refused("--timeout: expected a duration"));
  EXPECT_THAT(Parse({"--timeout=-1s"}), is_refused("found \"-1s\""));
  for (const char* flag :
       {"--max_suggestions=x", "--max_suggestions=0", "--max_suggestions=101",
        "--max_words=11", "--beam_size=17", "--max_translations=6",
        "--horizon=0"}) {
    EXPECT_THAT(Parse({flag}), is_refused("expected a whole number from 1"));
  }
  EXPECT_THAT(Parse({"--min_confidence=1.5"}),
              is_refused("expected a number from 0 to 1, found \"1.5\""));
  EXPECT_THAT(Parse({"complete", "--version=1"}),
              is_refused("needs a --model"));
  EXPECT_THAT(Parse({"models", "--model=m"}), is_refused("takes no --model"));
}

}  // namespace
}  // namespace carousel
