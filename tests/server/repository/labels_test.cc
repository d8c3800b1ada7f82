// SPDX-License-Identifier: Apache-2.0

#include "server/repository/labels.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(LabelsTest, NamesVersions) {
  const auto labels =
      ParseLabels(R"({"stable": 3, "canary": 4, "a-b_c2": 9007199254740993})");
  ASSERT_THAT(labels, IsOk());
  EXPECT_THAT(*labels,
              UnorderedElementsAre(Pair("stable", 3), Pair("canary", 4),
                                   Pair("a-b_c2", int64_t{9007199254740993})));
  EXPECT_THAT(ParseLabels("{}").value(), IsEmpty());
  const std::string longest(63, 'a');
  EXPECT_THAT(ParseLabels(absl::StrCat("{\"", longest, "\": 1}")), IsOk());
}

// Each says what was expected, in printable ASCII and not at any length.
TEST(LabelsTest, AnythingElseIsRefused) {
  const struct {
    std::string json;
    const char* error;
  } cases[] = {
      {"", "expected a JSON object"},
      {"[]", "expected a JSON object"},
      {"null", "expected a JSON object"},
      {R"({"stable": 3)", "expected a JSON object"},
      {"{\"stable\": 3} x", "expected a JSON object"},
      {"{\"\xff\": 3}", "expected a JSON object"},
      {R"({"stable": 0})", "a positive integer, found 0"},
      {R"({"stable": -1})", "found -1"},
      {R"({"stable": 1.5})", "found 1.5"},
      {R"({"stable": 18446744073709551615})", "found 18446744073709551615"},
      {R"({"stable": 1e3})", "found 1000.0"},
      {R"({"stable": "3"})", "found \"3\""},
      {R"({"stable": null})", "found null"},
      {R"({"stable": {"version": 3}})", "found {\"version\":3}"},
      {R"({"stable": true})", "found true"},
      {R"({"stable": 3, "canary": 4, "stable": 5})",
       "label \"stable\" is there twice"},
      {R"({"Stable": 3})", "a letter first, found \"Stable\""},
      {R"({"": 3})", "found \"\""},
      {R"({"3": 3})", "found \"3\""},
      {R"({"a b": 3})", "found \"a b\""},
      {R"({"a/b": 3})", "found \"a/b\""},
      {"{\"caf\xc3\xa9\": 3}", "found \"caf\\u00e9\""},
      {absl::StrCat("{\"", std::string(64, 'a'), "\": 1}"), "1 to 63"},
      {absl::StrCat("{\"a\": \"", std::string(5000, 'x'), "\"}"), "..."},
      {std::string(20000, '['), "expected a JSON object"},
  };
  for (const auto& test : cases) {
    const absl::Status status = ParseLabels(test.json).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr(test.error)))
        << test.json.substr(0, 100);
    EXPECT_LT(status.message().size(), 300u);
  }
}

TEST(LabelsTest, ThereMayBeSixtyFour) {
  std::string json = "{";
  for (int i = 0; i < 64; ++i) absl::StrAppend(&json, "\"l", i, "\": 1, ");
  EXPECT_THAT(ParseLabels(absl::StrCat(json, "\"x\": 1}")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 64 labels, found 65")));
  json.resize(json.size() - 2);
  EXPECT_THAT(ParseLabels(absl::StrCat(json, "}")), IsOk());
}

TEST(LabelsTest, FileIsOptionalAndNamedInErrors) {
  TempDir dir;
  EXPECT_THAT(ReadLabels(dir.path()).value(), IsEmpty());
  const std::string path = dir.File("labels.json");
  ASSERT_THAT(WriteFileAtomically(path, R"({"stable": 2})"), IsOk());
  EXPECT_THAT(ReadLabels(dir.path()).value(),
              UnorderedElementsAre(Pair("stable", 2)));
  ASSERT_THAT(WriteFileAtomically(path, R"({"stable": 0})"), IsOk());
  EXPECT_THAT(ReadLabels(dir.path()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path), HasSubstr("found 0"))));
  ASSERT_THAT(WriteFileAtomically(path, std::string(1 << 17, ' ')), IsOk());
  EXPECT_THAT(ReadLabels(dir.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_THAT(ReadLabels(dir.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
}

}  // namespace
}  // namespace carousel
