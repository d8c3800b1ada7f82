// SPDX-License-Identifier: Apache-2.0
#include "client/cli/terminal.h"

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <iterator>

#include "absl/status/status.h"
#include "model/base/check.h"

namespace carousel {
namespace {

constexpr int kDefaultColumns = 80;
constexpr int kSignals[] = {SIGHUP, SIGINT, SIGTERM};

// A handler sees nothing but globals.
std::atomic<int> signal_fd = -1;
std::atomic<int> signal_seen = 0;
struct sigaction actions_before[std::size(kSignals)];

// Adds one to an eventfd; a full one is readable anyway.
void Ring(int event_fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_fd, &one, sizeof(one));
}

void OnSignal(int signal) {
  const int error = errno;
  signal_seen = signal;
  Ring(signal_fd);
  errno = error;
}

}  // namespace

int TerminalColumns(int fd) {
  winsize size = {};
  const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultColumns;
}

absl::StatusOr<std::unique_ptr<RawTerminal>> RawTerminal::Open(int in,
                                                               int out) {
  termios found;
  if (tcgetattr(in, &found) != 0) {
    return absl::FailedPreconditionError("standard input is not a terminal");
  }
  termios raw = found;
  cfmakeraw(&raw);
  if (tcsetattr(in, TCSADRAIN, &raw) != 0) {
    return absl::ErrnoToStatus(errno, "the terminal's mode cannot be set");
  }
  return std::unique_ptr<RawTerminal>(new RawTerminal(in, out, found));
}

RawTerminal::RawTerminal(int in, int out, const termios& found)
    : in_(in), out_(out), found_(found) {}

RawTerminal::~RawTerminal() { tcsetattr(in_, TCSADRAIN, &found_); }

std::string RawTerminal::Read() {
  char bytes[256];
  ssize_t count = 0;
  do {
    count = read(in_, bytes, sizeof(bytes));
  } while (count < 0 && errno == EINTR);
  return count > 0 ? std::string(bytes, count) : "";
}

void RawTerminal::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(out_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // the next Read says that the terminal is gone
    bytes.remove_prefix(count);
  }
}

StopSignals::StopSignals(int event_fd) {
  signal_fd = event_fd;
  signal_seen = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &actions_before[i]);
  }
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &actions_before[i], nullptr);
  }
  if (signal_seen != 0) raise(signal_seen);
}

bool StopSignals::stopped() const { return signal_seen != 0; }

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CAROUSEL_CHECK(fd_ >= 0);
}

Wakeup::~Wakeup() { close(fd_); }

void Wakeup::Notify() { Ring(fd_); }

void Wakeup::Clear() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t bytes = read(fd_, &count, sizeof(count));
}

}  // namespace carousel
