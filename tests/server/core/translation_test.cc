// SPDX-License-Identifier: Apache-2.0

#include "server/core/translation.h"

#include <cmath>
#include <functional>
#include <latch>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/core/bad_field.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TranslationServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteTinyTranslator(dir_.File("tiny/1")), IsOk());
    ASSERT_THAT(WriteTinyBundle(dir_.File("words/1"), {"good", "bad"}, 1),
                IsOk());
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
    engine_ = std::make_unique<Engine>(EngineOptions{.workers = 1}, clock_);
    core_ = std::make_unique<TranslationCore>(
        TranslationServiceOptions{.max_text_bytes = 2000}, repository_.get(),
        engine_.get(), &clock_);
  }

  absl::StatusOr<v1::TranslateResponse> Translate(
      const v1::TranslateRequest& request, std::string* told = nullptr) {
    absl::StatusOr<v1::TranslateResponse> result = absl::UnknownError("");
    std::latch done(1);
    core_->TranslateAloud(
        request, {},
        [this, told](absl::string_view more) {
          if (told != nullptr) told->append(more.data(), more.size());
          if (on_text_) on_text_();
        },
        [&](absl::StatusOr<v1::TranslateResponse> response,
            const CallReport& report) {
          result = std::move(response);
          report_ = report;
          done.count_down();
        });
    done.wait();
    return result;
  }

  static v1::TranslateRequest Request(const std::string& text) {
    v1::TranslateRequest request;
    request.set_text(text);
    return request;
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<TranslationCore> core_;
  CallReport report_;
  std::function<void()> on_text_;
};

TEST_F(TranslationServiceTest, TextIsItsSentencesWithTheirSpacing) {
  const auto response = Translate(Request(" a b!\n  c d. "));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->model().name(), "tiny");
  EXPECT_EQ(response->model().version(), 1);
  ASSERT_THAT(response->sentences(), SizeIs(2));
  const auto best = [&](int i) {
    return response->sentences(i).translations(0).text();
  };
  EXPECT_EQ(response->text(), " " + best(0) + "\n  " + best(1) + " ");
  EXPECT_EQ(report_.version, 1);
  EXPECT_GT(report_.batch, 0);
}

// A client counts characters, not bytes.
TEST_F(TranslationServiceTest, PlacesAreInCodePoints) {
  const auto response = Translate(Request("é a! 😀 b c!"));
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->sentences(), SizeIs(2));
  EXPECT_EQ(response->sentences(0).begin(), 0);
  EXPECT_EQ(response->sentences(0).end(), 4);
  EXPECT_EQ(response->sentences(1).begin(), 5);
  EXPECT_EQ(response->sentences(1).end(), 11);
}

TEST_F(TranslationServiceTest, TranslationsAreSortedByTheirScores) {
  v1::TranslateRequest request = Request("a b c d");
  request.set_beam_size(6);
  request.set_max_translations(4);
  const auto response = Translate(request);
  ASSERT_THAT(response, IsOk());
  const auto& found = response->sentences(0).translations();
  ASSERT_THAT(found, SizeIs(4));
  for (int i = 1; i < found.size(); ++i) {
    EXPECT_LE(found[i].score(), found[i - 1].score());
    EXPECT_NE(found[i].text(), found[i - 1].text());
  }
  EXPECT_LT(found[0].log_probability(), 0);
  EXPECT_EQ(response->text(), found[0].text());
}

// Who shows what was made of what needs words and places that fit.
TEST_F(TranslationServiceTest, AlignmentRowsAreDistributionsOverTheWords) {
  v1::TranslateRequest request = Request("é! a, b  c.");
  request.set_alignment(true);
  const auto response = Translate(request);
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->sentences(), SizeIs(2));
  const auto& best = response->sentences(1).translations(0);
  const v1::Alignment& alignment = best.alignment();
  ASSERT_THAT(alignment.source(), SizeIs(5));
  EXPECT_EQ(alignment.source(2).text(), "b");
  EXPECT_EQ(alignment.source(2).begin(), 6);
  EXPECT_EQ(alignment.source(2).end(), 7);
  EXPECT_EQ(alignment.source(3).begin(), 9);
  ASSERT_GT(alignment.target_size(), 0);
  ASSERT_EQ(alignment.rows_size(), alignment.target_size());
  for (int t = 0; t < alignment.target_size(); ++t) {
    const v1::AlignedWord& word = alignment.target(t);
    EXPECT_EQ(best.text().substr(word.begin(), word.end() - word.begin()),
              word.text());
    const auto& weights = alignment.rows(t).weights();
    ASSERT_THAT(weights, SizeIs(6));
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-5);
  }
  EXPECT_FALSE(
      Translate(Request("a b"))->sentences(0).translations(0).has_alignment());
}

TEST_F(TranslationServiceTest, WhatIsToldIsTheText) {
  std::string told;
  const auto response = Translate(Request(" a b c!\n\nd!  b a "), &told);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(told, response->text());
}

// The clock moves with the first word that is told.
TEST_F(TranslationServiceTest, TimeLimitGivesTheBestSoFar) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a b! ";
  v1::TranslateRequest request = Request(text);
  request.mutable_time_limit()->set_seconds(60);
  on_text_ = [&] { clock_.Advance(absl::Seconds(61)); };
  std::string told;
  const auto part = Translate(request, &told);
  ASSERT_THAT(part, IsOk());
  EXPECT_TRUE(part->truncated());
  EXPECT_THAT(part->sentences(), SizeIs(100));
  EXPECT_TRUE(part->sentences(99).translations(0).truncated());
  EXPECT_EQ(told, part->text());
}

TEST_F(TranslationServiceTest, TextsOfNothingStayAsTheyAre) {
  for (const char* text : {"", " \n ", "\u2003\t"}) {
    const auto response = Translate(Request(text));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->text(), text);
    EXPECT_THAT(response->sentences(), IsEmpty());
    EXPECT_FALSE(response->truncated());
  }
}

// Emoji, text from right to left, control characters, unknown words only: all
// are texts.
TEST_F(TranslationServiceTest, AnyUtf8IsTranslated) {
  for (const std::string& text :
       {std::string("😀😀 👩‍👩‍👧"),
        std::string("مرحبا بالعالم"), std::string("a\0b\x01\x7f", 5),
        std::string("zzz qqq"), std::string("\u202e abc \u2066"),
        std::string(999, '!')}) {
    EXPECT_THAT(Translate(Request(text)), IsOk()) << text;
  }
}

TEST_F(TranslationServiceTest, BadRequestsNameTheirField) {
  const auto refused = [&](auto change) {
    v1::TranslateRequest request = Request("a b");
    change(&request);
    const absl::Status status = Translate(request).status();
    const std::string field = BadField(status);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr(field + ": ")));
    return field;
  };
  using Request = v1::TranslateRequest*;
  EXPECT_EQ(refused([](Request r) { r->set_beam_size(0); }), "beam_size");
  EXPECT_EQ(refused([](Request r) { r->set_beam_size(1000); }), "beam_size");
  EXPECT_EQ(refused([](Request r) { r->set_max_translations(6); }),
            "max_translations");
  EXPECT_EQ(refused([](Request r) { r->set_max_translations(0); }),
            "max_translations");
  EXPECT_EQ(refused([](Request r) { r->set_length_penalty(NAN); }),
            "length_penalty");
  EXPECT_EQ(refused([](Request r) { r->set_coverage_penalty(-1); }),
            "coverage_penalty");
  EXPECT_EQ(refused([](Request r) { r->mutable_time_limit(); }), "time_limit");
  EXPECT_EQ(
      refused([](Request r) { r->mutable_time_limit()->set_seconds(-1); }),
      "time_limit");
  EXPECT_EQ(refused([](Request r) {
              r->mutable_time_limit()->set_seconds(1);
              r->mutable_time_limit()->set_nanos(-1);
            }),
            "time_limit");
  EXPECT_EQ(refused([](Request r) {
              r->set_max_translations(5);
              std::string text;
              for (int i = 0; i < 500; ++i) text += "!\n";
              r->set_text(text + text);
            }),
            "text");
  EXPECT_EQ(refused([](Request r) { r->set_text(std::string(2001, 'a')); }),
            "text");
  EXPECT_EQ(refused([](Request r) { r->mutable_model()->set_name("words"); }),
            "model.name");
}

TEST_F(TranslationServiceTest, UnknownModelsAreNotFound) {
  v1::TranslateRequest request = Request("a");
  request.mutable_model()->set_name("other");
  EXPECT_THAT(Translate(request),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("tiny")));
}

}  // namespace
}  // namespace carousel
