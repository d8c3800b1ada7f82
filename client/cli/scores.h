// SPDX-License-Identifier: Apache-2.0
//
// How the label of a text, and what made it so, are printed.

#ifndef CAROUSEL_CLIENT_CLI_SCORES_H_
#define CAROUSEL_CLIENT_CLI_SCORES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "carousel/v1/sentiment.pb.h"

namespace carousel {

// The label, how probable it is, and the beginning of the text; below it a line
// for each word that was explained, with what it contributes as a number and as
// a bar, and the label's probability after it.
//
//   positive   97.3%  A lovely film.
//              +0.02               12.1%  A
//              +2.10  ++++++++     80.3%  lovely
std::string FormatScore(absl::string_view text,
                        const v1::ScoreResponse& response, bool bold);

// The line of a text that could not be scored.
//
//   error           -  text: not valid UTF-8 at byte 3
std::string FormatError(absl::string_view reason);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_SCORES_H_
