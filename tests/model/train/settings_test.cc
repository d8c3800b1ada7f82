// SPDX-License-Identifier: Apache-2.0

#include "model/train/settings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

enum class Colour { kRed, kBlue };

struct Config {
  int64_t count = 3;
  float rate = 0.1f;
  std::vector<int> sizes = {1};
  Colour colour = Colour::kRed;
};

VisitSettings Visit(Config* config) {
  return [config](SettingsVisitor* v) {
    v->Number("a", "count", &config->count, 0, 10);
    v->Number("a", "rate", &config->rate, 0, SettingsVisitor::kAny);
    v->Numbers("b", "sizes", &config->sizes, 1, 9);
    v->Enum("b", "colour", &config->colour,
            {{"red", Colour::kRed}, {"blue", Colour::kBlue}});
  };
}

absl::Status Read(absl::string_view json, Config* config) {
  return ReadSettings(json, {}, Visit(config));
}

// A file says what it wants to be different.
TEST(SettingsTest, WhatIsNotMentionedIsLeftAsItIs) {
  Config config;
  ASSERT_THAT(Read(R"({"b": {"sizes": [2, 3], "colour": "blue"}})", &config),
              IsOk());
  EXPECT_EQ(config.count, 3);
  EXPECT_THAT(config.sizes, ElementsAre(2, 3));
  EXPECT_EQ(config.colour, Colour::kBlue);
}

TEST(SettingsTest, WrittenSettingsReadBackAsTheSame) {
  Config config = {
      .count = 7, .rate = 0.3f, .sizes = {}, .colour = Colour::kBlue};
  const std::string text = WriteSettings(Visit(&config));
  EXPECT_THAT(text, HasSubstr("\"rate\": 0.3\n"));
  Config again;
  ASSERT_THAT(Read(text, &again), IsOk());
  EXPECT_EQ(WriteSettings(Visit(&again)), text);
}

// The person who wrote the file must find the place.
TEST(SettingsTest, SyntaxErrorNamesTheLine) {
  Config config;
  EXPECT_THAT(Read("{\n  \"a\": {\n    \"count\": 3,,\n  }\n}", &config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("syntax error at line 3")));
  EXPECT_THAT(Read("", &config), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("syntax error at line 1")));
  EXPECT_THAT(Read(R"({"a": {"count": 3, "count": 4}})", &config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("key \"count\": expected once, found twice")));
}

TEST(SettingsTest, WrongValueIsRefusedByName) {
  Config config;
  for (const auto& [json, expected] :
       std::vector<std::pair<std::string, std::string>>{
           {R"({"a": {"count": 11}})", "a.count: expected 0 to 10, found 11"},
           {R"({"a": {"rate": -1}})", "a.rate: expected at least 0, found -1"},
           {R"({"a": {"rate": 1e39}})",
            "a.rate: expected 0 to 3.40282e+38, found 1e+39"},
           {R"({"b": {"sizes": [1, 10]}})", "b.sizes: expected 1 to 9"},
           {R"({"b": {"colour": "green"}})", "expected red or blue"},
           {R"({"a": {"cuont": 1}})", "unknown setting a.cuont"},
           {R"({"c": {}})", "unknown setting c"},
           {R"([1])", "expected a JSON object"}}) {
    EXPECT_THAT(
        Read(json, &config),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(expected)))
        << json;
  }
}

TEST(SettingsTest, DifferenceIsNamedWithBothValues) {
  Config before, after;
  EXPECT_THAT(CheckSameSettings(Visit(&before), Visit(&after)), IsOk());
  after.sizes = {2};
  EXPECT_THAT(CheckSameSettings(Visit(&before), Visit(&after)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("b.sizes is [2], but the checkpoint was made "
                                 "with [1]")));
}

}  // namespace
}  // namespace carousel
