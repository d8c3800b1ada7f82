// SPDX-License-Identifier: Apache-2.0
#include "client/cli/keys.h"

#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "client/cpp/utf8.h"

namespace carousel {
namespace {

constexpr char kEscape = '\x1b';

// How the bytes at the front decode.
struct Decoded {
  size_t size = 0;  // 0: the key is not complete
  std::optional<KeyType> type;
};

std::optional<KeyType> ControlKey(char byte) {
  switch (byte) {
    case '\r':
    case '\n':
      return KeyType::kEnter;
    case '\t':
      return KeyType::kTab;
    case '\b':
    case '\x7f':
      return KeyType::kBackspace;
    case 'A' - '@':
      return KeyType::kHome;
    case 'E' - '@':
      return KeyType::kEnd;
    case 'U' - '@':
      return KeyType::kDeleteLine;
    case 'W' - '@':
      return KeyType::kDeleteWord;
    case 'C' - '@':
    case 'D' - '@':
      return KeyType::kLeave;
    default:
      return std::nullopt;
  }
}

// `name`: what follows "ESC [" or "ESC O".
std::optional<KeyType> FunctionKey(absl::string_view name) {
  struct Entry {
    absl::string_view name;
    KeyType type;
  };
  constexpr Entry kKeys[] = {
      {"A", KeyType::kUp},    {"B", KeyType::kDown},    {"C", KeyType::kRight},
      {"D", KeyType::kLeft},  {"H", KeyType::kHome},    {"F", KeyType::kEnd},
      {"1~", KeyType::kHome}, {"4~", KeyType::kEnd},    {"7~", KeyType::kHome},
      {"8~", KeyType::kEnd},  {"3~", KeyType::kDelete}, {"Z", KeyType::kUp},
  };
  for (const Entry& key : kKeys) {
    if (key.name == name) return key.type;
  }
  return std::nullopt;
}

// REQUIRES: bytes begin with an escape.
Decoded DecodeEscape(absl::string_view bytes) {
  if (bytes.size() == 1) return {};
  if (bytes[1] == kEscape) return {1, KeyType::kLeave};
  if (bytes[1] == 'O') {
    if (bytes.size() == 2) return {};
    return {3, FunctionKey(bytes.substr(2, 1))};
  }
  // Alt with another key.
  if (bytes[1] != '[') return {2, std::nullopt};
  // Parameters, then one byte from '@' to '~' that ends it (ECMA-48, 5.4).
  for (size_t end = 2; end < bytes.size(); ++end) {
    if (bytes[end] >= '@' && bytes[end] <= '~') {
      return {end + 1, FunctionKey(bytes.substr(2, end - 1))};
    }
  }
  return {};
}

// A character from outside ASCII; a byte that starts none is skipped.
Decoded DecodeCharacter(absl::string_view bytes) {
  size_t size = 0;
  if (ReadCodePoint(bytes, size) >= 0) return {size, KeyType::kText};
  // All there is may be the front of a longer one.
  const auto lead = static_cast<uint8_t>(bytes[0]);
  const size_t whole = 1 + U8_COUNT_TRAIL_BYTES(lead);
  if (size == bytes.size() && size < whole) return {};
  return {size, std::nullopt};
}

Decoded Decode(absl::string_view bytes) {
  const char first = bytes[0];
  if (first == kEscape) return DecodeEscape(bytes);
  if ((first >= 0 && first < ' ') || first == '\x7f') {
    return {1, ControlKey(first)};
  }
  return DecodeCharacter(bytes);
}

}  // namespace

std::vector<Key> KeyDecoder::Feed(absl::string_view bytes) {
  pending_.append(bytes.data(), bytes.size());
  std::vector<Key> keys;
  absl::string_view rest = pending_;
  while (!rest.empty()) {
    const Decoded decoded = Decode(rest);
    if (decoded.size == 0) break;
    if (decoded.type == KeyType::kText) {
      keys.push_back(
          {KeyType::kText, std::string(rest.substr(0, decoded.size))});
    } else if (decoded.type) {
      keys.push_back({*decoded.type, ""});
    }
    rest.remove_prefix(decoded.size);
  }
  pending_ = std::string(rest);
  return keys;
}

std::vector<Key> KeyDecoder::Flush() {
  const bool escape = pending_ == absl::string_view(&kEscape, 1);
  pending_.clear();
  if (escape) return {{KeyType::kLeave, ""}};
  return {};
}

}  // namespace carousel
