// SPDX-License-Identifier: Apache-2.0

#include "server/core/model_choice.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "server/core/errors.h"

namespace carousel {
namespace {

constexpr char kNameField[] = "model.name";

absl::StatusOr<std::string> DefaultName(const ModelRepository& repository,
                                        const ServiceModels& models) {
  const std::vector<std::string> names = repository.NamesFor(models.task);
  const bool has_preferred =
      std::find(names.begin(), names.end(), models.preferred) != names.end();
  if (names.empty() || has_preferred) return std::string(models.preferred);
  if (names.size() == 1) return names.front();
  return InvalidField(
      kNameField, absl::StrCat("expected a name, as there are several models, ",
                               absl::StrJoin(names, ", "), ", found none"));
}

// What a person who calls an rpc knows models by.
absl::string_view WhatItDoes(Task task) {
  switch (task) {
    case Task::kLanguageModel:
      return "completes texts";
    case Task::kClassifier:
      return "scores texts";
    case Task::kTranslator:
      return "translates texts";
    case Task::kForecaster:
      break;
  }
  return "forecasts series";
}

std::string NameOf(const v1::ModelSpec& spec, const std::string& name) {
  if (spec.has_version()) return absl::StrCat(name, "/", spec.version());
  if (!spec.label().empty()) return absl::StrCat(name, "@", spec.label());
  return name;
}

}  // namespace

absl::StatusOr<ModelHandle> ChooseModel(const ModelRepository& repository,
                                        const v1::ModelSpec& spec,
                                        const ServiceModels& models) {
  std::string name = spec.name();
  if (name.empty()) {
    ASSIGN_OR_RETURN(name, DefaultName(repository, models));
  }
  ASSIGN_OR_RETURN(ModelHandle handle, ChooseVersion(repository, name, spec));
  const Task task = handle.model->task();
  if (task == models.task) return handle;
  return InvalidField(
      kNameField,
      absl::StrCat("expected a model that ", WhatItDoes(models.task), " (",
                   TaskName(models.task), "), found \"", name, "\", which ",
                   WhatItDoes(task), " (", TaskName(task), ")"));
}

absl::StatusOr<ModelHandle> ChooseVersion(const ModelRepository& repository,
                                          const std::string& name,
                                          const v1::ModelSpec& spec) {
  RETURN_IF_ERROR(CheckVersionOrLabel(spec));
  std::optional<int64_t> version;
  if (spec.has_version()) version = spec.version();
  absl::StatusOr<ModelHandle> handle =
      spec.label().empty() ? repository.Get(name, version)
                           : repository.GetLabelled(name, spec.label());
  if (!handle.ok()) return AboutModel(NameOf(spec, name), handle.status());
  return handle;
}

absl::Status CheckVersionOrLabel(const v1::ModelSpec& spec) {
  if (!spec.has_version() || spec.label().empty()) return absl::OkStatus();
  return InvalidField(
      "model.label",
      absl::StrCat("expected none beside model.version, found \"", spec.label(),
                   "\" and version ", spec.version()));
}

absl::Status CheckTextSize(absl::string_view text, size_t most,
                           absl::string_view field) {
  if (text.size() <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("expected at most ", most,
                                          " bytes, found ", text.size()));
}

void SetModel(const ModelHandle& handle, v1::ModelSpec* spec) {
  spec->set_name(handle.name);
  spec->set_version(handle.version);
}

}  // namespace carousel
