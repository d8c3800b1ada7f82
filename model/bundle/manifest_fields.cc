// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/manifest_fields.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// As WeightSpecs; layers are bounded far lower, since each makes a list of
// names before any of them is compared with the file.
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 64;

// A member that must hold the one value that there is so far.
absl::StatusOr<std::string> ParseConstant(const JsonField& parent,
                                          absl::string_view name,
                                          absl::string_view value) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(std::string found, field.String());
  if (found != value) return field.Expected(QuoteForMessage(value));
  return found;
}

absl::StatusOr<int> ParseSize(const JsonField& parent, absl::string_view name,
                              int64_t limit) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const int64_t size, field.Integer(1, limit));
  return static_cast<int>(size);
}

absl::StatusOr<bool> ParseFlag(const JsonField& parent,
                               absl::string_view name) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  return field.Bool();
}

absl::Status ParseNetwork(const JsonField& network, Manifest& manifest) {
  LanguageModelSizes& sizes = manifest.sizes;
  ASSIGN_OR_RETURN(manifest.cell, ParseConstant(network, "cell", "lstm"));
  ASSIGN_OR_RETURN(sizes.vocabulary,
                   ParseSize(network, "vocabulary", kMaxSize));
  ASSIGN_OR_RETURN(sizes.embedding, ParseSize(network, "embedding", kMaxSize));
  ASSIGN_OR_RETURN(sizes.hidden, ParseSize(network, "hidden", kMaxSize));
  ASSIGN_OR_RETURN(sizes.layers, ParseSize(network, "layers", kMaxLayers));
  ASSIGN_OR_RETURN(sizes.projection, ParseFlag(network, "projection"));
  ASSIGN_OR_RETURN(sizes.tied, ParseFlag(network, "tied"));
  return absl::OkStatus();
}

absl::Status ParseTokenizer(const JsonField& tokenizer, Manifest& manifest) {
  ASSIGN_OR_RETURN(const JsonField kind, tokenizer.Get("kind"));
  ASSIGN_OR_RETURN(const std::string kind_name, kind.String());
  const auto parsed = ParseTokenizerKind(kind_name);
  if (!parsed.ok()) return kind.Expected("\"words\" or \"whitespace\"");
  manifest.tokenizer = *parsed;

  ASSIGN_OR_RETURN(const JsonField context, tokenizer.Get("context"));
  ASSIGN_OR_RETURN(const std::string context_name, context.String());
  for (LineContext candidate : {LineContext::kLine, LineContext::kStream}) {
    if (LineContextName(candidate) != context_name) continue;
    manifest.context = candidate;
    return absl::OkStatus();
  }
  return context.Expected("\"line\" or \"stream\"");
}

}  // namespace

absl::string_view LineContextName(LineContext context) {
  return context == LineContext::kLine ? "line" : "stream";
}

absl::StatusOr<Manifest> ParseModelFields(const JsonField& root) {
  Manifest manifest;
  ASSIGN_OR_RETURN(manifest.task,
                   ParseConstant(root, "task", "language_model"));
  ASSIGN_OR_RETURN(const JsonField network, root.Get("network"));
  RETURN_IF_ERROR(ParseNetwork(network, manifest));
  ASSIGN_OR_RETURN(const JsonField tokenizer, root.Get("tokenizer"));
  RETURN_IF_ERROR(ParseTokenizer(tokenizer, manifest));
  if (root.Has("training")) {
    ASSIGN_OR_RETURN(const JsonField training, root.Get("training"));
    if (!training.value().is_object()) return training.Expected("an object");
    manifest.training = training.value().dump();
  }
  return manifest;
}

}  // namespace carousel
