// SPDX-License-Identifier: Apache-2.0
//
// manifest.json: what a bundle is, in one small file. model/bundle/README.md
// describes the format.

#ifndef CAROUSEL_MODEL_BUNDLE_MANIFEST_H_
#define CAROUSEL_MODEL_BUNDLE_MANIFEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/layers/language_model.h"
#include "model/tensor/tensor.h"
#include "model/text/tokenizer.h"

namespace carousel {

// How the state goes from line to line.
enum class LineContext {
  kLine,    // every line starts from zeros and <eos>; blank lines are skipped
  kStream,  // the state is carried over; every line, blank too, ends in <eos>
};

struct FileRecord {
  std::string sha256;
  int64_t size_bytes = 0;
};

// A text, the tokens that it must give, and log-probabilities of the token
// after it, as the trainer computed them in f32.
struct SelfTestCase {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<std::pair<int32_t, float>> log_probabilities;
};

struct Manifest {
  // Readers accept every version up to this one, fill in what older ones lack,
  // ignore fields they do not know, and refuse newer versions. The number grows
  // only when an old reader would misread a new bundle.
  static constexpr int kFormatVersion = 1;

  int format_version = kFormatVersion;
  std::string task;  // "language_model"
  std::string cell;  // "lstm"
  LanguageModelSizes sizes;
  TokenizerKind tokenizer = TokenizerKind::kWords;
  LineContext context = LineContext::kLine;

  // Every file of the bundle but manifest.json, by name.
  std::map<std::string, FileRecord> files;

  std::vector<SelfTestCase> self_test;
  // Largest accepted difference of a log-probability in the self-test.
  double self_test_tolerance = 1e-3;

  // The training record as JSON text: data with SHA-256, configuration, seed,
  // epochs, measured figures. An object; kept as it is.
  std::string training = "{}";
};

// INVALID_ARGUMENT naming the field, expected and found.
absl::StatusOr<Manifest> ParseManifest(absl::string_view json);
std::string SerialiseManifest(const Manifest& manifest);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MANIFEST_H_
