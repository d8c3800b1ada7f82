// SPDX-License-Identifier: Apache-2.0

#include "server/engine/prefix_cache.h"

#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr PrefixHashKey kKey = {
    .words = {1, 3, 0x9e3779b97f4a7c15, 0xff51afd7}};

using Tokens = std::vector<int32_t>;
using State = std::vector<float>;

// The state that is told of some tokens: any function of them will do.
State StateAfter(const Tokens& tokens) {
  float sum = 0;
  for (int32_t token : tokens) sum = 2 * sum + static_cast<float>(token);
  return {sum, -sum, static_cast<float>(tokens.size())};
}

class PrefixCacheTest : public ::testing::Test {
 protected:
  void Insert(const Tokens& tokens) {
    cache_.Insert(tokens, StateAfter(tokens));
  }
  // Tokens found, whose state must be theirs.
  size_t Find(const Tokens& tokens) {
    State state(3, 77.0f);
    const size_t length = cache_.Find(tokens, 0, absl::MakeSpan(state));
    EXPECT_EQ(state, length == 0
                         ? State(3, 77.0f)
                         : StateAfter({tokens.begin(),
                                       tokens.begin() +
                                           static_cast<ptrdiff_t>(length)}));
    return length;
  }
  PrefixCache cache_{4096, kKey};
};

TEST_F(PrefixCacheTest, LongestKnownBeginningIsFound) {
  Insert({1});
  Insert({1, 2, 3});
  EXPECT_EQ(Find({1, 2, 3, 4, 5}), 3u);
  EXPECT_EQ(Find({1, 2, 3}), 3u);
  EXPECT_EQ(Find({1, 2}), 1u);
}

// For people who look: an entry is not the latest used for that.
TEST_F(PrefixCacheTest, KnownLengthLeavesNoTrace) {
  EXPECT_EQ(cache_.KnownLength({}), 0u);
  Insert({1});
  Insert({1, 2, 3});
  const PrefixCacheStats before = cache_.stats();
  EXPECT_EQ(cache_.KnownLength(Tokens{1, 2, 3, 4}), 3u);
  EXPECT_EQ(cache_.KnownLength(Tokens{1, 2}), 1u);
  EXPECT_EQ(cache_.KnownLength(Tokens{2, 1}), 0u);
  EXPECT_EQ(cache_.stats().hits, before.hits);
  EXPECT_EQ(cache_.stats().misses, before.misses);
  for (int32_t i = 0; cache_.stats().evictions == 0; ++i) {
    cache_.KnownLength(Tokens{1});
    Insert({7, i});
  }
  EXPECT_EQ(cache_.KnownLength(Tokens{1}), 0u);  // the first to go
  EXPECT_EQ(cache_.KnownLength(Tokens{1, 2, 3}), 3u);
}

TEST_F(PrefixCacheTest, NothingIsFoundOfAnotherText) {
  Insert({1, 2, 3});
  EXPECT_EQ(Find({2, 3}), 0u);
  EXPECT_EQ(Find({1, 3, 2}), 0u);
  EXPECT_EQ(Find({}), 0u);
}

TEST_F(PrefixCacheTest, BytesStayWithinTheBound) {
  for (int32_t i = 0; i < 1000; ++i) Insert({i, i + 1});
  EXPECT_LE(cache_.stats().bytes, 4096u);
  EXPECT_GT(cache_.stats().entries, 5u);
  EXPECT_EQ(cache_.stats().evictions,
            1000 - static_cast<int64_t>(cache_.stats().entries));
}

TEST_F(PrefixCacheTest, WhatWasUsedLongestAgoGoesFirst) {
  Insert({1});
  for (int32_t i = 2; i < 200; ++i) {
    Insert({i});
    EXPECT_EQ(Find({1}), 1u);  // used all the time
  }
  EXPECT_EQ(Find({2}), 0u);
  EXPECT_EQ(Find({199}), 1u);
}

TEST_F(PrefixCacheTest, StateThatFitsNowhereIsNotKept) {
  Insert({1});
  cache_.Insert({2}, State(10000));
  EXPECT_EQ(Find({1}), 1u);
  EXPECT_EQ(cache_.stats().entries, 1u);
}

TEST_F(PrefixCacheTest, HitsMissesAndSavedTokensAreCounted) {
  Insert({1, 2});
  Find({1, 2, 3});
  Find({3});
  EXPECT_EQ(cache_.stats().hits, 1);
  EXPECT_EQ(cache_.stats().misses, 1);
  EXPECT_EQ(cache_.stats().tokens, 2);
}

// What is known already is not worth a copy.
TEST_F(PrefixCacheTest, OnlyMoreThanIsKnownIsFound) {
  Insert({1, 2});
  State state(3, 77.0f);
  EXPECT_EQ(cache_.Find(Tokens{1, 2, 3}, 1, absl::MakeSpan(state)), 2u);
  EXPECT_EQ(cache_.Find(Tokens{1, 2, 3}, 2, absl::MakeSpan(state)), 0u);
}

std::shared_ptr<const WordScores> ScoresOf(int words) {
  return std::make_shared<const WordScores>(
      WordScores{.words = words, .scores = {{.rank = 3, .logit = 1.5f}}});
}

TEST_F(PrefixCacheTest, ScoresAreFoundForAsManyWordsAsTheyAreOf) {
  Insert({1, 2});
  const auto scores = ScoresOf(3);
  cache_.InsertScores(Tokens{1, 2}, scores);
  EXPECT_EQ(cache_.FindScores(Tokens{1, 2}, 3), scores);
  EXPECT_EQ(cache_.FindScores(Tokens{1, 2}, 4), nullptr);
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 1), nullptr);
  EXPECT_EQ(cache_.stats().answers, 1);
}

TEST_F(PrefixCacheTest, ScoresOfMoreWordsReplaceThoseOfFewer) {
  Insert({1});
  cache_.InsertScores(Tokens{1}, ScoresOf(3));
  cache_.InsertScores(Tokens{1}, ScoresOf(5));
  cache_.InsertScores(Tokens{1}, ScoresOf(2));
  EXPECT_NE(cache_.FindScores(Tokens{1}, 5), nullptr);
}

TEST_F(PrefixCacheTest, ScoresLiveAndDieWithTheirState) {
  cache_.InsertScores(Tokens{1}, ScoresOf(3));  // no state, no scores
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 1), nullptr);
  Insert({1});
  cache_.InsertScores(Tokens{1}, ScoresOf(3));
  for (int32_t i = 2; i < 200; ++i) Insert({i});
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 1), nullptr);
  EXPECT_LE(cache_.stats().bytes, 4096u);
}

std::shared_ptr<const ContextStates> ContextOf(size_t count) {
  return std::make_shared<const ContextStates>(
      ContextStates{.width = 2, .values = std::vector<uint16_t>(2 * count)});
}

// The longest beginning whose last tokens are those that are asked about.
TEST_F(PrefixCacheTest, ContextOfTheLongestBeginningIsFound) {
  for (const Tokens& tokens :
       {Tokens{1, 2}, Tokens{1, 2, 3}, Tokens{1, 2, 3, 4}}) {
    Insert(tokens);
    cache_.InsertContext(tokens, ContextOf(tokens.size() - 1));
  }
  State state(3, 77.0f);
  const auto find = [&](const Tokens& tokens, size_t begin) {
    const auto found = cache_.FindContext(tokens, begin, absl::MakeSpan(state));
    return found == nullptr ? size_t{0} : found->count();
  };
  EXPECT_EQ(find({1, 2, 3, 9}, 1), 2u);
  EXPECT_EQ(state, StateAfter({1, 2, 3}));
  EXPECT_EQ(cache_.stats().tokens, 2);
  EXPECT_EQ(find({1, 2, 3, 4}, 1), 3u);
  EXPECT_EQ(find({1, 2, 3, 4}, 2), 0u);  // they begin elsewhere
  EXPECT_EQ(find({1}, 0), 0u);
  EXPECT_EQ(cache_.stats().hits, 2);
  EXPECT_EQ(cache_.stats().misses, 2);
}

TEST_F(PrefixCacheTest, ContextLivesAndDiesWithItsState) {
  State state(3);
  cache_.InsertContext(Tokens{1}, ContextOf(1));  // no state, no context
  EXPECT_EQ(cache_.FindContext(Tokens{1}, 0, absl::MakeSpan(state)), nullptr);
  for (int32_t i = 1; i < 50; ++i) {
    Insert({i});
    cache_.InsertContext(Tokens{i}, ContextOf(1));
    EXPECT_LE(cache_.stats().bytes, 4096u);
    EXPECT_NE(cache_.FindContext(Tokens{i}, 0, absl::MakeSpan(state)), nullptr);
  }
  EXPECT_GT(cache_.stats().evictions, 10);
}

// Of ranks that nobody asked for nothing is known.
TEST_F(PrefixCacheTest, ScoresAreFoundForTheRanksTheyAreOf) {
  Insert({1});
  cache_.InsertScores(Tokens{1}, ScoresOf(3));
  const auto wanted = std::make_shared<const WordScores>(
      WordScores{.words = 3, .wanted = {{.rank = 7}}});
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 3, {7}), nullptr);
  cache_.InsertScores(Tokens{1}, wanted);
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 3, {7}), wanted);
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 3, {7, 8}), nullptr);
  EXPECT_EQ(cache_.FindScores(Tokens{1}, 3), wanted);
}

TEST_F(PrefixCacheTest, ManyThreadsFindWhatIsTheirs) {
  std::vector<std::thread> threads;
  for (int32_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int32_t i = 0; i < 500; ++i) {
        Insert({t, i % 10});
        Find({t, i % 10, 5});
        Find({(t + 1) % 4, i % 7});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache_.stats().bytes, 4096u);
}

// A weak hash would show in small tokens, which is what tokens are.
TEST(PrefixHashTest, ShortSequencesOfSmallTokensDoNotCollide) {
  std::set<PrefixHash> hashes;
  for (int32_t a = 0; a < 60; ++a) {
    for (int32_t b = 0; b < 60; ++b) {
      for (int32_t c = 0; c < 20; ++c) {
        hashes.insert(HashPrefixes(kKey, Tokens{a, b, c}).back());
      }
    }
  }
  EXPECT_EQ(hashes.size(), 60u * 60 * 20);
}

TEST(PrefixHashTest, HashOfABeginningDoesNotDependOnWhatFollows) {
  EXPECT_EQ(HashPrefixes(kKey, Tokens{4, 5, 6})[1],
            HashPrefixes(kKey, Tokens{4, 5}).back());
}

TEST(PrefixHashTest, KeysGiveDifferentHashes) {
  EXPECT_NE(HashPrefixes(kKey, Tokens{1}),
            HashPrefixes(RandomPrefixHashKey(), Tokens{1}));
}

}  // namespace
}  // namespace carousel
