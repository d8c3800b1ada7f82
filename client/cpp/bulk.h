// SPDX-License-Identifier: Apache-2.0
//
// Any number of requests with ids, in one stream or, where one breaks off, in
// several. Internal to client/cpp, since it includes gRPC.

#ifndef CAROUSEL_CLIENT_CPP_BULK_H_
#define CAROUSEL_CLIENT_CPP_BULK_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/calls.h"
#include "model/base/mutex.h"

namespace carousel {

// `StreamRequest` has an id and a request, `StreamResponse` an id and a
// response or an error: v1::ScoreStreamRequest and its like.
template <typename StreamRequest, typename StreamResponse>
class Bulk {
 public:
  using Request =
      std::decay_t<decltype(std::declval<StreamRequest>().request())>;
  using Response =
      std::decay_t<decltype(std::declval<StreamResponse>().response())>;
  using Stream = grpc::ClientReaderWriter<StreamRequest, StreamResponse>;

  using Next = absl::FunctionRef<std::optional<std::string>()>;
  using Answer = absl::FunctionRef<void(int64_t, absl::StatusOr<Response>)>;
  using Make =
      absl::FunctionRef<absl::StatusOr<Request>(absl::string_view text)>;

  // As in Client::ScoreAll; `make` makes the request of a text.
  Bulk(Next next, Make make, Answer answer)
      : next_(next), make_(make), answer_(answer) {}

  // By streams of a stub's `method`.
  template <typename Stub>
  absl::Status Run(
      Calls& calls, Stub& stub,
      std::unique_ptr<Stream> (Stub::*method)(grpc::ClientContext*),
      absl::Duration timeout) {
    const absl::Time deadline = absl::Now() + timeout;
    while (true) {
      const int64_t before = answered();
      absl::Status status = calls.RunStream<Stub, Stream>(
          stub, method, deadline - absl::Now(),
          [&](Stream& stream) { RunStream(stream); });
      // A stream that brought nothing would be followed by its like.
      if (status.ok() && has_open()) {
        return absl::InternalError(
            "the server's stream ended before every request was answered");
      }
      if (!absl::IsUnavailable(status) || answered() == before) return status;
    }
  }

 private:
  // Writes and reads at a time, or both sides would wait for each other.
  void RunStream(Stream& stream) {
    std::thread writer([&] {
      if (WriteOpen(stream)) WriteNew(stream);
      stream.WritesDone();
    });
    StreamResponse message;
    while (stream.Read(&message)) {
      int64_t place = -1;
      if (!absl::SimpleAtoi(message.id(), &place)) continue;
      if (message.has_error()) {
        Answered(place, FromMessage(message.error()));
      } else {
        Answered(place, std::move(*message.mutable_response()));
      }
    }
    writer.join();
  }

  int64_t answered() const {
    MutexLock lock(&mutex_);
    return answered_;
  }

  bool has_open() const {
    MutexLock lock(&mutex_);
    return !open_.empty();
  }

  static bool Write(Stream& stream, int64_t place, const Request& request) {
    StreamRequest message;
    message.set_id(absl::StrCat(place));
    *message.mutable_request() = request;
    return stream.Write(message);
  }

  // Those that an earlier stream left.
  bool WriteOpen(Stream& stream) const {
    std::map<int64_t, Request> open;
    {
      MutexLock lock(&mutex_);
      open = open_;
    }
    for (const auto& [place, request] : open) {
      if (!Write(stream, place, request)) return false;
    }
    return true;
  }

  void WriteNew(Stream& stream) {
    while (!ended_) {
      std::optional<std::string> text = next_();
      ended_ = !text.has_value();
      if (ended_) return;
      const int64_t place = read_++;
      const absl::StatusOr<Request> request = make_(*text);
      if (!request.ok()) {
        Tell(place, request.status());
        continue;
      }
      {
        MutexLock lock(&mutex_);
        open_[place] = *request;
      }
      if (!Write(stream, place, *request)) return;
    }
  }

  // What came of a request that was sent; any other id is nobody's.
  void Answered(int64_t place, absl::StatusOr<Response> response) {
    {
      MutexLock lock(&mutex_);
      if (open_.erase(place) == 0) return;
      ++answered_;
    }
    Tell(place, std::move(response));
  }

  // One call at a time, and none while the lock of the rest is held.
  void Tell(int64_t place, absl::StatusOr<Response> response) {
    MutexLock lock(&telling_);
    answer_(place, std::move(response));
  }

  const Next next_;
  const Make make_;
  const Answer answer_;
  bool ended_ = false;  // there is no next
  int64_t read_ = 0;

  Mutex telling_;
  mutable Mutex mutex_;
  std::map<int64_t, Request> open_ ABSL_GUARDED_BY(mutex_);
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;  // by the server
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_BULK_H_
