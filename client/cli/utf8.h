// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 text on a terminal: characters as a person counts them, the columns
// they take, and nothing that the terminal would take for a command. Bytes that
// are not UTF-8 count as one character each.

#ifndef CAROUSEL_CLIENT_CLI_UTF8_H_
#define CAROUSEL_CLIENT_CLI_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace carousel {

// The start of the character before `at`, with the marks that combine with it;
// 0 at the start.
size_t PreviousCharacter(absl::string_view text, size_t at);

// The end of the character at `at`, with the marks that combine with it.
size_t NextCharacter(absl::string_view text, size_t at);

// `text` without its last `count` code points.
absl::string_view DropLastCodePoints(absl::string_view text, int count);

// How many columns `text` takes: two for each wide character, none for marks.
int Columns(absl::string_view text);

// The longest end of `text`, or start of it, that takes at most `columns`.
absl::string_view LastColumns(absl::string_view text, int columns);
absl::string_view FirstColumns(absl::string_view text, int columns);

// `text` with U+FFFD in place of control characters and of bytes that are not
// UTF-8.
std::string Printable(absl::string_view text);

// The same, but for the ends of lines and tabs, which stay.
std::string PrintableLines(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_UTF8_H_
