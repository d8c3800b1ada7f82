// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_texts.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cpp/utf8.h"

namespace carousel {
namespace {

constexpr absl::string_view kWords[] = {
    "the",    "of",    "and",    "to",    "in",     "is",    "you",    "that",
    "it",     "he",    "was",    "for",   "on",     "are",   "with",   "his",
    "they",   "at",    "be",     "this",  "have",   "from",  "or",     "one",
    "had",    "by",    "words",  "but",   "not",    "what",  "all",    "were",
    "we",     "when",  "your",   "can",   "said",   "there", "use",    "an",
    "each",   "which", "she",    "do",    "how",    "their", "if",     "will",
    "up",     "other", "about",  "out",   "many",   "then",  "them",   "these",
    "so",     "some",  "her",    "would", "make",   "like",  "him",    "into",
    "time",   "has",   "look",   "two",   "more",   "write", "go",     "see",
    "number", "no",    "way",    "could", "people", "my",    "than",   "first",
    "water",  "been",  "call",   "who",   "oil",    "its",   "now",    "find",
    "long",   "down",  "day",    "did",   "get",    "come",  "made",   "may",
    "part",   "over",  "new",    "sound", "take",   "only",  "little", "work",
    "know",   "place", "years",  "live",  "me",     "back",  "give",   "most",
    "very",   "after", "things", "our",   "just",   "name",  "good",   "man",
    "think",  "say",   "great",  "where", "help",   "much",  "before", "line"};

// Steele, Lea and Flood 2014: the next state, and a number made of it.
uint64_t SplitMix(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

RandomTexts::RandomTexts(int words, uint64_t user, uint64_t seed)
    : words_(words), state_(seed) {
  // Far from every other user's states.
  state_ = SplitMix(&state_) ^ (user << 40);
}

std::string RandomTexts::Next() {
  std::string text;
  for (int i = 0; i < words_; ++i) {
    absl::StrAppend(&text, kWords[SplitMix(&state_) % std::size(kWords)], " ");
  }
  return text;
}

TypedLines::TypedLines(absl::Span<const std::string> lines, uint64_t user)
    : lines_(lines), line_(user % lines.size()) {}

std::string TypedLines::Next() {
  if (typed_ >= lines_[line_].size()) {
    line_ = (line_ + 1) % lines_.size();
    typed_ = 0;
  }
  ReadCodePoint(lines_[line_], typed_);
  return lines_[line_].substr(0, typed_);
}

absl::Span<const std::string> SampleLines() {
  static const auto* const lines = new std::vector<std::string>{
      "I would like to know when the next train leaves.",
      "Thank you very much for your help yesterday.",
      "Could you please send me the address of the hotel?",
      "We are going to meet in front of the station at noon.",
      "The weather has been very good for the time of year.",
      "She asked me whether I had ever been to London.",
      "If it rains tomorrow, we will stay at home.",
      "He has been working for the same company for ten years.",
      "Do you have any questions about what we talked about?",
      "I am looking forward to seeing you again soon."};
  return *lines;
}

}  // namespace carousel
