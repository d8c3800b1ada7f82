// SPDX-License-Identifier: Apache-2.0
//
// Runs the whole command line in the test's process.

#ifndef CAROUSEL_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
#define CAROUSEL_TESTS_CLIENT_CLI_CLI_FIXTURE_H_

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace carousel {

struct CliResult {
  int exit_code;
  std::string out;
  std::string err;
};

inline CliResult Carousel(const std::vector<std::string>& arguments,
                          const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  const int exit_code = RunCli(arguments, console);
  return {exit_code, out.str(), err.str()};
}

// Commands against a server that answers as the test says.
class CliTest : public testing::Test {
 protected:
  explicit CliTest(FakeServer::Handlers handlers)
      : server_(std::move(handlers)) {}

  // Runs `carousel` with the server.
  CliResult Run(std::vector<std::string> arguments,
                const std::string& input = "") {
    arguments.insert(arguments.begin(), "--server=" + server_.address());
    return Carousel(arguments, input);
  }

  FakeServer server_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
