// SPDX-License-Identifier: Apache-2.0
//
// carousel-server: flags in, server up, wait, server down. Exit code 0 after a
// request to stop, 1 if it could not start, 2 if the command line is wrong.

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "model/base/thread_policy.h"
#include "server/app/flags.h"
#include "server/app/logging.h"
#include "server/app/server.h"
#include "server/app/stop_requests.h"

namespace {

constexpr int kWrongCommandLine = 2;

int Fail(const absl::Status& status) {
  carousel::Log(carousel::LogLevel::err, "cannot start",
                {{"error", status.ToString()}});
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace carousel;
  if (const auto answer = AnswerOfCommandLine(argc, argv)) {
    return std::fputs(answer->c_str(), stdout) < 0 ? EXIT_FAILURE
                                                   : EXIT_SUCCESS;
  }
  // Debian builds Abseil with its search for deadlocks, which gRPC's locks
  // would pay for at every call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  InterruptNobody();  // but the engine's threads
  StopRequests stop;
  SignalWatcher signals(&stop);
  SetUpLogging(LogFormat::kText, "info");
  const absl::StatusOr<ServerConfig> config = ParseFlags(argc, argv);
  if (!config.ok()) {
    Log(LogLevel::err, "wrong command line",
        {{"error", config.status().ToString()},
         {"hint", "see carousel-server --help"}});
    return kWrongCommandLine;
  }
  SetUpLogging(
      config->log_format == "json" ? LogFormat::kJson : LogFormat::kText,
      config->log_level);
  const absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(*config, &stop);
  if (!server.ok()) {
    return absl::IsCancelled(server.status()) ? EXIT_SUCCESS
                                              : Fail(server.status());
  }
  signals.SetOnHangup([&server] { (*server)->Reload(); });
  stop.WaitFor(1, absl::InfiniteDuration());
  signals.SetOnHangup(nullptr);
  (*server)->Shutdown();
  return EXIT_SUCCESS;
}
