// SPDX-License-Identifier: Apache-2.0

#include "server/repository/reload_plan.h"

#include <algorithm>

#include "absl/functional/function_ref.h"

namespace carousel {
namespace {

using Kind = ReloadStep::Kind;
using Versions = absl::Span<const VersionSituation>;
using Condition = absl::FunctionRef<bool(const VersionSituation&)>;

bool Any(Versions versions, Condition condition) {
  return std::any_of(versions.begin(), versions.end(), condition);
}

bool IsWanted(Versions versions, const std::string& name) {
  return Any(versions, [&](const VersionSituation& v) {
    return v.wanted && v.name == name;
  });
}

bool IsServed(Versions versions, const std::string& name) {
  return Any(versions, [&](const VersionSituation& v) {
    return v.wanted && v.serving && v.name == name;
  });
}

}  // namespace

ReloadStep NextReloadStep(Versions versions, bool labels_set) {
  const auto first = [&](Condition condition) {
    return static_cast<size_t>(
        std::find_if(versions.begin(), versions.end(), condition) -
        versions.begin());
  };
  size_t found = first([&](const VersionSituation& v) {
    return !v.wanted && (!v.serving || !IsWanted(versions, v.name));
  });
  if (found < versions.size()) return {Kind::kUnload, found};
  found = first([](const VersionSituation& v) {
    return v.wanted && !v.tried && !(v.serving && v.current);
  });
  if (found < versions.size()) return {Kind::kLoad, found};
  if (!labels_set) return {Kind::kSetLabels};
  found = first([&](const VersionSituation& v) {
    return !v.wanted && !v.labelled && IsServed(versions, v.name);
  });
  if (found < versions.size()) return {Kind::kUnload, found};
  return {Kind::kDone};
}

}  // namespace carousel
