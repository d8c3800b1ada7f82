// SPDX-License-Identifier: Apache-2.0
//
// What a reload does next: a pure function of what is served and what lies in
// the directory. Whoever carries the steps out asks again after each, so that
// what became of one decides about the next.

#ifndef CAROUSEL_SERVER_REPOSITORY_RELOAD_PLAN_H_
#define CAROUSEL_SERVER_REPOSITORY_RELOAD_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace carousel {

// One version, in the midst of a reload.
struct VersionSituation {
  std::string name;
  bool wanted = false;    // lies in the directory
  bool serving = false;   // is loaded, and requests get it
  bool labelled = false;  // a label names it
  bool current = false;   // what is loaded is what lies there
  bool tried = false;     // this reload has loaded it, or could not
};

struct ReloadStep {
  enum class Kind { kUnload, kLoad, kSetLabels, kDone };
  Kind kind = Kind::kDone;
  size_t which = 0;  // of the versions: what is unloaded or loaded
};

// The first of these that applies, to the first version in the order given:
//
// 1. Unload what has gone with its whole model, and forget what has gone and
//    never served: memory is free before it is needed.
// 2. Load what is wanted and not current, once.
// 3. Set the labels, unless `labels_set`: what they name is ready, and what
//    they no longer name is still there.
// 4. Unload what has gone, if a wanted version of its model serves and no label
//    names it. Otherwise it stays: an old version is better than none, or than
//    a label whose requests find nothing.
ReloadStep NextReloadStep(absl::Span<const VersionSituation> versions,
                          bool labels_set);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_RELOAD_PLAN_H_
