// SPDX-License-Identifier: Apache-2.0
//
// English sentences whose verb must agree in number with a subject that stands
// far before it, with other nouns in between (Linzen, Dupoux, Goldberg 2016):
//
//   distractors 2   the boy near the girls behind the dogs runs .
//   depth 1         the boy that the girls like runs .
//   depth 2         the boy that the girls that the dog sees like runs .

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_AGREEMENT_SENTENCES_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_AGREEMENT_SENTENCES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/random.h"

namespace carousel {

inline constexpr int kMaxDistractors = 6;
inline constexpr int kMaxDepth = 3;

// What is trained on: beyond it lies what must be carried over.
inline constexpr int kTrainedDistractors = 2;
inline constexpr int kTrainedDepth = 1;

// Words of the longest sentence.
inline constexpr int kMaxAgreementWords = 22;

// The number of words, and the word of an id.
int AgreementVocabularySize();
const std::string& AgreementWord(int id);

struct AgreementSentence {
  std::vector<int32_t> words;
  int verb_at = 0;  // the place of the verb of the first noun
  int32_t verb = 0;
  int32_t wrong_verb = 0;  // the same verb in the other number
};

enum class DistractorNumber {
  kRandom,    // as in running text
  kOpposite,  // all nouns in between are of the other number than the subject
};

// Nouns in between in phrases: "near the girls". REQUIRES: 0 <= distractors <=
// kMaxDistractors.
AgreementSentence MakeDistractorSentence(int distractors,
                                         DistractorNumber number,
                                         Random* random);

// Nouns in between in relative clauses, one within the other. REQUIRES: 0 <=
// depth <= kMaxDepth.
AgreementSentence MakeRelativeSentence(int depth, DistractorNumber number,
                                       Random* random);

// As a text would have them: each further noun in between is half as frequent,
// up to kTrainedDistractors or kTrainedDepth.
AgreementSentence MakeTrainingSentence(Random* random);

// The words with blanks between them.
std::string JoinWords(const AgreementSentence& sentence);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_AGREEMENT_SENTENCES_H_
