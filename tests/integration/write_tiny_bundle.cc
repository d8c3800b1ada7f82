// SPDX-License-Identifier: Apache-2.0
//
// Writes tiny models for tests in other languages: integration_tiny_bundle DIR
// makes DIR/en/1, which completes, DIR/mood/1, which labels, DIR/letters/1,
// which translates, and DIR/series/1, which forecasts.

#include <cstdio>
#include <string>
#include <vector>

#include "tests/testing/tiny_bundle.h"
#include "tests/testing/tiny_translator.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 1;
  }
  const std::string directory = argv[1];
  const std::vector<std::string> words = {"the", "house", "would", "I"};
  absl::Status status =
      carousel::WriteTinyBundle(directory + "/en/1", words, 1);
  status.Update(carousel::WriteTinyClassifier(directory + "/mood/1", words));
  status.Update(carousel::WriteTinyTranslator(directory + "/letters/1"));
  status.Update(carousel::WriteTinyForecaster(directory + "/series/1"));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
