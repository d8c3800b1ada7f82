// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/labelled_text.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string WriteTemporary(const std::string& content) {
  static const TempDir directory;
  const std::string path = directory.File("test.tsv");
  EXPECT_THAT(WriteFileAtomically(path, content), IsOk());
  return path;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs Read(const std::string& content, const LabelMap& labels) {
  Pairs pairs;
  EXPECT_TRUE(ForEachLabelledLine(WriteTemporary(content), labels,
                                  [&](const LabelledLine& line) {
                                    pairs.emplace_back(line.label, line.text);
                                    return absl::OkStatus();
                                  })
                  .ok());
  return pairs;
}

std::string ErrorOf(const std::string& content) {
  return std::string(
      ForEachLabelledLine(WriteTemporary(content), {}, [](const LabelledLine&) {
        return absl::OkStatus();
      }).message());
}

// Only the first tab divides; the text may have others.
TEST(LabelledTextTest, LinesAreCutAtTheFirstTab) {
  EXPECT_THAT(
      Read("good\ta fine film\r\nbad\tno\ttabs here\n", {}),
      ElementsAre(Pair("good", "a fine film"), Pair("bad", "no\ttabs here")));
}

// Five grades become two labels, and the middle one is left out.
TEST(LabelledTextTest, MapRenamesAndLeavesOut) {
  const LabelMap map = LabelMap::Parse("0,1:negative; 3,4:positive").value();
  EXPECT_THAT(Read("0\ta\n1\tb\n2\tc\n3\td\n4\te\n", map),
              ElementsAre(Pair("negative", "a"), Pair("negative", "b"),
                          Pair("positive", "d"), Pair("positive", "e")));
}

// Every error says where it is.
TEST(LabelledTextTest, BadLinesAreNamedByFileAndLine) {
  EXPECT_THAT(ErrorOf("a\tb\nno tab\n"), HasSubstr("test.tsv:2: expected"));
  EXPECT_THAT(ErrorOf("a\tb\nno tab\n"), HasSubstr("found no tab"));
  EXPECT_THAT(ErrorOf("\ttext\n"), HasSubstr("tsv:1: "));
  EXPECT_THAT(ErrorOf("\ttext\n"), HasSubstr("found no label"));
  EXPECT_THAT(ErrorOf("a\tb\na\t \n"), HasSubstr("tsv:2: "));
  EXPECT_THAT(ErrorOf("a\t\n"), HasSubstr("found no text"));
  EXPECT_THAT(ErrorOf("a\t\xff\n"), HasSubstr("tsv:1: "));
}

// What the caller finds wrong with a line gets its place too.
TEST(LabelledTextTest, ErrorsOfTheCallerAreNamedByFileAndLine) {
  const absl::Status status = ForEachLabelledLine(
      WriteTemporary("a\tb\nc\td\n"), {}, [](const LabelledLine& line) {
        return line.number == 2 ? absl::InvalidArgumentError("not this one")
                                : absl::OkStatus();
      });
  EXPECT_THAT(status.message(), HasSubstr("tsv:2: not this one"));
}

TEST(LabelMapTest, MapsThatSayNothingAreRefused) {
  const auto message = [](const char* text) {
    return std::string(LabelMap::Parse(text).status().message());
  };
  EXPECT_THAT(message("0,1"), HasSubstr("one colon"));
  EXPECT_THAT(message("0:a:b"), HasSubstr("one colon"));
  EXPECT_THAT(message("0,:a"), HasSubstr("empty label"));
  EXPECT_THAT(message("0:"), HasSubstr("without a name"));
  EXPECT_THAT(message("0:a;0:b"), HasSubstr("\"0\" twice"));
}

}  // namespace
}  // namespace carousel
