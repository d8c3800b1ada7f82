// SPDX-License-Identifier: Apache-2.0

#include "model/weights/strict_json.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// What a lax parser would let through.
TEST(StrictJsonTest, RefusesWhatIsNotPlainJson) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"", "syntax error at line 1, byte"},
      {"{", "syntax error at line 1, byte"},
      {"{} x", "syntax error at line 1, byte 4"},
      {"{\"a\":NaN}", "syntax error"},
      {"{\"a\":1e999}", "syntax error"},
      {"{\"a\":1}/**/", "syntax error"},
      {"\"\xff\"", "syntax error"},
      {std::string("{}\0x", 4), "a NUL at byte 2"},
      {"{\"a\":1,\"a\":1}", "key \"a\": expected once, found twice"},
      {"{\"b\":[{\"a\":1,\"\\u0061\":2}]}", "key \"a\": expected once"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseStrictJson(c.text), StatusIs(kInvalid, HasSubstr(c.error)))
        << c.text;
  }
}

// Equal keys in different objects are no repetition.
TEST(StrictJsonTest, TakesTheSameKeyInAnotherObject) {
  EXPECT_THAT(ParseStrictJson(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"),
              IsOk());
}

// A few kilobytes of brackets must not become a deep document.
TEST(StrictJsonTest, RefusesDeepNesting) {
  EXPECT_THAT(ParseStrictJson(std::string(32, '[') + std::string(32, ']')),
              IsOk());
  EXPECT_THAT(ParseStrictJson(std::string(100'000, '[')),
              StatusIs(kInvalid, HasSubstr("32 levels")));
}

// Values take more memory than text.
TEST(StrictJsonTest, RefusesMillionsOfValues) {
  std::string text = "[0";
  for (int i = 0; i < 1 << 20; ++i) text += ",0";
  EXPECT_THAT(ParseStrictJson(text + "]"),
              StatusIs(kInvalid, HasSubstr("1048576 JSON values")));
}

// An error message is read by a person, whatever the file holds.
TEST(StrictJsonTest, QuotedTextIsShortAndPrintable) {
  EXPECT_EQ(QuoteForMessage("a\n\x01"), "\"a\\n\\x01\"");
  EXPECT_EQ(QuoteForMessage(std::string(1000, 'x')),
            "\"" + std::string(80, 'x') + "...\"");
}

class JsonFieldTest : public testing::Test {
 protected:
  const nlohmann::json document_ = *ParseStrictJson(
      R"({"a":{"n":3,"s":"x","f":1.5,"t":true,"l":[1,-2]},
          "big":18446744073709551615})");
  const JsonField root_{document_, ""};
  const JsonField a_ = *root_.Get("a");
};

TEST_F(JsonFieldTest, ReadsEachType) {
  EXPECT_THAT(a_.Get("n")->Integer(0, 3), IsOkAndHolds(3));
  EXPECT_THAT(a_.Get("s")->String(), IsOkAndHolds("x"));
  EXPECT_THAT(a_.Get("f")->Number(), IsOkAndHolds(1.5));
  EXPECT_THAT(a_.Get("t")->Bool(), IsOkAndHolds(true));
  EXPECT_EQ(a_.Get("l")->Elements()->size(), 2u);
  EXPECT_EQ(a_.Members()->size(), 5u);
  EXPECT_TRUE(root_.Has("a"));
  EXPECT_FALSE(root_.Has("b"));
}

// Path, expected and found: what one needs to mend the file.
TEST_F(JsonFieldTest, ErrorsSayWhereWhatAndFound) {
  EXPECT_THAT(
      a_.Get("s")->Integer(1, 9),
      StatusIs(kInvalid, "a.s: expected an integer from 1 to 9, found \"x\""));
  EXPECT_THAT(a_.Get("n")->Integer(4, 9), StatusIs(kInvalid, HasSubstr("3")));
  EXPECT_THAT(a_.Get("f")->Integer(0, 9),
              StatusIs(kInvalid, HasSubstr("found 1.5")));
  EXPECT_THAT(root_.Get("big")->Integer(INT64_MIN, INT64_MAX),
              StatusIs(kInvalid, HasSubstr("found 18446744073709551615")));
  EXPECT_THAT(a_.Get("q"),
              StatusIs(kInvalid, "a.q: expected a value, found none"));
  EXPECT_THAT(a_.Get("n")->Get("x"),
              StatusIs(kInvalid, "a.n: expected an object, found 3"));
  EXPECT_THAT(a_.Bool(),
              StatusIs(kInvalid, "a: expected true or false, found an object"));
  EXPECT_THAT((*a_.Get("l")->Elements())[1].String(),
              StatusIs(kInvalid, "a.l[1]: expected a string, found -2"));
  EXPECT_THAT(a_.Get("t")->Number(), StatusIs(kInvalid, HasSubstr("a number")));
  EXPECT_THAT(a_.Get("t")->Members(), StatusIs(kInvalid));
  EXPECT_THAT(a_.Get("t")->Elements(), StatusIs(kInvalid));
  EXPECT_THAT(root_.Bool(),
              StatusIs(kInvalid, HasSubstr("the document: expected")));
}

}  // namespace
}  // namespace carousel
