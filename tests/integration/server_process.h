// SPDX-License-Identifier: Apache-2.0
//
// carousel-server as a process of its own.

#ifndef CAROUSEL_TESTS_INTEGRATION_SERVER_PROCESS_H_
#define CAROUSEL_TESTS_INTEGRATION_SERVER_PROCESS_H_

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "model/base/check.h"

namespace carousel {

// Starts the server that was built beside the test, on free ports. Its log can
// be read while it runs. Killed at the end if it is still there.
class ServerProcess {
 public:
  explicit ServerProcess(std::vector<std::string> args) {
    args.insert(args.begin(),
                {CAROUSEL_BIN_DIR "/carousel-server",
                 "--grpc_address=127.0.0.1:0", "--http_address=127.0.0.1:0"});
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    int ends[2];
    CAROUSEL_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    CAROUSEL_CHECK(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(),
                               environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    log_ = fdopen(ends[0], "r");
  }

  ~ServerProcess() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
    fclose(log_);
  }

  void Signal(int number) { kill(pid_, number); }

  // The log up to and with the first line that holds `mark`, or to its end.
  std::string ReadLogUntil(const std::string& mark) {
    std::string text;
    char line[4096];
    while (fgets(line, sizeof(line), log_) != nullptr) {
      text += line;
      if (std::string(line).find(mark) != std::string::npos) break;
    }
    return text;
  }

  // All of the log. No line holds two ends.
  std::string ReadLog() { return ReadLogUntil("\n\n"); }

  // The exit code; 1000 + number if a signal ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  FILE* log_ = nullptr;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_INTEGRATION_SERVER_PROCESS_H_
