// SPDX-License-Identifier: Apache-2.0

#include "server/app/stop_requests.h"

#include <unistd.h>

#include <csignal>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

// A pause that nobody cuts is over at its end.
TEST(StopRequestsTest, WaitEndsAtItsTimeout) {
  StopRequests requests;
  requests.Add();
  EXPECT_FALSE(requests.WaitFor(2, absl::ZeroDuration()));
}

// Requests made before the wait count.
TEST(StopRequestsTest, EarlierRequestsCount) {
  StopRequests requests;
  requests.Add();
  requests.Add();
  EXPECT_TRUE(requests.WaitFor(2, absl::InfiniteDuration()));
}

// What Kubernetes and a terminal send.
TEST(SignalWatcherTest, TermAndInterruptAreRequestsToStop) {
  StopRequests requests;
  SignalWatcher watcher(&requests);
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(requests.WaitFor(1, absl::InfiniteDuration()));
  kill(getpid(), SIGINT);
  ASSERT_TRUE(requests.WaitFor(2, absl::InfiniteDuration()));
}

// What a person sends who has put a new version into the directory.
TEST(SignalWatcherTest, HangupIsACall) {
  StopRequests requests;
  SignalWatcher watcher(&requests);
  absl::Notification first, second;
  kill(getpid(), SIGHUP);  // before anybody can be called: kept
  watcher.SetOnHangup([&] { first.Notify(); });
  first.WaitForNotification();
  watcher.SetOnHangup([&] { second.Notify(); });
  EXPECT_FALSE(second.HasBeenNotified());
  kill(getpid(), SIGHUP);
  second.WaitForNotification();
  watcher.SetOnHangup(nullptr);
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(requests.WaitFor(1, absl::InfiniteDuration()));
  EXPECT_EQ(requests.count(), 1);
}

// Ending the watcher is no request.
TEST(SignalWatcherTest, EndsWithoutARequest) {
  StopRequests requests;
  { SignalWatcher watcher(&requests); }
  EXPECT_EQ(requests.count(), 0);
}

// A log reader that is gone must not kill the server.
TEST(SignalWatcherTest, BrokenPipeIsIgnored) {
  StopRequests requests;
  SignalWatcher watcher(&requests);
  raise(SIGPIPE);
  EXPECT_EQ(requests.count(), 0);
}

}  // namespace
}  // namespace carousel
