// SPDX-License-Identifier: Apache-2.0
//
// Which candidates a step of the search takes, out of vocabularies of the size
// that is served.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/decode/beam_search.h"
#include "model/decode/logits.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::SizeIs;

// Few logits are looked at; whatever the search leaves out, the next rows are
// the best of all candidates, equal ones in the order of row and token.
void ExpectTheBestOfAll(const BeamOptions& options, bool ties) {
  const auto width = static_cast<size_t>(options.vocabulary);
  const auto beam = static_cast<size_t>(options.beam_size);
  BeamSearch search(options);
  std::vector<double> before = {0};
  Random random(beam, ties);
  for (int step = 0; step < 4; ++step) {
    std::vector<float> logits(before.size() * width);
    for (float& logit : logits) {
      logit = random.Uniform(-8, 8);
      if (ties) logit = std::floor(logit);
    }
    struct Candidate {
      double value = 0;
      int row = 0;
      int32_t token = 0;
    };
    std::vector<Candidate> all;
    for (size_t row = 0; row < before.size(); ++row) {
      const auto own = absl::MakeSpan(logits).subspan(row * width, width);
      own[static_cast<size_t>(options.end)] = -40;
      const double normaliser = LogSumExp(own);
      for (size_t token = 0; token < width; ++token) {
        all.push_back({before[row] + (own[token] - normaliser),
                       static_cast<int>(row), static_cast<int32_t>(token)});
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return a.value > b.value;
                     });
    ASSERT_THAT(search.Answer(logits, {}), IsOk());
    ASSERT_THAT(search.tokens(), SizeIs(beam));
    before.clear();
    for (size_t i = 0; i < beam; ++i) {
      EXPECT_EQ(search.parents()[i], all[i].row) << i << " of step " << step;
      EXPECT_EQ(search.tokens()[i], all[i].token) << i << " of step " << step;
      before.push_back(all[i].value);
    }
  }
}

TEST(BeamSearchCandidatesTest, LargeVocabulariesAreSearchedToTheirEnds) {
  for (const bool ties : {false, true}) {
    for (const int beam : {1, 4, 16}) {
      ExpectTheBestOfAll(
          {.vocabulary = 20011, .beam_size = beam, .start = 0, .end = 0}, ties);
    }
  }
}

}  // namespace
}  // namespace carousel
