// SPDX-License-Identifier: Apache-2.0

#include "model/layers/translator.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/reference_translator.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

struct Case {
  std::string name;
  Cell encoder_cell, decoder_cell;
  bool bidirectional;
  std::optional<AttentionKind> attention;
  bool reverse_input, tied;
};

TranslatorSizes SizesOf(const Case& c) {
  return {.source_vocabulary = 9,
          .target_vocabulary = 11,
          .embedding = 5,
          .encoder = {.cell = c.encoder_cell,
                      .inputs = 5,
                      .hidden = c.bidirectional ? 4 : 8,
                      .layers = 2,
                      .bidirectional = c.bidirectional},
          .decoder = {.cell = c.decoder_cell,
                      .inputs = 5,
                      .hidden = 8,
                      .layers = 2},
          .attention = c.attention,
          .reverse_input = c.reverse_input,
          .tied = c.tied};
}

// The network that serves beside the equations.
class TranslatorTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const TranslatorSizes sizes = SizesOf(GetParam());
    const auto specs = WeightSpecs(sizes).value();
    reference_ = {.sizes = sizes,
                  .weights = RandomReferenceWeights(specs, 5),
                  .encoder_masks = {},
                  .decoder_masks = {},
                  .feature_masks = {}};
    network_ =
        Translator::Create(sizes, ToTensors(specs, reference_.weights)).value();
  }

  // The sources of the pairs, without padding.
  static std::vector<std::vector<int32_t>> SourcesOf(
      const ReferencePairs& pairs) {
    std::vector<std::vector<int32_t>> sources(pairs.rows);
    for (size_t n = 0; n < pairs.rows; ++n) {
      for (size_t s = pairs.First(n); s < pairs.source_steps; ++s) {
        sources[n].push_back(pairs.source[s * pairs.rows + n]);
      }
    }
    return sources;
  }

  // [t]: the logits (N, V) after feeding the targets of the pairs.
  std::vector<std::vector<float>> Decode(const ReferencePairs& pairs) {
    const auto encoded =
        network_->Encode(SourcesOf(pairs), &workspace_).value();
    std::vector<const RecurrentState*> states;
    std::vector<const AttentionMemory*> memories;
    for (const EncodedSource& source : encoded) {
      states.push_back(&source.state);
      memories.push_back(&source.memory);
    }
    const std::vector<int> rows(states.size(), 0);
    RecurrentState state = network_->decoder().JoinRows(states, rows);
    std::vector<std::vector<float>> all(pairs.steps);
    for (size_t t = 0; t < pairs.steps; ++t) {
      const auto tokens = absl::MakeConstSpan(pairs.target_in)
                              .subspan(t * pairs.rows, pairs.rows);
      const absl::Span<const float> logits =
          network_->decoder()
              .Step(tokens, memories, &state, &alignments_,
                    &workspace_.decoder())
              .value();
      all[t].assign(logits.begin(), logits.end());
    }
    return all;
  }

  ReferenceTranslator reference_;
  std::unique_ptr<const Translator> network_;
  Translator::Workspace workspace_;
  std::vector<std::vector<float>> alignments_;  // of the last step
};

// What serves is what was trained: both are judged by the same equations.
TEST_P(TranslatorTest, LogitsAreThoseOfTheEquations) {
  const ReferencePairs pairs = RandomPairs(reference_.sizes, 6, 4, 5, 8);
  const auto found = Decode(pairs);
  for (size_t n = 0; n < pairs.rows; ++n) {
    const std::vector<Doubles> expected = reference_.Logits(pairs, n);
    for (size_t t = 0; t < pairs.steps; ++t) {
      for (size_t v = 0; v < expected[t].size(); ++v) {
        EXPECT_NEAR(found[t][n * expected[t].size() + v], expected[t][v], 2e-5);
      }
    }
  }
}

// An alignment has a weight for each token of its source, in their order, also
// where the network reads them in reverse.
TEST_P(TranslatorTest, AlignmentsAreThoseOfTheEquationsInTheOrderOfTheTokens) {
  const ReferencePairs pairs = RandomPairs(reference_.sizes, 6, 3, 5, 8);
  Decode(pairs);
  if (!GetParam().attention.has_value()) {
    EXPECT_THAT(alignments_, testing::IsEmpty());
    return;
  }
  const auto sources = SourcesOf(pairs);
  ASSERT_EQ(alignments_.size(), sources.size());
  for (size_t n = 0; n < sources.size(); ++n) {
    std::vector<Doubles> expected;
    reference_.Logits(pairs, n, &expected);
    ASSERT_EQ(alignments_[n].size(), sources[n].size());
    for (size_t s = 0; s < sources[n].size(); ++s) {
      EXPECT_NEAR(alignments_[n][s], expected.back()[s], 1e-5);
    }
  }
}

// More rows than one call takes, some of one length: the same as alone.
TEST_P(TranslatorTest, ManyRowsGiveWhatEachGivesAlone) {
  const ReferencePairs pairs = RandomPairs(reference_.sizes, 7, 2, 70, 9);
  const auto together = Decode(pairs);
  const size_t width = 11;
  for (const size_t n : {size_t{0}, size_t{33}, size_t{69}}) {
    ReferencePairs one = {.source_steps = 7,
                          .steps = 2,
                          .rows = 1,
                          .source = {},
                          .target_in = {},
                          .targets = {},
                          .resets = {}};
    for (size_t s = 0; s < 7; ++s) {
      one.source.push_back(pairs.source[s * 70 + n]);
      one.resets.push_back(pairs.resets[s * 70 + n]);
    }
    for (size_t t = 0; t < 2; ++t) {
      one.target_in.push_back(pairs.target_in[t * 70 + n]);
    }
    const auto alone = Decode(one);
    for (size_t t = 0; t < 2; ++t) {
      for (size_t v = 0; v < width; ++v) {
        EXPECT_NEAR(alone[t][v], together[t][n * width + v], 1e-5);
      }
    }
  }
}

// A beam's rows go on from any row of the step before.
TEST_P(TranslatorTest, RowsAreSelectedAndRepeated) {
  const ReferencePairs pairs = RandomPairs(reference_.sizes, 4, 1, 3, 4);
  const auto encoded = network_->Encode(SourcesOf(pairs), &workspace_).value();
  const Decoder& decoder = network_->decoder();
  const RecurrentState joined =
      decoder.JoinRows({&encoded[0].state, &encoded[1].state}, {0, 0});
  const RecurrentState selected = decoder.SelectRows(joined, {1, 0, 1});
  EXPECT_EQ(selected.rows, 3);
  EXPECT_EQ(decoder.SelectRows(selected, {0}).h, encoded[1].state.h);
  EXPECT_EQ(decoder.SelectRows(selected, {1}).h, encoded[0].state.h);
  EXPECT_EQ(decoder.SelectRows(selected, {2}).c, encoded[1].state.c);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TranslatorTest,
    ::testing::Values(
        Case{"Plain", Cell::kLstm, Cell::kLstm, false, {}, true, false},
        Case{"PlainProjected", Cell::kGru, Cell::kGru, false, {}, false, true},
        Case{"Dot", Cell::kLstm, Cell::kLstm, false, AttentionKind::kDot, true,
             false},
        Case{"General", Cell::kLstm, Cell::kLstm, true, AttentionKind::kGeneral,
             false, true},
        Case{"Additive", Cell::kTanhRnn, Cell::kGru, true,
             AttentionKind::kAdditive, true, false}),
    [](const auto& kind) { return kind.param.name; });

// A wrong file is told by the tensor's name.
TEST(TranslatorCreateTest, AWrongShapeIsNamed) {
  const TranslatorSizes sizes =
      SizesOf({"", Cell::kLstm, Cell::kLstm, true, AttentionKind::kGeneral,
               false, false});
  const auto specs = WeightSpecs(sizes).value();
  auto tensors = ToTensors(specs, RandomReferenceWeights(specs, 1));
  tensors[0] = Tensor::Zeros(DType::kF32, {2, 2});
  EXPECT_THAT(Translator::Create(sizes, tensors),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("source_embedding.weight")));
}

// Both languages' is one, which is held once.
TEST(TranslatorMemoryTest, ASharedEmbeddingIsCountedOnce) {
  TranslatorSizes sizes = SizesOf({"", Cell::kLstm, Cell::kLstm, true,
                                   AttentionKind::kGeneral, false, false});
  sizes.source_vocabulary = sizes.target_vocabulary;
  const auto bytes = [&] {
    const auto specs = WeightSpecs(sizes).value();
    const auto tensors = ToTensors(specs, RandomReferenceWeights(specs, 1));
    return Translator::Create(sizes, tensors).value()->memory_bytes();
  };
  const size_t apart = bytes();
  sizes.shared_embedding = true;
  EXPECT_EQ(apart - bytes(),
            static_cast<size_t>(sizes.source_vocabulary * sizes.embedding) *
                sizeof(float));
}

}  // namespace
}  // namespace carousel
