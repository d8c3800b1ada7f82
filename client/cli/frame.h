// SPDX-License-Identifier: Apache-2.0
//
// How the line editor looks on a terminal: the line with what Tab would add
// greyed behind the cursor, the suggestions below it, and a line of status.

#ifndef CAROUSEL_CLIENT_CLI_FRAME_H_
#define CAROUSEL_CLIENT_CLI_FRAME_H_

#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/line_editor.h"

namespace carousel {

// Erases a frame and all that is below it. The cursor must be in the frame's
// first line, where every frame leaves it, and stays there.
inline constexpr absl::string_view kEraseFrame = "\r\x1b[J";

// What stands below the suggestions: how long the answer took, the model's name
// and what the keys do, or as much of it as `columns` hold. How to leave goes
// first.
std::string StatusLine(absl::string_view latency, absl::string_view model,
                       int columns);

// The same where there is no answer.
std::string ErrorLine(absl::string_view message);

// The bytes that replace the frame before by that of `editor`. No line is
// longer than the terminal's `columns`: of a long text the part around the
// cursor is shown.
std::string RenderFrame(const LineEditor& editor, absl::string_view status,
                        int columns);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_FRAME_H_
