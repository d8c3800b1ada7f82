// SPDX-License-Identifier: Apache-2.0
//
// Pieces of a manifest that several tasks have. Every error is INVALID_ARGUMENT
// naming the field, expected and found.

#ifndef CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_
#define CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/bundle/manifest.h"
#include "model/layers/recurrent_stack.h"
#include "model/text/tokenizer.h"
#include "model/weights/strict_json.h"

namespace carousel {

// As WeightSpecs; layers are bounded far lower, since each makes a list of
// names before any of them is compared with the file.
inline constexpr int64_t kMaxSize = int64_t{1} << 24;
inline constexpr int64_t kMaxLayers = 64;

// The manifest whose task, fields of the task, precisions and training record
// are `root`'s:
// what a person writes, as opposed to what WriteBundle fills in.
absl::StatusOr<Manifest> ParseModelFields(const JsonField& root);

// The member `name` of `parent`: an integer of [1, limit].
absl::StatusOr<int> ParseSize(const JsonField& parent, absl::string_view name,
                              int64_t limit);
absl::StatusOr<bool> ParseFlag(const JsonField& parent, absl::string_view name);
// False where there is none.
absl::StatusOr<bool> ParseOptionalFlag(const JsonField& parent,
                                       absl::string_view name);

// The place among `names` of the member `name`, a string.
absl::StatusOr<size_t> ParseChoice(const JsonField& parent,
                                   absl::string_view name,
                                   absl::Span<const absl::string_view> names);

// The member "cell".
absl::StatusOr<Cell> ParseCellField(const JsonField& parent);

// The member "kind" of a tokenizer.
absl::StatusOr<TokenizerKind> ParseKind(const JsonField& tokenizer);
nlohmann::ordered_json TokenizerJson(TokenizerKind kind,
                                     absl::string_view vocabulary_file);

// The member `name` of `network`, a stack that reads `inputs` values a step.
absl::StatusOr<StackSizes> ParseStack(const JsonField& network,
                                      absl::string_view name, int inputs);
nlohmann::ordered_json StackJson(const StackSizes& sizes);

// A list of ids below `vocabulary`.
absl::StatusOr<int32_t> ParseToken(const JsonField& field, int vocabulary);
absl::StatusOr<std::vector<int32_t>> ParseTokens(const JsonField& field,
                                                 int vocabulary);

// A logarithm that is a number, far from the bounds of a float.
absl::StatusOr<float> ParseLogProbability(const JsonField& field);

// The member "text" of a case of a self-test: at most a mebibyte, as a line of
// a file may have.
absl::StatusOr<std::string> ParseCaseText(const JsonField& test);

// INVALID_ARGUMENT if a case of a self-test that makes a network hold `steps`
// times `width` numbers at once needs more memory than a manifest may ask for:
// weights bound the width, but nothing bounds the length of a text.
absl::Status CheckSelfTestSize(size_t steps, int64_t width);

// The member "sha256".
absl::StatusOr<std::string> ParseSha256(const JsonField& parent);

// The first words of a vocabulary behind the special tokens, with spaces.
std::string FirstWords(const Vocabulary& vocabulary);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_
