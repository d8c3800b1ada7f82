// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// What became of the jobs, in the order of their completion.
class Results {
 public:
  // For a job's `done`.
  auto Recorder() {
    return [this](JobResult result) {
      MutexLock lock(&mutex_);
      results_.push_back(std::move(result));
      changed_.NotifyAll();
    };
  }

  // Waits until `count` jobs are completed.
  std::vector<JobResult> Take(size_t count) {
    MutexLock lock(&mutex_);
    while (results_.size() < count) changed_.Wait(&mutex_);
    return std::move(results_);
  }

  size_t size() {
    MutexLock lock(&mutex_);
    return results_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<JobResult> results_;
};

class EngineTest : public testing::Test {
 protected:
  Job MakeJob(const std::string& text = "I would like to") {
    Job job = tiny_.MakeJob(text);
    job.done = results_.Recorder();
    return job;
  }

  // Submits a job that holds its worker until `release`; returns when it does.
  void Occupy(Engine* engine, std::latch* release) {
    std::latch occupied(1);
    Job job = MakeJob();
    job.done = [&occupied, release](JobResult) {
      occupied.count_down();
      release->wait();
    };
    engine->Submit(std::move(job));
    occupied.wait();
  }

  TinyNetwork tiny_;
  FakeClock clock_;
  Results results_;
};

// The whole way: through the queue, a worker and the network.
TEST_F(EngineTest, AnswersAJob) {
  Engine engine({.workers = 1}, clock_);
  engine.Submit(MakeJob("I wo"));
  const JobResult result = std::move(results_.Take(1)[0]);
  ASSERT_THAT(result.suggestions, IsOk());
  ASSERT_FALSE(result.suggestions->empty());
  EXPECT_EQ(result.suggestions->front().word, "would");
  EXPECT_EQ(result.batch, 1);
}

// Several words of each: from the state that they have in common, if it is
// remembered, or from the beginning.
TEST_F(EngineTest, PhrasesAreThoseOfTheNetworkAlone) {
  const CompletionOptions options = {.max_words = 4, .min_confidence = 0};
  const auto expected = tiny_.Expected("I would like to", options);
  ASSERT_EQ(expected.size(), 3u);
  for (const size_t cache_bytes : {size_t{0}, size_t{1} << 20}) {
    Engine engine({.workers = 1, .prefix_cache_bytes = cache_bytes}, clock_);
    Job job = MakeJob("I would like to");
    job.options = options;
    engine.Submit(std::move(job));
    const JobResult result = std::move(results_.Take(1)[0]);
    ASSERT_THAT(result.suggestions, IsOk());
    ASSERT_EQ(result.suggestions->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(expected[i].words, 4);
      EXPECT_EQ((*result.suggestions)[i].insert, expected[i].insert);
      EXPECT_NEAR((*result.suggestions)[i].probability, expected[i].probability,
                  1e-5);
    }
  }
}

// The time in the queue is told apart from the time of computing.
TEST_F(EngineTest, ReportsTheTimeInTheQueue) {
  Engine engine({.workers = 1}, clock_);
  std::latch release(1);
  Occupy(&engine, &release);
  engine.Submit(MakeJob());
  clock_.Advance(absl::Milliseconds(30));
  release.count_down();
  EXPECT_EQ(results_.Take(1)[0].queue, absl::Milliseconds(30));
}

// Overload is answered at once, on the caller's thread.
TEST_F(EngineTest, FullQueueRefuses) {
  Engine engine({.workers = 0, .admission = {.max_queue_tokens = 12}}, clock_);
  while (results_.size() == 0) engine.Submit(MakeJob());
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("queue is full")));
  EXPECT_EQ(engine.stats().refused, 1);
  EXPECT_LE(engine.stats().queue.tokens, 12);
}

// A text of which nothing can be completed costs memory and a worker's time.
TEST_F(EngineTest, JobsThatAskTheNetworkNothingFillTheQueueToo) {
  Engine engine({.workers = 0, .admission = {.max_queue_tokens = 100}}, clock_);
  for (int i = 0; i < 100 && results_.size() == 0; ++i) {
    engine.Submit(MakeJob("#x"));
  }
  EXPECT_EQ(engine.stats().refused, 1);
  EXPECT_LE(engine.stats().queue.tokens, 100);
}

// What is wrong with a text is found by the worker and told like any answer.
TEST_F(EngineTest, TextThatIsNotUtf8IsRefused) {
  Engine engine({.workers = 1}, clock_);
  engine.Submit(MakeJob("caf\xe9 "));
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Stands still at its third call: after the one at the door and the one at the
// worker's start, that is the look before the first chunk.
class StoppingClock : public Clock {
 public:
  absl::Time Now() const override {
    if (++calls_ == 3) {
      inside.count_down();
      go_on.wait();
    }
    return absl::UnixEpoch();
  }
  mutable std::latch inside{1};
  mutable std::latch go_on{1};

 private:
  mutable std::atomic<int> calls_ = 0;
};

// A drain whose time is over does not wait for the end of a long text.
TEST_F(EngineTest, RunningJobIsGivenUpAfterItsChunkWhenTheTimeToDrainIsOver) {
  StoppingClock clock;
  Engine engine({.workers = 1}, clock);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "house ";
  engine.Submit(MakeJob(text));
  clock.inside.wait();
  engine.Submit(MakeJob());
  std::thread drain([&] { engine.Drain(absl::InfinitePast()); });
  // The job that waits is answered once the drain has given up.
  while (results_.size() == 0) std::this_thread::yield();
  clock.go_on.count_down();
  drain.join();
  EXPECT_THAT(results_.Take(2)[1].suggestions,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopped")));
  EXPECT_GT(engine.stats().wasted_tokens, 0);
}

// A deadline that passes in the queue costs no computing.
TEST_F(EngineTest, ExpiredJobIsDroppedFromTheQueue) {
  Engine engine({.workers = 1}, clock_);
  std::latch release(1);
  Occupy(&engine, &release);
  const int64_t tokens_before = engine.stats().tokens;
  Job job = MakeJob();
  job.deadline = clock_.Now() + absl::Seconds(1);
  engine.Submit(std::move(job));
  clock_.Advance(absl::Seconds(1));
  release.count_down();
  const JobResult result = std::move(results_.Take(1)[0]);
  EXPECT_THAT(result.suggestions,
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(result.batch, 0);
  EXPECT_EQ(engine.stats().expired, 1);
  EXPECT_EQ(engine.stats().tokens, tokens_before);
}

// A caller who has left costs no computing either.
TEST_F(EngineTest, CancelledJobIsDroppedFromTheQueue) {
  Engine engine({.workers = 1}, clock_);
  std::latch release(1);
  Occupy(&engine, &release);
  const int64_t tokens_before = engine.stats().tokens;
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  Job job = MakeJob();
  job.cancelled = cancelled;
  engine.Submit(std::move(job));
  *cancelled = true;
  release.count_down();
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(engine.stats().cancelled, 1);
  EXPECT_EQ(engine.stats().tokens, tokens_before);
}

// Jobs that come together are computed together, and nobody's answer shows it.
TEST_F(EngineTest, JobsThatWaitTogetherAreComputedTogether) {
  const std::vector<std::string> texts = {"I would like to", "I wo", "the ",
                                          "the house the house ", ""};
  Engine engine({.workers = 1}, clock_);
  std::latch release(1);
  Occupy(&engine, &release);
  const EngineStats before = engine.stats();
  std::vector<JobResult> found(texts.size());
  std::latch all(static_cast<ptrdiff_t>(texts.size()));
  for (size_t i = 0; i < texts.size(); ++i) {
    Job job = MakeJob(texts[i]);
    job.done = [&, i](JobResult result) {
      found[i] = std::move(result);
      all.count_down();
    };
    engine.Submit(std::move(job));
  }
  release.count_down();
  all.wait();
  int largest = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_THAT(found[i].suggestions, IsOk());
    const std::vector<Suggestion> expected = tiny_.Expected(texts[i]);
    ASSERT_EQ(found[i].suggestions->size(), expected.size());
    for (size_t k = 0; k < expected.size(); ++k) {
      EXPECT_EQ((*found[i].suggestions)[k].insert, expected[k].insert);
      EXPECT_NEAR((*found[i].suggestions)[k].probability,
                  expected[k].probability, 1e-5);
    }
    largest = std::max(largest, found[i].batch);
  }
  // Of all but the one that Occupy has asked for already.
  EXPECT_EQ(largest, static_cast<int>(texts.size()) - 1);
  const EngineStats after = engine.stats();
  EXPECT_GT(after.batched_rows - before.batched_rows,
            after.batches - before.batches);
}

// Stands still at its third call, as StoppingClock, and then tells the time
// that it is given.
class LateClock : public StoppingClock {
 public:
  absl::Time Now() const override {
    StoppingClock::Now();
    return absl::UnixEpoch() + (late ? absl::Seconds(10) : absl::Seconds(0));
  }
  std::atomic<bool> late = false;
};

// A text that is being computed stops at its next batch.
TEST_F(EngineTest, RunningJobIsDroppedAtItsDeadline) {
  LateClock clock;
  Engine engine({.workers = 1}, clock);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "house ";
  Job job = MakeJob(text);
  job.deadline = absl::UnixEpoch() + absl::Seconds(5);
  engine.Submit(std::move(job));
  clock.inside.wait();  // before its first batch
  clock.late = true;
  clock.go_on.count_down();
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LE(engine.stats().tokens, 8);
}

TEST_F(EngineTest, RunningJobIsDroppedWhenItsCallerLeaves) {
  StoppingClock clock;
  Engine engine({.workers = 1}, clock);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "house ";
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  Job job = MakeJob(text);
  job.cancelled = cancelled;
  engine.Submit(std::move(job));
  clock.inside.wait();
  *cancelled = true;
  clock.go_on.count_down();
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LE(engine.stats().tokens, 8);
}

// A place that becomes free is taken by what is due first, not by what came
// first.
TEST_F(EngineTest, ShortJobOvertakesLongOnesInTheQueue) {
  Engine engine({.workers = 1, .max_sequences = 1}, clock_);
  std::latch release(1);
  Occupy(&engine, &release);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "house ";
  for (int i = 0; i < 3; ++i) engine.Submit(MakeJob(text));
  Job job = MakeJob("I wo");
  size_t done_before = 99;
  job.done = [&](JobResult) { done_before = results_.size(); };
  engine.Submit(std::move(job));
  release.count_down();
  results_.Take(3);
  EXPECT_EQ(done_before, 0u);
}

// Whoever begins what and takes whose, nothing is lost.
TEST_F(EngineTest, ManyWorkersAnswerEveryJobOnce) {
  Engine engine({.workers = 5}, clock_);
  for (int i = 0; i < 300; ++i) {
    engine.Submit(MakeJob(i % 2 == 0 ? "the house the" : "I would like to "));
  }
  for (const JobResult& result : results_.Take(300)) {
    EXPECT_THAT(result.suggestions, IsOk());
  }
  engine.Drain(absl::InfiniteFuture());
  EXPECT_EQ(engine.stats().running, 0);
}

// Sequences of two networks are at work at once, and each asks its own.
TEST_F(EngineTest, NetworksDoNotMix) {
  const TinyNetwork other;
  Engine engine({.workers = 2}, clock_);
  for (int i = 0; i < 20; ++i) {
    Job job = (i % 2 == 0 ? tiny_ : other).MakeJob("the house the ");
    job.done = results_.Recorder();
    engine.Submit(std::move(job));
  }
  const std::vector<Suggestion> expected = tiny_.Expected("the house the ");
  for (const JobResult& result : results_.Take(20)) {
    ASSERT_THAT(result.suggestions, IsOk());
    EXPECT_EQ(result.suggestions->front().word, expected.front().word);
  }
}

// More jobs than there are places for states: the others wait, none is lost.
TEST_F(EngineTest, JobsBeyondThePlacesWait) {
  Engine engine({.workers = 2, .max_sequences = 3}, clock_);
  for (int i = 0; i < 40; ++i) engine.Submit(MakeJob());
  for (const JobResult& result : results_.Take(40)) {
    ASSERT_THAT(result.suggestions, IsOk());
    EXPECT_LE(result.batch, 3);
  }
}

// A model version that is gone takes its states with it.
TEST_F(EngineTest, StatesGoWithTheNetwork) {
  Engine engine({.workers = 1}, clock_);
  {
    const TinyNetwork old;
    Job job = old.MakeJob("I would ");
    job.done = results_.Recorder();
    engine.Submit(std::move(job));
    results_.Take(1);
    EXPECT_GT(engine.stats().cache.entries, 0u);
    job = old.MakeJob("I would like ");
    job.done = results_.Recorder();
    engine.Submit(std::move(job));
    results_.Take(1);
    EXPECT_GT(engine.stats().cache.hits, 0);
  }
  const PrefixCacheStats before = engine.stats().cache;
  engine.Submit(MakeJob("#x"));  // of another network, asks it nothing
  results_.Take(1);
  EXPECT_EQ(engine.stats().cache.entries, 0u);
  EXPECT_EQ(engine.stats().cache.hits, before.hits);
}

// Every worker gets its primitives before the first request, and then works as
// ever.
TEST_F(EngineTest, WarmEngineAnswersAJob) {
  Engine engine({.workers = 3}, clock_);
  ASSERT_THAT(engine.WarmUp(*tiny_.network()), IsOk());
  EXPECT_EQ(engine.stats().batches, 0);  // nobody's batches
  engine.Submit(MakeJob());
  ASSERT_THAT(results_.Take(1)[0].suggestions, IsOk());
}

// The second time nothing is fed and nothing multiplied.
TEST_F(EngineTest, QuestionThatWasAnsweredTakesNoBatch) {
  Engine engine({.workers = 1}, clock_);
  engine.Submit(MakeJob("I would "));
  const auto first = results_.Take(1);
  const int64_t batches = engine.stats().batches;
  engine.Submit(MakeJob("I would "));
  const auto second = results_.Take(1);
  EXPECT_EQ(engine.stats().batches, batches);
  ASSERT_THAT(second[0].suggestions, IsOk());
  EXPECT_EQ(second[0].suggestions->front().word,
            first[0].suggestions->front().word);
}

// What was taken in is answered, although the drain has begun.
TEST_F(EngineTest, DrainFinishesWhatIsQueued) {
  Engine engine({.workers = 2}, clock_);
  for (int i = 0; i < 50; ++i) engine.Submit(MakeJob());
  engine.Drain(absl::InfiniteFuture());
  for (const JobResult& result : results_.Take(50)) {
    EXPECT_THAT(result.suggestions, IsOk());
  }
}

// Who comes later is sent elsewhere.
TEST_F(EngineTest, DrainedEngineIsUnavailable) {
  Engine engine({.workers = 1}, clock_);
  engine.Drain(absl::InfiniteFuture());
  engine.Submit(MakeJob());
  EXPECT_THAT(results_.Take(1)[0].suggestions,
              StatusIs(absl::StatusCode::kUnavailable));
}

// The deadline of the drain holds even if nothing moves; nobody is forgotten.
TEST_F(EngineTest, DrainAnswersTheRestAtItsDeadline) {
  Engine engine({.workers = 0}, clock_);
  for (int i = 0; i < 3; ++i) engine.Submit(MakeJob());
  engine.Drain(absl::InfinitePast());
  ASSERT_EQ(results_.size(), 3u);
  for (const JobResult& result : results_.Take(3)) {
    EXPECT_THAT(result.suggestions,
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopped")));
  }
}

// Callers, cancellations, expiry and a drain at once: each job is completed
// exactly once.
TEST_F(EngineTest, EveryJobIsCompletedOnceUnderStress) {
  constexpr int kThreads = 4;
  constexpr int kJobs = 200;
  std::vector<std::atomic<int>> completed(kThreads * kJobs);
  {
    Engine engine({.workers = 3, .admission = {.max_queue_tokens = 300}},
                  clock_);
    std::vector<std::thread> threads;
    std::latch half_way(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kJobs; ++i) {
          if (i == kJobs / 2) half_way.count_down();
          auto cancelled = std::make_shared<std::atomic<bool>>(i % 7 == 0);
          Job job = MakeJob(i % 5 == 0 ? "the house the house the" : "I wo");
          job.cancelled = cancelled;
          job.deadline = clock_.Now() + absl::Seconds(1);
          job.done = [&counter = completed[t * kJobs + i]](JobResult) {
            ++counter;
          };
          engine.Submit(std::move(job));
          if (i % 11 == 0) clock_.Advance(absl::Milliseconds(300));
          if (i % 3 == 0) *cancelled = true;
        }
      });
    }
    half_way.wait();
    engine.Drain(absl::InfinitePast());
    for (std::thread& thread : threads) thread.join();
  }
  for (const std::atomic<int>& count : completed) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace carousel
