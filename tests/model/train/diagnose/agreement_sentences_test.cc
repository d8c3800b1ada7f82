// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/agreement_sentences.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr auto kRandom = DistractorNumber::kRandom;
constexpr auto kOpposite = DistractorNumber::kOpposite;

const std::set<std::string>& Set(const char* name) {
  static const auto& sets = *new std::map<std::string, std::set<std::string>>{
      {"noun",
       {"boy", "girl", "dog", "teacher", "friend", "doctor", "cat", "farmer"}},
      {"verb", {"run", "sleep", "laugh", "sing", "wait"}},
      {"clause verb", {"like", "see", "know", "help", "follow"}},
      {"preposition", {"near", "behind", "with", "beside"}}};
  return sets.at(name);
}

// An s makes a noun plural and a verb singular.
std::string Stem(const std::string& word) {
  return absl::EndsWith(word, "s") ? word.substr(0, word.size() - 1) : word;
}
bool EndsInS(const std::string& word) { return absl::EndsWith(word, "s"); }

// A recursive descent over the words, written down independently of the
// generator; *subject_plural of the noun phrase it reads.
class Reader {
 public:
  explicit Reader(const AgreementSentence& sentence)
      : words_(absl::StrSplit(JoinWords(sentence), ' ')) {}

  // NounPhrase Verb "." with agreement everywhere.
  bool IsSentence() {
    bool plural = false;
    return NounPhrase(&plural) && Verb("verb", plural) && Word(".") &&
           at_ == words_.size();
  }
  int nouns() const { return nouns_; }

 private:
  bool Word(const std::string& word) {
    return at_ < words_.size() && words_[at_++] == word;
  }
  bool Next(const std::string& word) const {
    return at_ < words_.size() && words_[at_] == word;
  }
  bool Noun(bool* plural) {
    if (!Word("the") || at_ == words_.size()) return false;
    const std::string word = words_[at_++];
    *plural = EndsInS(word);
    ++nouns_;
    return Set("noun").contains(Stem(word));
  }
  bool Verb(const char* kind, bool plural) {
    if (at_ == words_.size()) return false;
    const std::string word = words_[at_++];
    return Set(kind).contains(Stem(word)) && EndsInS(word) != plural;
  }
  bool NounPhrase(bool* plural) {
    if (!Noun(plural)) return false;
    if (Next("that")) {
      ++at_;
      bool clause_plural = false;
      return NounPhrase(&clause_plural) && Verb("clause verb", clause_plural);
    }
    while (at_ < words_.size() && Set("preposition").contains(words_[at_])) {
      ++at_;
      bool ignored = false;
      if (!Noun(&ignored)) return false;
    }
    return true;
  }

  const std::vector<std::string> words_;
  size_t at_ = 0;
  int nouns_ = 0;
};

// A network cannot learn agreement from sentences that do not agree.
TEST(AgreementSentencesTest, EverySentenceIsGrammatical) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const AgreementSentence sentence = MakeTrainingSentence(&random);
    EXPECT_TRUE(Reader(sentence).IsSentence()) << JoinWords(sentence);
    EXPECT_LE(sentence.words.size(), size_t{kMaxAgreementWords});
  }
}

// What accuracy is plotted over must be what lies in between.
TEST(AgreementSentencesTest, HasAsManyNounsInBetweenAsAskedFor) {
  Random random(7);
  for (int count = 0; count <= kMaxDistractors; ++count) {
    Reader reader(MakeDistractorSentence(count, kRandom, &random));
    EXPECT_TRUE(reader.IsSentence());
    EXPECT_EQ(reader.nouns(), count + 1);
  }
  for (int depth = 0; depth <= kMaxDepth; ++depth) {
    Reader reader(MakeRelativeSentence(depth, kRandom, &random));
    EXPECT_TRUE(reader.IsSentence());
    EXPECT_EQ(reader.nouns(), depth + 1);
  }
}

// The wrong verb is the same verb, and wrong.
TEST(AgreementSentencesTest, TheWrongVerbBreaksTheSentence) {
  Random random(7);
  for (int i = 0; i < 200; ++i) {
    AgreementSentence sentence = MakeTrainingSentence(&random);
    int32_t& verb = sentence.words[static_cast<size_t>(sentence.verb_at)];
    EXPECT_EQ(verb, sentence.verb);
    EXPECT_EQ(Stem(AgreementWord(sentence.verb)),
              Stem(AgreementWord(sentence.wrong_verb)));
    verb = sentence.wrong_verb;
    EXPECT_FALSE(Reader(sentence).IsSentence()) << JoinWords(sentence);
  }
}

// Who agrees with the nearest noun instead of the subject must be caught.
TEST(AgreementSentencesTest, OppositeNounsDifferFromTheSubject) {
  Random random(7);
  for (int i = 0; i < 100; ++i) {
    for (const AgreementSentence& sentence :
         {MakeDistractorSentence(3, kOpposite, &random),
          MakeRelativeSentence(2, kOpposite, &random)}) {
      std::vector<bool> plural;
      for (const int32_t id : sentence.words) {
        const std::string& word = AgreementWord(id);
        if (Set("noun").contains(Stem(word))) plural.push_back(EndsInS(word));
      }
      for (size_t k = 1; k < plural.size(); ++k) {
        EXPECT_NE(plural[k], plural[0]) << JoinWords(sentence);
      }
    }
  }
}

}  // namespace
}  // namespace carousel
