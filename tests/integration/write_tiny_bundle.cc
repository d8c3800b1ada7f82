// SPDX-License-Identifier: Apache-2.0
//
// Writes a tiny model for tests in other languages: integration_tiny_bundle DIR
// makes DIR/en/1.

#include <cstdio>
#include <string>

#include "tests/testing/tiny_bundle.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 1;
  }
  const absl::Status status = carousel::WriteTinyBundle(
      std::string(argv[1]) + "/en/1", {"the", "house", "would", "I"}, 1);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
