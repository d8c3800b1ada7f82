// SPDX-License-Identifier: Apache-2.0
#include "client/cli/model_name.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

TEST(ModelNameTest, NamesAVersionALabelOrNeither) {
  const auto name = ParseModelName("autocomplete-en");
  ASSERT_THAT(name, IsOk());
  EXPECT_EQ(name->name(), "autocomplete-en");
  EXPECT_FALSE(name->has_version());
  EXPECT_EQ(name->label(), "");
  const auto version = ParseModelName("en/9223372036854775807");
  ASSERT_THAT(version, IsOk());
  EXPECT_EQ(version->name(), "en");
  EXPECT_EQ(version->version(), 9223372036854775807);
  const auto label = ParseModelName("en@canary");
  ASSERT_THAT(label, IsOk());
  EXPECT_EQ(label->name(), "en");
  EXPECT_EQ(label->label(), "canary");
  EXPECT_FALSE(label->has_version());
}

TEST(ModelNameTest, AnythingElseIsQuotedWithWhatIsExpected) {
  for (const char* text :
       {"", "/", "@", "/3", "@canary", "en/", "en@", "en/0", "en/-1", "en/x",
        "en/1x", "en@canary/x", "en/9223372036854775808"}) {
    EXPECT_THAT(
        ParseModelName(text),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("model \"", text,
                                        "\": expected NAME, NAME/VERSION"))))
        << text;
  }
}

}  // namespace
}  // namespace carousel
