// SPDX-License-Identifier: Apache-2.0
//
// Settings as JSON: an object of sections, each an object of keys. A task says
// what its settings are once, as a function that shows them to a visitor; the
// same function reads them, writes them and compares them.
//
//   void Visit(Config* config, SettingsVisitor* v) {
//     v->Number("training", "rows", &config->rows, 1, 1 << 16);
//     v->Enum("model", "pooling", &config->pooling,
//             {{"last", Pooling::kLast}, {"attention", Pooling::kAttention}});
//   }
//   Config config;  // with its defaults
//   RETURN_IF_ERROR(ReadSettings(
//       json, overrides, [&](SettingsVisitor* v) { Visit(&config, v); }));

#ifndef CAROUSEL_MODEL_TRAIN_SETTINGS_H_
#define CAROUSEL_MODEL_TRAIN_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

struct TrainingFile {
  std::string path;
  int repeat = 1;  // how many times it is read in an epoch
};

// Is shown every setting, with its bounds. Reads or writes `*value`: while
// reading, what the JSON does not mention is left as it is.
class SettingsVisitor {
 public:
  // The upper bound of what has none.
  static constexpr double kAny = std::numeric_limits<double>::max();

  using NumberPointer =
      std::variant<int*, int64_t*, uint64_t*, float*, double*>;

  virtual ~SettingsVisitor() = default;

  // Of [low, high]; into a whole number only a whole one fits.
  virtual void Number(const char* section, const char* key, NumberPointer value,
                      double low, double high) = 0;
  virtual void Numbers(const char* section, const char* key,
                       std::vector<int>* value, double low, double high) = 0;
  virtual void Bool(const char* section, const char* key, bool* value) = 0;
  virtual void Text(const char* section, const char* key,
                    std::string* value) = 0;
  virtual void Texts(const char* section, const char* key,
                     std::vector<std::string>* value) = 0;

  // A list of "PATH" or {"path": "PATH", "repeat": 2}.
  virtual void Files(const char* section, const char* key,
                     std::vector<TrainingFile>* value) = 0;

  // One of the names. REQUIRES: `*value` is among them.
  template <typename T>
  void Enum(const char* section, const char* key, T* value,
            std::initializer_list<std::pair<const char*, T>> names) {
    std::vector<const char*> texts;
    size_t index = 0;
    for (const auto& [name, named] : names) {
      if (named == *value) index = texts.size();
      texts.push_back(name);
    }
    Choice(section, key, texts, &index);
    *value = names.begin()[index].second;
  }

 protected:
  virtual void Choice(const char* section, const char* key,
                      absl::Span<const char* const> names, size_t* index) = 0;
};

using VisitSettings = std::function<void(SettingsVisitor*)>;

// Reads the settings that `visit` shows out of a JSON text, after the
// overrides, each "section.key=value" with a JSON value or a bare string.
// INVALID_ARGUMENT for JSON that is none (with the line), and naming the key
// for an unknown one, a wrong type, or a value out of its bounds.
absl::Status ReadSettings(absl::string_view json,
                          absl::Span<const std::string> overrides,
                          const VisitSettings& visit);

// Every setting, defaults included, as JSON that reads back as the same.
std::string WriteSettings(const VisitSettings& visit);

// FAILED_PRECONDITION, naming the key, if the two show different values: a run
// that began with `before` cannot go on with `after`.
absl::Status CheckSameSettings(const VisitSettings& before,
                               const VisitSettings& after);

// Shows settings of a task's configuration: `fixed` those that a run cannot
// change half-way, `changeable` those that it can.
template <typename Config>
using VisitConfig = void (*)(Config* config, SettingsVisitor* v);

// The three above for such a configuration; `check` says whether its settings
// go together.
template <typename Config>
absl::StatusOr<Config> ParseConfig(absl::string_view json,
                                   absl::Span<const std::string> overrides,
                                   VisitConfig<Config> fixed,
                                   VisitConfig<Config> changeable,
                                   absl::Status (*check)(const Config&)) {
  Config config;
  absl::Status status = ReadSettings(json, overrides, [&](SettingsVisitor* v) {
    fixed(&config, v);
    changeable(&config, v);
  });
  if (status.ok()) status = check(config);
  if (!status.ok()) return status;
  return config;
}

template <typename Config>
std::string SerialiseConfig(Config config, VisitConfig<Config> fixed,
                            VisitConfig<Config> changeable) {
  return WriteSettings([&](SettingsVisitor* v) {
    fixed(&config, v);
    changeable(&config, v);
  });
}

template <typename Config>
absl::Status CheckSameConfig(Config before, Config after,
                             VisitConfig<Config> fixed) {
  return CheckSameSettings([&](SettingsVisitor* v) { fixed(&before, v); },
                           [&](SettingsVisitor* v) { fixed(&after, v); });
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_SETTINGS_H_
