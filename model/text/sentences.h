// SPDX-License-Identifier: Apache-2.0
//
// Text to sentences, for networks that read one at a time.

#ifndef CAROUSEL_MODEL_TEXT_SENTENCES_H_
#define CAROUSEL_MODEL_TEXT_SENTENCES_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "model/text/byte_range.h"

namespace carousel {

// The sentences of `text`, in their order, by Unicode's rules (ICU, UAX #29)
// and English abbreviations ("Dr. Watson" is not cut). White space around a
// sentence is none of it, so that what lies between two of them is their
// spacing. The end of a line ends a sentence. None is empty. REQUIRES: valid
// UTF-8.
std::vector<ByteRange> SplitSentences(absl::string_view text);

// `range` of `text` cut in two: behind a mark and a space near the middle, else
// behind a space, else behind any character. White space at the cut is of
// neither half. Nothing for a single character. REQUIRES: valid UTF-8; a range
// that is not empty.
std::vector<ByteRange> Halves(absl::string_view text, ByteRange range);

// `range` without the white space at its ends.
ByteRange Trim(absl::string_view text, ByteRange range);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TEXT_SENTENCES_H_
