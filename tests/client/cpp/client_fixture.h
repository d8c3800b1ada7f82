// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the client share.

#ifndef CAROUSEL_TESTS_CLIENT_CPP_CLIENT_FIXTURE_H_
#define CAROUSEL_TESTS_CLIENT_CPP_CLIENT_FIXTURE_H_

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {

inline std::unique_ptr<Client> ConnectTo(const std::string& address) {
  auto client = Client::Connect(address);
  EXPECT_THAT(client, IsOk());
  return *std::move(client);
}

// What an asynchronous call is told, to be waited for.
template <typename Response>
class Told {
 public:
  Client::Done<Response> done() {
    return [this](absl::StatusOr<Response> response) {
      thread_ = std::this_thread::get_id();
      promise_.set_value(std::move(response));  // throws if told twice
    };
  }

  absl::StatusOr<Response> Wait() { return promise_.get_future().get(); }

  // After Wait.
  std::thread::id thread() const { return thread_; }

 private:
  std::promise<absl::StatusOr<Response>> promise_;
  std::thread::id thread_;
};

// A server whose first call, or first few, is answered only when told so.
class HangingServer {
 public:
  ~HangingServer() { release_.Notify(); }

  const std::string& address() const { return server_.address(); }
  void WaitForCall() { called_.WaitForNotification(); }

 private:
  absl::Notification called_;
  absl::Notification release_;
  std::atomic<bool> first_ = true;
  FakeServer server_{
      {.complete = [this](const v1::CompleteRequest& request, auto&) {
        if (request.text() != "hang") return absl::OkStatus();
        if (first_.exchange(false)) called_.Notify();
        release_.WaitForNotification();
        return absl::OkStatus();
      }}};
};

// The translation of a text is the text; "error" is refused.
inline absl::Status Echo(const v1::TranslateRequest& request,
                         v1::TranslateResponse& response) {
  if (request.text() == "error") return absl::InvalidArgumentError("no text");
  response.set_text(request.text());
  return absl::OkStatus();
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_CLIENT_CPP_CLIENT_FIXTURE_H_
