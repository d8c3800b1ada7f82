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
  return InvalidField(kNameField,
                      absl::StrCat("is needed, as there are several models: ",
                                   absl::StrJoin(names, ", ")));
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
  if (handle.model->task() != models.task) {
    return AboutField(
        kNameField, absl::InvalidArgumentError(absl::StrCat(
                        "model \"", name, "\" is for the task \"",
                        TaskName(handle.model->task()), "\"; ", models.service,
                        " needs a \"", TaskName(models.task), "\"")));
  }
  return handle;
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
      absl::StrCat("is \"", spec.label(), "\" and model.version is ",
                   spec.version(), "; one of them is allowed"));
}

absl::Status CheckTextSize(absl::string_view text, size_t most,
                           absl::string_view field) {
  if (text.size() <= most) return absl::OkStatus();
  return InvalidField(
      field, absl::StrCat("has ", text.size(), " bytes; at most ", most,
                          " are allowed"));
}

void SetModel(const ModelHandle& handle, v1::ModelSpec* spec) {
  spec->set_name(handle.name);
  spec->set_version(handle.version);
}

}  // namespace carousel
