// SPDX-License-Identifier: Apache-2.0
#include "model/base/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"

extern char** environ;

namespace carousel {
namespace {

constexpr int kCommandNotFound = 127;  // as shells and posix_spawnp have it
constexpr mode_t kLogMode = 0644;

absl::StatusOr<int> WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return absl::InternalError(
          absl::StrCat("waitpid: ", std::strerror(errno)));
    }
  }
  return status;
}

}  // namespace

absl::Status RunProgram(const std::vector<std::string>& command,
                        const std::string& log_path) {
  CAROUSEL_CHECK(!command.empty());
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY,
                                   0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_path.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, kLogMode);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot run ", command[0], ": ", std::strerror(error)));
  }
  ASSIGN_OR_RETURN(const int status, WaitFor(child));
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCommandNotFound) {
    return absl::NotFoundError(absl::StrCat(command[0], " is not installed"));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(
        absl::StrCat(absl::StrJoin(command, " "), ": failed"));
  }
  return absl::OkStatus();
}

}  // namespace carousel
