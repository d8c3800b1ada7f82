// SPDX-License-Identifier: Apache-2.0
//
// What suggestions do to a text, and how they are printed.

#ifndef CAROUSEL_CLIENT_CLI_SUGGESTIONS_H_
#define CAROUSEL_CLIENT_CLI_SUGGESTIONS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "carousel/v1/autocomplete.pb.h"

namespace carousel {

// `text` (what stands left of the cursor) after taking `suggestion`.
std::string Take(absl::string_view text, const v1::Suggestion& suggestion);

// One line for each suggestion: its probability and the end of what the text
// becomes, the part that is put in bold if `bold`. Of `text` only what follows
// the last newline is shown.
//
//    62.1%  I would like to go
//     8.0%  I would like to see
std::string FormatSuggestions(absl::string_view text,
                              const v1::CompleteResponse& response, bool bold);

// In place of the suggestions for a text that has none for a reason.
//
//   error  text: not valid UTF-8 at byte 3
std::string FormatNoSuggestions(absl::string_view reason);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_SUGGESTIONS_H_
