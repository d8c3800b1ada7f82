// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/agreement_sentences.h"

#include <iterator>

#include "model/base/check.h"

namespace carousel {
namespace {

// Nouns take an s in the plural, verbs in the singular.
constexpr const char* kNouns[] = {"boy",    "girl",   "dog", "teacher",
                                  "friend", "doctor", "cat", "farmer"};
constexpr const char* kMainVerbs[] = {"run", "sleep", "laugh", "sing", "wait"};
constexpr const char* kClauseVerbs[] = {"like", "see", "know", "help",
                                        "follow"};
constexpr const char* kPrepositions[] = {"near", "behind", "with", "beside"};
constexpr const char* kOthers[] = {"the", "that", "."};

// Ids: each list in turn; of nouns and verbs first all as they stand above,
// then all with an s.
constexpr int kNounCount = static_cast<int>(std::size(kNouns));
constexpr int kMainVerbCount = static_cast<int>(std::size(kMainVerbs));
constexpr int kClauseVerbCount = static_cast<int>(std::size(kClauseVerbs));
constexpr int kPrepositionCount = static_cast<int>(std::size(kPrepositions));
constexpr int kFirstNoun = 0;
constexpr int kFirstMainVerb = kFirstNoun + 2 * kNounCount;
constexpr int kFirstClauseVerb = kFirstMainVerb + 2 * kMainVerbCount;
constexpr int kFirstPreposition = kFirstClauseVerb + 2 * kClauseVerbCount;
constexpr int kThe = kFirstPreposition + kPrepositionCount;
constexpr int kThat = kThe + 1;
constexpr int kStop = kThe + 2;

std::vector<std::string> MakeWords() {
  std::vector<std::string> words;
  const auto add = [&words](const auto& list, const char* ending) {
    for (const char* word : list) words.push_back(std::string(word) + ending);
  };
  add(kNouns, "");
  add(kNouns, "s");
  add(kMainVerbs, "");
  add(kMainVerbs, "s");
  add(kClauseVerbs, "");
  add(kClauseVerbs, "s");
  add(kPrepositions, "");
  add(kOthers, "");
  return words;
}

const std::vector<std::string>& Words() {
  static const auto& words = *new std::vector<std::string>(MakeWords());
  return words;
}

int Pick(int count, Random* random) {
  return static_cast<int>(random->Below(static_cast<uint64_t>(count)));
}

bool Coin(Random* random) { return random->Below(2) == 1; }

int32_t Noun(bool plural, Random* random) {
  return kFirstNoun + Pick(kNounCount, random) + (plural ? kNounCount : 0);
}

bool NumberOf(DistractorNumber number, bool subject_plural, Random* random) {
  return number == DistractorNumber::kOpposite ? !subject_plural : Coin(random);
}

// The verb of the subject and the end.
void Finish(bool plural, AgreementSentence* sentence, Random* random) {
  const int verb = kFirstMainVerb + Pick(kMainVerbCount, random);
  sentence->verb = verb + (plural ? 0 : kMainVerbCount);
  sentence->wrong_verb = verb + (plural ? kMainVerbCount : 0);
  sentence->verb_at = static_cast<int>(sentence->words.size());
  sentence->words.push_back(sentence->verb);
  sentence->words.push_back(kStop);
}

// 0 with probability 1/2, 1 with 1/4, ..., never above `most`.
int Geometric(int most, Random* random) {
  int count = 0;
  while (count < most && Coin(random)) ++count;
  return count;
}

}  // namespace

int AgreementVocabularySize() { return kStop + 1; }

const std::string& AgreementWord(int id) {
  return Words()[static_cast<size_t>(id)];
}

AgreementSentence MakeDistractorSentence(int distractors,
                                         DistractorNumber number,
                                         Random* random) {
  CAROUSEL_CHECK(distractors >= 0 && distractors <= kMaxDistractors);
  const bool plural = Coin(random);
  AgreementSentence sentence;
  sentence.words = {kThe, Noun(plural, random)};
  for (int i = 0; i < distractors; ++i) {
    sentence.words.push_back(kFirstPreposition +
                             Pick(kPrepositionCount, random));
    sentence.words.push_back(kThe);
    sentence.words.push_back(Noun(NumberOf(number, plural, random), random));
  }
  Finish(plural, &sentence, random);
  return sentence;
}

AgreementSentence MakeRelativeSentence(int depth, DistractorNumber number,
                                       Random* random) {
  CAROUSEL_CHECK(depth >= 0 && depth <= kMaxDepth);
  const bool plural = Coin(random);
  AgreementSentence sentence;
  sentence.words = {kThe, Noun(plural, random)};
  std::vector<bool> clauses;  // plural?
  for (int i = 0; i < depth; ++i) {
    clauses.push_back(NumberOf(number, plural, random));
    sentence.words.push_back(kThat);
    sentence.words.push_back(kThe);
    sentence.words.push_back(Noun(clauses.back(), random));
  }
  // The innermost clause is closed first.
  for (; !clauses.empty(); clauses.pop_back()) {
    sentence.words.push_back(kFirstClauseVerb + Pick(kClauseVerbCount, random) +
                             (clauses.back() ? 0 : kClauseVerbCount));
  }
  Finish(plural, &sentence, random);
  return sentence;
}

AgreementSentence MakeTrainingSentence(Random* random) {
  return Coin(random)
             ? MakeDistractorSentence(Geometric(kTrainedDistractors, random),
                                      DistractorNumber::kRandom, random)
             : MakeRelativeSentence(Geometric(kTrainedDepth, random),
                                    DistractorNumber::kRandom, random);
}

std::string JoinWords(const AgreementSentence& sentence) {
  std::string text;
  for (const int32_t word : sentence.words) {
    if (!text.empty()) text += ' ';
    text += AgreementWord(word);
  }
  return text;
}

}  // namespace carousel
