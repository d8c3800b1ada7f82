// SPDX-License-Identifier: Apache-2.0
//
// Texts for networks that read one as a whole and answer at its end. Training,
// evaluation and serving prepare them with this one code.

#ifndef CAROUSEL_MODEL_TEXT_WHOLE_TEXT_H_
#define CAROUSEL_MODEL_TEXT_WHOLE_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/text/byte_range.h"
#include "model/text/tokenizer.h"

namespace carousel {

// Puts text that was cut as the Penn Treebank cuts it together again, as people
// write: "It 's" -> "It's", "did n't" -> "didn't", "`` so ''" -> "\" so \"",
// "-LRB-" -> "(", "1\/2" -> "1/2". Text that was not cut stays as it is, but
// for runs of white space.
std::string JoinTreebankTokens(absl::string_view text);

// If there are more than `longest` tokens, keeps the first quarter of `longest`
// and fills the rest from the end, for a text says what it is about at its
// beginning and what it concludes at its end (Sun et al. 2019, section 5.3.1).
// Returns whether it cut. REQUIRES: longest >= 1.
bool CutLongText(int longest, std::vector<int32_t>* tokens);

// A text as a tokenizer of this kind should see it (SplitText, Encode):
// normalised, and for kWords put together as above, so that data sets which are
// cut and people who are not mean the same. INVALID_ARGUMENT if it is not valid
// UTF-8.
absl::StatusOr<std::string> PrepareWholeText(TokenizerKind kind,
                                             absl::string_view text);

struct WholeText {
  std::vector<int32_t> tokens;  // ends in <eos>, so never empty
  bool cut = false;             // was longer than `longest`, <eos> not counted
};

// Prepares, encodes, cuts. INVALID_ARGUMENT if it is not valid UTF-8.
absl::StatusOr<WholeText> EncodeWholeText(const Tokenizer& tokenizer,
                                          int longest, absl::string_view text);

// A word (or mark) of a text: the tokens that it became.
struct WholeTextWord {
  ByteRange place;   // in the text as it was given
  size_t first = 0;  // of WholeText::tokens
  size_t count = 0;  // 1 or more
};

// The words that the tokens of EncodeWholeText are, in their order: what it
// cuts is left out, and so is <eos>. In kSubword a word is what stands between
// white space, or what the cut leaves of it. Where preparing changed the number
// of characters between two white spaces, the place is all of them.
// INVALID_ARGUMENT if the text is not valid UTF-8.
absl::StatusOr<std::vector<WholeTextWord>> WordsOfWholeText(
    const Tokenizer& tokenizer, int longest, absl::string_view text);

// Makes of text, whole or what stands between two white spaces, what a
// tokenizer should see.
using PrepareText = absl::FunctionRef<std::string(absl::string_view)>;

// Where the pieces of `prepared`, which `prepare` made of `given`, stand in
// `given`; as for the words above, the place may be all between two white
// spaces. REQUIRES: `given` is valid UTF-8.
std::vector<ByteRange> PlacesOf(absl::Span<const TextPiece> pieces,
                                absl::string_view given,
                                absl::string_view prepared,
                                PrepareText prepare);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_WHOLE_TEXT_H_
