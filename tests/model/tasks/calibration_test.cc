// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/calibration.h"

#include <cmath>

#include "gtest/gtest.h"
#include "model/base/random.h"

namespace carousel {
namespace {

TEST(CalibrationBinsTest, ErrorIsTheDifferenceOfShareAndProbability) {
  CalibrationBins bins;
  for (int i = 0; i < 4; ++i) bins.Add(0.9, i < 3);  // right 0.75 of the time
  EXPECT_NEAR(bins.ExpectedError(), 0.15, 1e-12);
}

// Too sure here does not make up for too unsure there.
TEST(CalibrationBinsTest, BinsCountByThemselves) {
  CalibrationBins bins;
  bins.Add(0.95, false);
  bins.Add(0.55, true);
  EXPECT_NEAR(bins.ExpectedError(), (0.95 + 0.45) / 2, 1e-12);
}

TEST(CalibrationBinsTest, CertainAndNoAnswersAreCounted) {
  CalibrationBins bins;
  EXPECT_EQ(bins.ExpectedError(), 0);
  bins.Add(1, true);
  bins.Add(0, false);
  EXPECT_EQ(bins.ExpectedError(), 0);
}

// Answers whose labels are as probable as softmax(logits / temperature) says.
std::vector<LabelledAnswer> AnswersAt(double temperature) {
  std::vector<LabelledAnswer> answers;
  Random random(7);
  for (int i = 0; i < 20000; ++i) {
    LabelledAnswer answer;
    for (int k = 0; k < 3; ++k) {
      answer.log_probabilities.push_back(random.Uniform(-4, 4));
    }
    double total = 0;
    for (float value : answer.log_probabilities) {
      total += std::exp(value / temperature);
    }
    double left = random.Uniform(0, 1) * total;
    while (answer.label < 2) {
      left -= std::exp(answer.log_probabilities[answer.label] / temperature);
      if (left < 0) break;
      ++answer.label;
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

TEST(FitTemperatureTest, FindsTheTemperatureOfTheLabels) {
  for (const double temperature : {0.7, 1.0, 2.5}) {
    EXPECT_NEAR(FitTemperature(AnswersAt(temperature)), temperature,
                0.05 * temperature);
  }
}

// What is too sure becomes as sure as it is right; no label changes.
TEST(FitTemperatureTest, LowersTheErrorAndKeepsTheLabels) {
  const auto answers = AnswersAt(2.5);
  const double temperature = FitTemperature(answers);
  EXPECT_GT(ExpectedErrorAt(1, answers), 0.1);
  EXPECT_LT(ExpectedErrorAt(temperature, answers), 0.02);
  for (const auto& answer : answers) {
    ASSERT_EQ(BestAt(1, answer.log_probabilities).label,
              BestAt(temperature, answer.log_probabilities).label);
  }
}

// All right: the coldest there is.
TEST(FitTemperatureTest, StaysWithinItsBounds) {
  const std::vector<LabelledAnswer> right = {{{-0.1f, -2.0f}, 0}};
  EXPECT_NEAR(FitTemperature(right), 0.05, 0.001);
  const std::vector<LabelledAnswer> wrong = {{{-0.1f, -2.0f}, 1}};
  EXPECT_NEAR(FitTemperature(wrong), 20, 0.1);
}

}  // namespace
}  // namespace carousel
