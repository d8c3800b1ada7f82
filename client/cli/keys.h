// SPDX-License-Identifier: Apache-2.0
//
// Keys from the bytes that a terminal in raw mode sends.

#ifndef CAROUSEL_CLIENT_CLI_KEYS_H_
#define CAROUSEL_CLIENT_CLI_KEYS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carousel {

enum class KeyType {
  kText,        // a character
  kEnter,       //
  kTab,         //
  kBackspace,   //
  kDelete,      // Del
  kLeft,        //
  kRight,       //
  kUp,          // or Shift-Tab
  kDown,        //
  kHome,        // or Ctrl-A
  kEnd,         // or Ctrl-E
  kDeleteLine,  // Ctrl-U
  kDeleteWord,  // Ctrl-W
  kLeave,       // Ctrl-C, Ctrl-D, Esc
};

struct Key {
  KeyType type;

  // kText: the character, one code point in UTF-8.
  std::string text;

  bool operator==(const Key&) const = default;
};

// Decodes a stream of bytes that may be cut anywhere. Keys without a meaning
// and bytes that are not UTF-8 are left out. Thread-compatible.
class KeyDecoder {
 public:
  // The keys that `bytes` finish.
  std::vector<Key> Feed(absl::string_view bytes);

  // Whether bytes wait for the rest of their key. A lone Esc is one of them:
  // many keys begin with it, and only that nothing follows tells them apart.
  bool pending() const { return !pending_.empty(); }

  // Says that nothing follows: a lone Esc is a key, what else waits is dropped.
  std::vector<Key> Flush();

 private:
  std::string pending_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_KEYS_H_
