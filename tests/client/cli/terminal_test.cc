// SPDX-License-Identifier: Apache-2.0
#include "client/cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

class TerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    winsize size = {};
    size.ws_col = 33;
    ASSERT_EQ(openpty(&keyboard_, &terminal_, nullptr, nullptr, &size), 0);
  }
  void TearDown() override {
    close(keyboard_);
    close(terminal_);
  }
  tcflag_t LocalModes() const {
    termios modes;
    EXPECT_EQ(tcgetattr(terminal_, &modes), 0);
    return modes.c_lflag;
  }

  int keyboard_ = -1;
  int terminal_ = -1;
};

// A shell whose terminal neither echoes nor takes Ctrl-C is broken.
TEST_F(TerminalTest, TheModeIsRawAndThenWhatItWas) {
  const tcflag_t before = LocalModes();
  {
    const auto terminal = RawTerminal::Open(terminal_, terminal_);
    ASSERT_THAT(terminal, IsOk());
    EXPECT_EQ(LocalModes() & (ECHO | ICANON | ISIG), 0);
    EXPECT_EQ((*terminal)->Columns(), 33);
    ASSERT_EQ(write(keyboard_, "\x03", 1), 1);
    EXPECT_EQ((*terminal)->Read(), "\x03");
  }
  EXPECT_EQ(LocalModes(), before);
}

TEST_F(TerminalTest, AFileIsNoTerminal) {
  const int file = open("/dev/null", O_RDONLY);
  EXPECT_THAT(RawTerminal::Open(file, file),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not a terminal")));
  close(file);
}

bool IsReadable(const Wakeup& wakeup) {
  pollfd event = {wakeup.fd(), POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

TEST(WakeupTest, IsReadableFromNotifyUntilClear) {
  Wakeup wakeup;
  EXPECT_FALSE(IsReadable(wakeup));
  wakeup.Notify();
  wakeup.Notify();
  EXPECT_TRUE(IsReadable(wakeup));
  wakeup.Clear();
  EXPECT_FALSE(IsReadable(wakeup));
}

// First the terminal is restored, then the signal does what it always does.
TEST(StopSignalsDeathTest, ASignalWakesAndTakesEffectAtTheEnd) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Wakeup wakeup;
        StopSignals signals(wakeup.fd());
        const bool early = signals.stopped();
        raise(SIGTERM);
        if (early || !signals.stopped() || !IsReadable(wakeup)) _exit(1);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace carousel
