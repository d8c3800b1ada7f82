// SPDX-License-Identifier: Apache-2.0
//
// What the interactive mode needs of the system: a terminal that hands over
// every key, signals that do not leave it like that, and a way to be woken.

#ifndef CAROUSEL_CLIENT_CLI_TERMINAL_H_
#define CAROUSEL_CLIENT_CLI_TERMINAL_H_

#include <termios.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carousel {

// How many columns the terminal behind a descriptor has; 80 if it does not say,
// or is none.
int TerminalColumns(int fd);

// A terminal in raw mode for as long as this lives. Thread-compatible.
class RawTerminal {
 public:
  // `in` and `out` are descriptors of one terminal, which stay open.
  // FAILED_PRECONDITION: `in` is none.
  static absl::StatusOr<std::unique_ptr<RawTerminal>> Open(int in, int out);

  // Restores the mode found.
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  int Columns() const { return TerminalColumns(out_); }

  // What was typed, waiting for something; empty: the terminal is gone.
  std::string Read();

  void Write(absl::string_view bytes);

 private:
  RawTerminal(int in, int out, const termios& found);

  const int in_;
  const int out_;
  const termios found_;
};

// Catches SIGHUP, SIGINT and SIGTERM for as long as it lives. The destructor
// lets the one that came do its work, so that whoever started the program sees
// how it ended. One at a time.
class StopSignals {
 public:
  // The handler writes to `event_fd`, which must outlive this.
  explicit StopSignals(int event_fd);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Whether one came.
  bool stopped() const;
};

// Wakes a thread that polls fd(). Thread-safe.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Readable from Notify until Clear.
  int fd() const { return fd_; }
  void Notify();
  void Clear();

 private:
  const int fd_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_TERMINAL_H_
