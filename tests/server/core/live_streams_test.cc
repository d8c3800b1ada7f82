// SPDX-License-Identifier: Apache-2.0

#include "server/core/live_streams.h"

#include <functional>
#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace carousel {
namespace {

class CountingStream : public LiveStream {
 public:
  explicit CountingStream(std::function<void()> on_drain = [] {})
      : on_drain_(std::move(on_drain)) {}

  void Drain() override {
    ++drained;
    on_drain_();
  }

  int drained = 0;

 private:
  const std::function<void()> on_drain_;
};

TEST(LiveStreamsTest, DrainReachesEveryStream) {
  LiveStreams streams;
  const auto a = std::make_shared<CountingStream>();
  const auto b = std::make_shared<CountingStream>();
  streams.Add(a);
  streams.Add(b);
  EXPECT_EQ(a->drained, 0);

  streams.Drain();

  EXPECT_EQ(a->drained, 1);
  EXPECT_EQ(b->drained, 1);
}

// gRPC accepts calls until the very end.
TEST(LiveStreamsTest, AStreamThatComesAfterDrainIsDrainedAtOnce) {
  LiveStreams streams;
  streams.Drain();
  const auto late = std::make_shared<CountingStream>();

  streams.Add(late);

  EXPECT_EQ(late->drained, 1);
  EXPECT_EQ(streams.size(), 1u);
}

TEST(LiveStreamsTest, AStreamThatIsGoneIsNotDrained) {
  LiveStreams streams;
  const auto stream = std::make_shared<CountingStream>();
  streams.Add(stream);
  streams.Remove(stream);

  streams.Drain();

  EXPECT_EQ(stream->drained, 0);
  EXPECT_EQ(streams.size(), 0u);
}

// A call says that it is over, whatever became of its stream.
TEST(LiveStreamsTest, RemovingWhatIsNotThereDoesNothing) {
  LiveStreams streams;
  const auto stream = std::make_shared<CountingStream>();
  streams.Add(stream);

  streams.Remove(std::make_shared<CountingStream>());
  streams.Remove(nullptr);

  EXPECT_EQ(streams.size(), 1u);
}

TEST(LiveStreamsTest, AStreamLivesUntilItIsRemoved) {
  LiveStreams streams;
  auto stream = std::make_shared<CountingStream>();
  const std::weak_ptr<CountingStream> watched = stream;
  streams.Add(stream);
  stream.reset();
  EXPECT_FALSE(watched.expired());

  streams.Remove(watched.lock());

  EXPECT_TRUE(watched.expired());
}

// An idle stream has nothing to finish: it ends, and is removed, from within.
TEST(LiveStreamsTest, AStreamMayBeRemovedWhileItIsDrained) {
  LiveStreams streams;
  std::shared_ptr<CountingStream> idle;
  idle = std::make_shared<CountingStream>([&] { streams.Remove(idle); });
  const auto other = std::make_shared<CountingStream>();
  streams.Add(idle);
  streams.Add(other);

  streams.Drain();

  EXPECT_EQ(idle->drained, 1);
  EXPECT_EQ(other->drained, 1);
  EXPECT_EQ(streams.size(), 1u);
}

}  // namespace
}  // namespace carousel
