// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/language_model_self_test.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;

class LanguageModelSelfTestTest : public testing::Test {
 protected:
  LanguageModelSelfTestTest() {
    cases_ = *MakeSelfTest(*network_, tokenizer_, {"", "one two 3 x"});
  }

  absl::Status Run() {
    return RunSelfTest(*network_, tokenizer_, cases_, /*tolerance=*/1e-3);
  }

  const Tokenizer tokenizer_{TokenizerKind::kWords,
                             *Vocabulary::Create(TinyTokens({"one", "two"}))};
  const LanguageModelSizes sizes_ = TinySizes(5);
  const std::unique_ptr<const LanguageModel> network_ = *LanguageModel::Create(
      sizes_, TinyWeights(sizes_, 1), tokenizer_.vocabulary().prefix_order());
  std::vector<LanguageModelManifest::Case> cases_;
};

TEST_F(LanguageModelSelfTestTest, PassesOnTheNetworkItWasMadeWith) {
  EXPECT_THAT(Run(), IsOk());
}

// All five tokens of this vocabulary are in the case, so they add up to 1.
TEST_F(LanguageModelSelfTestTest,
       RecordsLogProbabilitiesOverTheWholeVocabulary) {
  for (const auto& test : cases_) {
    double sum = 0;
    float last = 0;
    for (const auto& [id, value] : test.log_probabilities) {
      sum += std::exp(value);
      EXPECT_LE(value, last);
      last = value;
    }
    EXPECT_EQ(test.log_probabilities.size(), 5u);
    EXPECT_NEAR(sum, 1, 1e-5);
  }
  EXPECT_EQ(cases_[1].tokens, (std::vector<int32_t>{3, 4, 2, 0}));
}

TEST_F(LanguageModelSelfTestTest, FailsBeyondTheToleranceOnly) {
  float& value = cases_[1].log_probabilities[2].second;
  value += 0.0005f;
  EXPECT_THAT(Run(), IsOk());
  value += 0.001f;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss,
                              HasSubstr("self-test of \"one two 3 x\": "
                                        "log-probability of")));
  value = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
}

// Another tokenizer would feed the network what it was not trained on.
TEST_F(LanguageModelSelfTestTest, FailsIfATextIsCutOtherwise) {
  cases_[1].tokens = {3, 4, 2};
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss,
                              HasSubstr("expected tokens 3,4,2, found "
                                        "3,4,2,0")));
}

TEST_F(LanguageModelSelfTestTest, NeedsTexts) {
  EXPECT_THAT(MakeSelfTest(*network_, tokenizer_, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at least one text")));
}

}  // namespace
}  // namespace carousel
