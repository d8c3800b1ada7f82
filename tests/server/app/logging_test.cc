// SPDX-License-Identifier: Apache-2.0

#include "server/app/logging.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

const LogFields kFields = {{"address", "h:1"}, {"workers", 2}};

// For people.
TEST(LoggingTest, TextLineHasTimeLevelEventAndFields) {
  EXPECT_EQ(LogLine(LogFormat::kText, "T", LogLevel::info, "ready", kFields),
            "T info ready address=\"h:1\" workers=2");
}

// For machines: one object, the fields in their order.
TEST(LoggingTest, JsonLineIsOneObject) {
  EXPECT_EQ(LogLine(LogFormat::kJson, "T", LogLevel::warn, "slow", kFields),
            R"({"time":"T","level":"warning","event":"slow",)"
            R"("address":"h:1","workers":2})");
}

// Whatever a path or an error message holds, it stays one line and valid UTF-8.
TEST(LoggingTest, FieldsAreEscaped) {
  const LogFields fields = {
      {"text", std::string("a\"b\\c\nd\x1b[31m\xff\0e\xc2\x9b", 17)}};
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line =
        LogLine(format, "T", LogLevel::info, "event", fields);
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    EXPECT_THAT(
        line, testing::HasSubstr(R"(a\"b\\c\nd\u001b[31m\ufffd\u0000e\u009b)"));
  }
}

}  // namespace
}  // namespace carousel
