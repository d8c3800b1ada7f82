// SPDX-License-Identifier: Apache-2.0
//
// carousel: talks to a Carousel server from the command line.

#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/cli/cli.h"

int main(int argc, char** argv) {
  // As in carousel-server: `load` measures calls, not a search for deadlocks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::ios::sync_with_stdio(false);  // reads lines many times as fast
  std::cin.tie(nullptr);             // one thread may read while another writes
  carousel::Console console{std::cin, std::cout, std::cerr,
                            isatty(STDIN_FILENO) == 1,
                            isatty(STDOUT_FILENO) == 1};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return carousel::RunCli(arguments, console);
}
