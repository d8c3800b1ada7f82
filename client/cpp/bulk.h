// SPDX-License-Identifier: Apache-2.0
//
// Any number of requests with ids, in one stream or, where one breaks off, in
// several. Internal to client/cpp, since it includes gRPC.

#ifndef CAROUSEL_CLIENT_CPP_BULK_H_
#define CAROUSEL_CLIENT_CPP_BULK_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>
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
  using Answer = absl::FunctionRef<bool(int64_t, absl::StatusOr<Response>)>;
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
          [&](Stream& stream, grpc::ClientContext& context) {
            RunStream(calls, stream, context);
          });
      if (stopped()) return EndedByCaller();
      // A stream that brought nothing would be followed by its like.
      if (status.ok() && (!ended_ || has_open())) {
        return absl::InternalError(
            "the server's stream ended before every request was answered");
      }
      if (!absl::IsUnavailable(status) || answered() == before) return status;
    }
  }

 private:
  // Requests from the first that is not answered on, itself included, and bytes
  // of their texts. A server computes far fewer at a time.
  static constexpr int64_t kMostOpen = 1024;
  static constexpr size_t kMostOpenBytes = 4 << 20;

  struct Open {
    Request request;
    size_t bytes_before;  // of the texts before it
  };

  // Writes and reads at a time, or both sides would wait for each other.
  void RunStream(Calls& calls, Stream& stream, grpc::ClientContext& context) {
    SetBroken(false);
    std::thread writer([&] {
      if (WriteOpen(stream)) WriteNew(stream);
      if (stopped()) context.TryCancel();
      stream.WritesDone();
    });
    StreamResponse message;
    while (stream.Read(&message)) {
      calls.NoteAnswer();
      Take(message);
      if (stopped()) context.TryCancel();
    }
    SetBroken(true);
    writer.join();
  }

  void Take(StreamResponse& message) {
    int64_t place = -1;
    if (!absl::SimpleAtoi(message.id(), &place)) return;
    if (message.has_error()) {
      Answered(place, FromMessage(message.error()));
    } else {
      Answered(place, std::move(*message.mutable_response()));
    }
  }

  void SetBroken(bool broken) {
    MutexLock lock(&mutex_);
    broken_ = broken;
    changed_.NotifyAll();
  }

  bool stopped() const {
    MutexLock lock(&mutex_);
    return stopped_;
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
    std::map<int64_t, Open> open;
    {
      MutexLock lock(&mutex_);
      open = open_;
    }
    for (const auto& [place, one] : open) {
      if (!Write(stream, place, one.request)) return false;
    }
    return true;
  }

  void WriteNew(Stream& stream) {
    while (!ended_ && WaitForRoom()) {
      std::optional<std::string> text = next_();
      ended_ = !text.has_value();
      if (ended_) return;
      const absl::StatusOr<Request> request = make_(*text);
      int64_t place = 0;
      {
        MutexLock lock(&mutex_);
        place = read_++;
        if (request.ok()) open_[place] = {*request, read_bytes_};
        read_bytes_ += text->size();
      }
      if (!request.ok()) {
        Tell(place, request.status());
      } else if (!Write(stream, place, *request)) {
        return;
      }
    }
  }

  // Whether to go on, once there may be another request.
  bool WaitForRoom() {
    MutexLock lock(&mutex_);
    while (!broken_ && !stopped_ && !HasRoom()) changed_.Wait(&mutex_);
    return !broken_ && !stopped_;
  }

  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (open_.empty()) return true;
    const auto& [first, one] = *open_.begin();
    return read_ - first < kMostOpen &&
           read_bytes_ - one.bytes_before < kMostOpenBytes;
  }

  // What came of a request that was sent; any other id is nobody's.
  void Answered(int64_t place, absl::StatusOr<Response> response) {
    {
      MutexLock lock(&mutex_);
      if (open_.erase(place) == 0) return;
      ++answered_;
      changed_.NotifyAll();
    }
    Tell(place, std::move(response));
  }

  // One call at a time, and none while the lock of the rest is held.
  void Tell(int64_t place, absl::StatusOr<Response> response) {
    MutexLock telling(&telling_);
    if (stopped() || answer_(place, std::move(response))) return;
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }

  const Next next_;
  const Make make_;
  const Answer answer_;
  bool ended_ = false;  // there is no next

  Mutex telling_;
  mutable Mutex mutex_;
  CondVar changed_;
  int64_t read_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t read_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Open> open_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;   // nothing more comes of it
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;  // by the caller
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;  // by the server
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_BULK_H_
