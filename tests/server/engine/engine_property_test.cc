// SPDX-License-Identifier: Apache-2.0
//
// Whoever else is being served, however the work is cut into batches, and
// whatever is remembered: an answer is the one that the network gives when it
// is asked alone. Random mixes of texts, for every cell and precision.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/clock.h"
#include "model/base/mutex.h"
#include "model/base/random.h"
#include "model/onednn/cell.h"
#include "model/onednn/matmul.h"
#include "server/engine/engine.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using Networks = std::vector<std::unique_ptr<const TinyNetwork>>;

constexpr int kMostSuggestions = 100;

bool CpuHas(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return true;
    case Precision::kBF16:
      return SupportsBF16();
    case Precision::kInt8:
      return SupportsInt8();
  }
  return false;
}

// How far the logarithm of a probability may be from that of the network alone.
// Sums of f32 depend on the shape of a product; with bf16 such a difference may
// also tip the rounding of an h, which is 2^-9 of it; int8 sums are exact.
double ToleranceOf(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return 1e-5;
    case Precision::kBF16:
      return 0.02;
    case Precision::kInt8:
      return 0;
  }
  return 0;
}

// One or two syllables each, so that some begin others; with the specials they
// lie in two tiles of the output layer.
std::vector<std::string> Words() {
  const std::string consonants = "bdfklmnrst", vowels = "aeo";
  std::vector<std::string> syllables;
  for (char consonant : consonants) {
    for (char vowel : vowels) syllables.push_back({consonant, vowel});
  }
  std::vector<std::string> words = syllables;
  for (size_t i = 0; i < syllables.size(); ++i) {
    for (size_t k = 1; k <= 8; ++k) {
      words.push_back(syllables[i] + syllables[(i + k) % syllables.size()]);
    }
  }
  words.push_back(".");
  return words;
}

LanguageModelSizes SizesOf(Cell cell, bool residual, bool projection) {
  return {.vocabulary = 0,
          .embedding = projection ? 12 : 20,
          .hidden = 20,
          .layers = 2,
          .projection = projection,
          .tied = true,
          .cell = cell,
          .residual = residual};
}

std::unique_ptr<const TinyNetwork> MakeNetwork(const LanguageModelSizes& sizes,
                                               Precision precision,
                                               uint64_t seed) {
  return std::make_unique<const TinyNetwork>(
      TinyNetworkOptions{.sizes = sizes,
                         .words = Words(),
                         .precision = precision,
                         .seed = seed,
                         .gain = 0.3f});
}

// A text of a random length whose last word may be begun, done or to come.
std::string RandomText(Random* random) {
  static const std::vector<std::string> words = Words();
  const uint64_t most_words[] = {3, 3, 12, 60};
  const uint64_t count = random->Below(most_words[random->Below(4)]);
  std::string text;
  for (uint64_t i = 0; i < count; ++i) {
    absl::StrAppend(&text, words[random->Below(words.size())], " ");
  }
  const std::string& last = words[random->Below(words.size())];
  return text + last.substr(0, random->Below(last.size() + 1));
}

struct Question {
  const TinyNetwork* network = nullptr;
  std::string text;
  std::string context;  // earlier text
  CompletionOptions options;
};

constexpr ContextSetting kContextSetting = {.theta = 0.3f, .lambda = 0.3f};

// Some texts are the beginnings of others, as when somebody types.
std::vector<Question> RandomMix(const Networks& networks, size_t count,
                                Random* random) {
  std::vector<Question> mix;
  while (mix.size() < count) {
    Question question = {
        .network = networks[random->Below(networks.size())].get(),
        .text = RandomText(random),
        .context = {},
        .options = {}};
    if (random->Below(3) == 0) {
      question.context =
          absl::StrCat(RandomText(random), "\n", RandomText(random), "\n");
    }
    if (!mix.empty() && random->Below(3) == 0) {
      const std::string& other = mix[random->Below(mix.size())].text;
      question.text = other.substr(0, random->Below(other.size() + 1));
    }
    const int most[] = {1, 3, 10};
    question.options.max_suggestions = most[random->Below(3)];
    if (random->Below(8) == 0) question.options.max_context_tokens = 5;
    mix.push_back(std::move(question));
  }
  return mix;
}

EngineOptions RandomOptions(Random* random) {
  const int rows[] = {2, 8, 64}, sequences[] = {4, 256, 256};
  return {.workers = 1 + static_cast<int>(random->Below(3)),
          .admission = {.max_queue_tokens = int64_t{1} << 20},
          .steps = {.max_rows = rows[random->Below(3)]},
          .max_sequences = sequences[random->Below(3)]};
}

// The suggestions for each of a list of questions.
class Answers {
 public:
  explicit Answers(size_t count) : suggestions_(count) {}

  // For the `done` of question i.
  auto Recorder(size_t i) {
    return [this, i](JobResult result) {
      MutexLock lock(&mutex_);
      EXPECT_THAT(result.suggestions, IsOk());
      if (result.suggestions.ok()) {
        suggestions_[i] = *std::move(result.suggestions);
      }
      ++answered_;
      changed_.NotifyAll();
    };
  }

  void WaitFor(size_t count) {
    MutexLock lock(&mutex_);
    while (answered_ < count) changed_.Wait(&mutex_);
  }

  std::vector<std::vector<Suggestion>> Take() {
    WaitFor(suggestions_.size());
    MutexLock lock(&mutex_);
    return std::move(suggestions_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t answered_ = 0;
  std::vector<std::vector<Suggestion>> suggestions_;
};

// Has every worker of an engine wait for the latch that it returns, so that
// what is submitted meanwhile comes to them all at once.
std::shared_ptr<std::latch> HoldWorkers(Engine* engine, int workers,
                                        const TinyNetwork& network) {
  const auto release = std::make_shared<std::latch>(1);
  const auto held = std::make_shared<std::latch>(workers);
  for (int i = 0; i < workers; ++i) {
    Job job = network.MakeJob("#x");  // asks the network nothing
    job.done = [held, release](JobResult) {
      held->count_down();
      release->wait();
    };
    engine->Submit(std::move(job));
  }
  held->wait();
  return release;
}

// Asks in bursts, some of them at once: the next one comes when some of those
// before it are answered.
std::vector<std::vector<Suggestion>> AskAll(const std::vector<Question>& mix,
                                            Engine* engine, int workers,
                                            Random* random) {
  Answers answers(mix.size());
  for (size_t asked = 0; asked < mix.size();) {
    std::shared_ptr<std::latch> held;
    if (random->Below(2) == 0) {
      held = HoldWorkers(engine, workers, *mix[0].network);
    }
    const size_t burst = std::min(mix.size() - asked, random->Below(24) + 1);
    for (const size_t end = asked + burst; asked < end; ++asked) {
      Job job = mix[asked].network->MakeJob(mix[asked].text);
      job.options = mix[asked].options;
      job.context = {.text = mix[asked].context, .setting = kContextSetting};
      job.done = answers.Recorder(asked);
      engine->Submit(std::move(job));
    }
    if (held != nullptr) held->count_down();
    answers.WaitFor(asked - random->Below(burst + 1));
  }
  return answers.Take();
}

// All suggestions that there are, of an engine that knows nothing else.
std::vector<Suggestion> AskAlone(Question question) {
  Engine engine({.workers = 1, .prefix_cache_bytes = 0}, Clock::Real());
  question.options.max_suggestions = kMostSuggestions;
  Random random(0);
  return AskAll({std::move(question)}, &engine, 1, &random)[0];
}

// The best of `all`. Those that are within the tolerance of each other may
// have changed places.
void ExpectBestOf(const std::vector<Suggestion>& all,
                  const std::vector<Suggestion>& found,
                  const CompletionOptions& options, double tolerance) {
  ASSERT_EQ(found.size(),
            std::min(all.size(), static_cast<size_t>(options.max_suggestions)));
  for (size_t i = 0; i < found.size(); ++i) {
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const Suggestion& suggestion) {
          return suggestion.insert == found[i].insert;
        });
    ASSERT_NE(same, all.end()) << found[i].insert;
    EXPECT_EQ(found[i].word, same->word);
    EXPECT_EQ(found[i].replace, same->replace);
    if (tolerance == 0) {
      EXPECT_EQ(found[i].insert, all[i].insert);
      EXPECT_EQ(found[i].probability, same->probability);
      continue;
    }
    const double log_found = std::log(found[i].probability);
    EXPECT_NEAR(log_found, std::log(same->probability), tolerance);
    EXPECT_NEAR(log_found, std::log(all[i].probability), tolerance);
  }
}

// The smallest difference of a state may tip its rounding to a half, which is
// 2^-11 of it.
double ToleranceFor(const Question& question, double tolerance) {
  const bool is_exact = tolerance == 0 || question.context.empty();
  return is_exact ? tolerance : std::max(tolerance, 1e-3);
}

void ExpectAnswersOfTheNetworksAlone(
    const std::vector<Question>& mix,
    const std::vector<std::vector<Suggestion>>& found, double tolerance) {
  for (size_t i = 0; i < mix.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("question ", i, ": \"", mix[i].text, "\""));
    ExpectBestOf(AskAlone(mix[i]), found[i], mix[i].options,
                 ToleranceFor(mix[i], tolerance));
    if (testing::Test::HasFailure()) return;  // one is enough to read
  }
}

class EnginePropertyTest
    : public testing::TestWithParam<std::tuple<Precision, Cell, bool, bool>> {
 protected:
  void SetUp() override {
    const auto [precision, cell, residual, projection] = GetParam();
    if (!CpuHas(precision)) GTEST_SKIP() << "this CPU lacks the precision";
    tolerance_ = ToleranceOf(precision);
    for (uint64_t seed : {1, 2}) {
      networks_.push_back(
          MakeNetwork(SizesOf(cell, residual, projection), precision, seed));
    }
  }

  Networks networks_;
  double tolerance_ = 0;
};

// The reference itself: it says what the equations of the network say.
TEST_P(EnginePropertyTest, EngineAskedAloneSaysWhatTheNetworkSays) {
  Random random(1);
  for (const Question& question : RandomMix(networks_, 4, &random)) {
    SCOPED_TRACE(question.text);
    CompletionOptions all = question.options;
    // Normalisers are summed in another order there, which shows where words
    // of a context are mixed with them.
    const double tolerance =
        question.context.empty() ? tolerance_ : std::max(tolerance_, 1e-5);
    all.max_suggestions = kMostSuggestions;
    ExpectBestOf(question.network->Expected(question.text, all,
                                            question.context, kContextSetting),
                 AskAlone(question), all, ToleranceFor(question, tolerance));
  }
}

// Nobody's answer shows who else was served, nor what was served before.
TEST_P(EnginePropertyTest, AnswerIsTheSameAloneAndInAnyBatch) {
  for (uint64_t seed = 0; seed < 2; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const std::vector<Question> mix = RandomMix(networks_, 32, &random);
    const EngineOptions options = RandomOptions(&random);
    Engine engine(options, Clock::Real());
    ExpectAnswersOfTheNetworksAlone(
        mix, AskAll(mix, &engine, options.workers, &random), tolerance_);
  }
}

// A state from the cache is the state that reading the text again would give.
TEST_P(EnginePropertyTest, AnswerIsTheSameFromThePrefixCache) {
  Random random(3);
  const std::vector<Question> mix = RandomMix(networks_, 16, &random);
  const EngineOptions options = RandomOptions(&random);
  Engine engine(options, Clock::Real());
  AskAll(mix, &engine, options.workers, &random);
  const EngineStats before = engine.stats();
  const auto found = AskAll(mix, &engine, options.workers, &random);
  EXPECT_GT(engine.stats().cache.tokens, before.cache.tokens);
  ExpectAnswersOfTheNetworksAlone(mix, found, tolerance_);
}

std::string NameOf(
    const testing::TestParamInfo<EnginePropertyTest::ParamType>& info) {
  const auto [precision, cell, residual, projection] = info.param;
  const char* const precisions[] = {"f32", "bf16", "int8"};
  return absl::StrCat(precisions[static_cast<int>(precision)], "_",
                      CellName(cell), residual ? "_residual" : "",
                      projection ? "_projection" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Networks, EnginePropertyTest,
    testing::Combine(testing::Values(Precision::kF32, Precision::kBF16,
                                     Precision::kInt8),
                     testing::Values(Cell::kLstm, Cell::kGru, Cell::kTanhRnn,
                                     Cell::kReluRnn),
                     testing::Bool(), testing::Bool()),
    NameOf);

// Models of other sizes, cells and precisions are served by the same workers.
TEST(EngineMixedModelsTest, ModelsOfEveryKindAreServedTogether) {
  Networks networks;
  double tolerance = 0;
  for (Precision precision :
       {Precision::kF32, Precision::kBF16, Precision::kInt8}) {
    if (!CpuHas(precision)) continue;
    tolerance = std::max(tolerance, ToleranceOf(precision));
    for (Cell cell :
         {Cell::kLstm, Cell::kGru, Cell::kTanhRnn, Cell::kReluRnn}) {
      networks.push_back(
          MakeNetwork(SizesOf(cell, cell == Cell::kGru, cell == Cell::kLstm),
                      precision, networks.size()));
    }
  }
  Random random(4);
  const std::vector<Question> mix = RandomMix(networks, 200, &random);
  const EngineOptions options = {
      .workers = 3, .admission = {.max_queue_tokens = int64_t{1} << 20}};
  Engine engine(options, Clock::Real());
  ExpectAnswersOfTheNetworksAlone(
      mix, AskAll(mix, &engine, options.workers, &random), tolerance);
}

}  // namespace
}  // namespace carousel
