// SPDX-License-Identifier: Apache-2.0

#include "server/app/config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

void ExpectRefused(const ServerConfig& config, const std::string& fragment) {
  EXPECT_THAT(Validate(config), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr(fragment)));
}

// What is served without any flag must be right.
TEST(ConfigTest, DefaultsAreValid) {
  EXPECT_THAT(Validate(ServerConfig()), IsOk());
}

// Pausing for no time is a choice, e.g. in tests.
TEST(ConfigTest, PauseMayBeZero) {
  EXPECT_THAT(Validate({.drain_pause = absl::ZeroDuration()}), IsOk());
}

// The message names the flag, the value and what is allowed.
TEST(ConfigTest, SettingsOutOfBoundsAreNamed) {
  ExpectRefused({.models = ""}, "--models");
  ExpectRefused({.precision = "fp16"},
                "--precision=fp16: expected one of auto, f32, bf16, int8");
  ExpectRefused({.workers = -1}, "--workers=-1: expected 0 to 1024");
  ExpectRefused({.max_queue_tokens = 0}, "--max_queue_tokens=0");
  ExpectRefused({.max_text_bytes = 1 << 30}, "--max_text_bytes=1073741824");
  ExpectRefused({.max_sequences = 0}, "--max_sequences=0: expected 1 to");
  ExpectRefused({.prefix_cache_bytes = -1}, "--prefix_cache_bytes=-1");
  ExpectRefused({.drain_pause = -absl::Seconds(1)}, "--drain_pause=-1s");
  ExpectRefused({.max_connection_age = absl::ZeroDuration()},
                "--max_connection_age=0: expected 1s or more");
  ExpectRefused({.log_format = "xml"},
                "--log_format=xml: expected one of text");
  ExpectRefused({.log_level = "loud"}, "--log_level=loud");
}

}  // namespace
}  // namespace carousel
