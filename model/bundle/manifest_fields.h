// SPDX-License-Identifier: Apache-2.0
//
// The fields of a manifest that a person writes, as opposed to those that
// WriteBundle fills in; an import's manifest holds only these.

#ifndef CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_
#define CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/bundle/manifest.h"
#include "model/weights/strict_json.h"

namespace carousel {

// The manifest whose task, network, tokenizer and training record are `root`'s.
// INVALID_ARGUMENT naming the field, expected and found.
absl::StatusOr<Manifest> ParseModelFields(const JsonField& root);

// "line", "stream".
absl::string_view LineContextName(LineContext context);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MANIFEST_FIELDS_H_
