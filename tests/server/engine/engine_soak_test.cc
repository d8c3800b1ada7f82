// SPDX-License-Identifier: Apache-2.0
//
// Very many jobs, most of which somebody gives up: nothing may be answered
// twice, forgotten, computed for nobody, or kept.

#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "model/base/random.h"
#include "server/engine/engine.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/fake_clock.h"

namespace carousel {
namespace {

// Sanitizers take their time, and keep freed memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr int kJobs = kSanitized ? 4'000 : 100'000;

// What is done to a job.
enum class Fate {
  kNothing,
  kCancelledBefore,  // it is submitted
  kExpiredBefore,
  kCancelledLater,  // when it waits, runs, or is done
  kExpiresLater,
};

// What a text costs that nothing is known of.
struct Text {
  std::string text;
  int64_t tokens = 0;
};

// A few words, or so many that they take a few dozen batches.
std::vector<Text> MakeTexts(const TinyNetwork& network) {
  const std::array<std::string, 5> words = {"the", "house", "you", "would",
                                            "to"};
  std::vector<Text> texts;
  Random random(1);
  while (texts.size() < 2048) {
    std::string text;
    const uint64_t count = random.Below(texts.size() % 4 == 0 ? 200 : 6);
    for (uint64_t i = 0; i < count; ++i) {
      absl::StrAppend(&text, words[random.Below(words.size())], " ");
    }
    if (random.Below(2) == 0) text += "yo";
    texts.push_back({.text = text, .tokens = network.TokensOf(text)});
  }
  return texts;
}

// Bytes allocated and not freed. Not what is resident: the kernel may back the
// code that oneDNN generates, of 28 MB mapped half of one used, with huge pages
// at any moment.
int64_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// Submits jobs, gives up most of them, and counts what becomes of them.
class Crowd {
 public:
  Crowd(const TinyNetwork& network, FakeClock* clock, int jobs)
      : network_(network),
        clock_(clock),
        texts_(MakeTexts(network)),
        completed_(static_cast<size_t>(jobs)) {}

  // The next `count` jobs, no more than a few hundred at a time; returns when
  // all are completed.
  void Run(Engine* engine, int count) {
    for (int i = 0; i < count; ++i) {
      WaitUntilUnderWay(kMostUnderWay - 1);
      SubmitOne(engine);
      clock_->Advance(absl::Milliseconds(1));
      // Whoever is given up next has come some time ago.
      *later_[random_.Below(later_.size())] = true;
    }
    WaitUntilUnderWay(0);
  }

  // Jobs that were not completed exactly once.
  int64_t not_once() const {
    return std::count_if(completed_.begin(), completed_.end(),
                         [](const auto& times) { return times != 1; });
  }

  // Jobs whose end does not fit what was done to them.
  int64_t surprises() const { return surprises_; }

  // Of all texts that were answered.
  int64_t answered_tokens() const { return answered_tokens_; }
  int64_t answered() const { return answered_; }

 private:
  static constexpr int kMostUnderWay = 300;

  void SubmitOne(Engine* engine) {
    const size_t number = next_++;
    const auto fate = static_cast<Fate>(random_.Below(5));
    const Text& text = texts_[random_.Below(texts_.size())];
    Job job = network_.MakeJob(text.text);
    auto cancelled =
        std::make_shared<std::atomic<bool>>(fate == Fate::kCancelledBefore);
    job.cancelled = cancelled;
    if (fate == Fate::kExpiredBefore) job.deadline = clock_->Now();
    if (fate == Fate::kExpiresLater) {
      job.deadline = clock_->Now() + absl::Milliseconds(random_.Below(200) + 1);
    }
    if (fate == Fate::kCancelledLater) {
      later_[random_.Below(later_.size())] = std::move(cancelled);
    }
    job.done = [this, number, fate, &text](JobResult result) {
      Count(number, fate, text, result.suggestions.status());
    };
    {
      MutexLock lock(&mutex_);
      ++under_way_;
    }
    engine->Submit(std::move(job));
  }

  void Count(size_t number, Fate fate, const Text& text,
             const absl::Status& status) {
    ++completed_[number];
    if (!IsExpected(fate, status)) ++surprises_;
    if (status.ok()) {
      ++answered_;
      answered_tokens_ += text.tokens;
    }
    MutexLock lock(&mutex_);
    --under_way_;
    changed_.NotifyAll();
  }

  static bool IsExpected(Fate fate, const absl::Status& status) {
    switch (fate) {
      case Fate::kNothing:
        return status.ok();
      case Fate::kCancelledBefore:
        return absl::IsCancelled(status);
      case Fate::kExpiredBefore:
        return absl::IsDeadlineExceeded(status);
      case Fate::kCancelledLater:
        return status.ok() || absl::IsCancelled(status);
      case Fate::kExpiresLater:
        return status.ok() || absl::IsDeadlineExceeded(status) ||
               absl::IsResourceExhausted(status);
    }
    return false;
  }

  void WaitUntilUnderWay(int most) {
    MutexLock lock(&mutex_);
    while (under_way_ > most) changed_.Wait(&mutex_);
  }

  const TinyNetwork& network_;
  FakeClock* const clock_;
  const std::vector<Text> texts_;

  // Of the thread that submits.
  Random random_{2};
  size_t next_ = 0;
  std::vector<std::shared_ptr<std::atomic<bool>>> later_ =
      std::vector<std::shared_ptr<std::atomic<bool>>>(
          64, std::make_shared<std::atomic<bool>>(false));

  std::vector<std::atomic<int>> completed_;
  std::atomic<int64_t> surprises_ = 0;
  std::atomic<int64_t> answered_ = 0;
  std::atomic<int64_t> answered_tokens_ = 0;

  Mutex mutex_;
  CondVar changed_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

class EngineSoakTest : public testing::Test {
 protected:
  static EngineOptions Options(size_t cache_bytes) {
    return {.workers = 2,
            .admission = {.max_queue_tokens = int64_t{1} << 20},
            .max_sequences = 64,
            .prefix_cache_bytes = cache_bytes};
  }

  TinyNetwork tiny_;
  FakeClock clock_;
};

// The whole of it, quarter by quarter.
TEST_F(EngineSoakTest, JobsThatAreGivenUpAreCompletedOnceAndLeaveNothing) {
  Crowd crowd(tiny_, &clock_, kJobs);
  int64_t allocated[4] = {};
  {
    Engine engine(Options(size_t{128} << 10), clock_);
    for (int64_t& after : allocated) {
      crowd.Run(&engine, kJobs / 4);
      after = AllocatedBytes();
    }
    engine.Drain(absl::InfiniteFuture());
    const EngineStats stats = engine.stats();
    EXPECT_EQ(stats.running, 0);
    EXPECT_EQ(stats.queue.jobs, 0);
    EXPECT_EQ(stats.queue.tokens, 0);
    // The clock jumps, so some seem to come too late already at the door.
    EXPECT_EQ(
        crowd.answered() + stats.expired + stats.cancelled + stats.refused,
        kJobs);
    EXPECT_LT(stats.wasted_tokens, stats.tokens);
    if (!kSanitized) {
      EXPECT_GT(stats.wasted_tokens, 0);  // some were given up at work
    }
    // A job, and so its sequence and its state, would keep the network.
    EXPECT_EQ(tiny_.network().use_count(), 1);
  }
  EXPECT_EQ(crowd.not_once(), 0);
  EXPECT_EQ(crowd.surprises(), 0);
  EXPECT_GT(crowd.answered(), kJobs / 5);
  if (!kSanitized) {
    // A megabyte, for kernels of shapes that come late: less than the smallest
    // block (32 bytes) for each job of two quarters.
    EXPECT_LE(allocated[3], allocated[1] + kJobs / 2 * 20);
  }
}

// All that is fed is fed for an answer, or counted as wasted.
TEST_F(EngineSoakTest, TokensAreFedForAnAnswerOrCountedAsWasted) {
  Crowd crowd(tiny_, &clock_, kJobs / 10);
  Engine engine(Options(0), clock_);
  crowd.Run(&engine, kJobs / 10);
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.tokens, crowd.answered_tokens() + stats.wasted_tokens);
}

// Nobody's work is not done: whoever has left before a worker comes to the job
// costs no token and no batch.
TEST_F(EngineSoakTest, JobsThatAreGivenUpWhileTheyWaitFeedNothing) {
  Engine engine(
      {.workers = 1, .admission = {.max_queue_tokens = int64_t{1} << 20}},
      clock_);
  std::latch occupied(1), release(1), completed(kJobs / 20 * 4);
  Job first = tiny_.MakeJob("the ");
  first.done = [&](JobResult) {
    occupied.count_down();
    release.wait();
  };
  engine.Submit(std::move(first));
  occupied.wait();
  const EngineStats before = engine.stats();

  const auto left_early = std::make_shared<std::atomic<bool>>(true);
  const auto leaves_later = std::make_shared<std::atomic<bool>>(false);
  const absl::Time start = clock_.Now();
  for (int i = 0; i < kJobs / 20; ++i) {
    for (int fate = 0; fate < 4; ++fate) {
      Job job = tiny_.MakeJob("the house you would");
      if (fate == 0) job.cancelled = left_early;
      if (fate == 1) job.cancelled = leaves_later;
      if (fate == 2) job.deadline = start;
      if (fate == 3) job.deadline = start + absl::Seconds(1);
      job.done = [&](JobResult result) {
        EXPECT_FALSE(result.suggestions.ok());
        completed.count_down();
      };
      engine.Submit(std::move(job));
    }
  }
  *leaves_later = true;
  clock_.Advance(absl::Seconds(1));
  release.count_down();
  completed.wait();

  const EngineStats after = engine.stats();
  EXPECT_EQ(after.tokens, before.tokens);
  EXPECT_EQ(after.batches, before.batches);
  EXPECT_EQ(after.wasted_tokens, 0);
  EXPECT_EQ(after.cancelled, kJobs / 20 * 2);
  EXPECT_EQ(after.expired, kJobs / 20 * 2);
}

}  // namespace
}  // namespace carousel
