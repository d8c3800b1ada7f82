// SPDX-License-Identifier: Apache-2.0
//
// `carousel load`: what is printed of it.

#include <string>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class LoadCommandTest : public CliTest {
 protected:
  LoadCommandTest()
      : CliTest(
            {.complete = [](const auto&, auto&) { return absl::OkStatus(); }}) {
  }
};

// What scripts read is one object, and nothing else.
TEST_F(LoadCommandTest, LoadAsJsonIsOneLine) {
  const CliResult result =
      Run({"load", "--json", "--concurrency=2", "--duration=100ms",
           "--warm_up=10ms", "--rpc=keystrokes"});
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_THAT(result.out,
              AllOf(StartsWith("{\"qps\":"), HasSubstr("\"p99_us\":"),
                    HasSubstr("\"errors\":{}}\n")));
  EXPECT_EQ(result.err, "");
}

TEST_F(LoadCommandTest, LoadIsToldInTwoLines) {
  const CliResult result =
      Run({"load", "--concurrency=2", "--duration=100ms", "--warm_up=10ms"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("calls/s"), HasSubstr("p99.9")));
}

TEST_F(LoadCommandTest, LoadWithoutTextsSaysWhichFile) {
  const CliResult result =
      Run({"load", "--texts=/nowhere", "--rpc=keystrokes"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace carousel
