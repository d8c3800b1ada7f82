// SPDX-License-Identifier: Apache-2.0

#include "model/text/whole_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/vocabulary.h"

namespace carousel {
namespace {

// What the Treebank cuts off the word before.
constexpr absl::string_view kEndings[] = {"n't", "'s", "'re", "'ve",
                                          "'ll", "'d", "'m"};

bool IsEnding(absl::string_view token) {
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](absl::string_view ending) {
                       return absl::EqualsIgnoreCase(token, ending);
                     });
}

bool EndsInLetter(absl::string_view text) {
  if (text.empty()) return false;
  const auto last = static_cast<unsigned char>(text.back());
  return absl::ascii_isalpha(last) || last >= 0x80;
}

std::string Restore(absl::string_view token) {
  if (token == "``" || token == "''") return "\"";
  if (token == "-LRB-") return "(";
  if (token == "-RRB-") return ")";
  if (!absl::StrContains(token, '\\')) return std::string(token);
  return absl::StrReplaceAll(token, {{"\\/", "/"}, {"\\*", "*"}});
}

}  // namespace

std::string JoinTreebankTokens(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (absl::string_view token :
       absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
    const bool joins = IsEnding(token) && EndsInLetter(result);
    absl::StrAppend(&result, joins || result.empty() ? "" : " ",
                    Restore(token));
  }
  return result;
}

bool CutLongText(int longest, std::vector<int32_t>* tokens) {
  const auto most = static_cast<int64_t>(longest);
  if (static_cast<int64_t>(tokens->size()) <= most) return false;
  const int64_t head = most / 4;
  tokens->erase(tokens->begin() + head, tokens->end() - (most - head));
  return true;
}

absl::StatusOr<std::string> PrepareWholeText(TokenizerKind kind,
                                             absl::string_view text) {
  if (kind == TokenizerKind::kWhitespace) {
    // Text that is already tokenised is taken as it stands.
    RETURN_IF_ERROR(ValidateUtf8(text));
    return std::string(text);
  }
  ASSIGN_OR_RETURN(std::string normalised, Normalise(text));
  if (kind == TokenizerKind::kWords) return JoinTreebankTokens(normalised);
  return normalised;
}

absl::StatusOr<WholeText> EncodeWholeText(const Tokenizer& tokenizer,
                                          int longest, absl::string_view text) {
  ASSIGN_OR_RETURN(const std::string prepared,
                   PrepareWholeText(tokenizer.kind(), text));
  WholeText result;
  ASSIGN_OR_RETURN(result.tokens, tokenizer.Encode(prepared));
  result.cut = CutLongText(longest, &result.tokens);
  result.tokens.push_back(Vocabulary::kEndOfLine);
  return result;
}

}  // namespace carousel
