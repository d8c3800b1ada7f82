// SPDX-License-Identifier: Apache-2.0
#include "model/train/language_model_config.h"

#include <charconv>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr double kAny = std::numeric_limits<double>::max();

template <typename T>
using EnumName = std::pair<const char*, T>;

// Takes the settings out of a JSON object: what is left over is unknown. Keeps
// the first error.
class Reader {
 public:
  explicit Reader(json root) : root_(std::move(root)) {}

  template <typename T>
  void Number(const char* section, const char* key, T* value, double low,
              double high) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    const bool whole = found.is_number_integer();
    if (!found.is_number() || (std::is_integral_v<T> && !whole)) {
      return Fail(section, key, found,
                  std::is_integral_v<T> ? "a whole number" : "a number");
    }
    const double number = found.get<double>();
    if (!(number >= low && number <= high)) {
      return Fail(section, key, found,
                  high == kAny ? absl::StrCat("at least ", low)
                               : absl::StrCat(low, " to ", high));
    }
    *value = found.get<T>();
  }

  void Bool(const char* section, const char* key, bool* value) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_boolean()) return Fail(section, key, found, "true or false");
    *value = found.get<bool>();
  }

  void Text(const char* section, const char* key, std::string* value) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_string()) return Fail(section, key, found, "a string");
    *value = found.get<std::string>();
  }

  void Texts(const char* section, const char* key,
             std::vector<std::string>* value) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_array()) return Fail(section, key, found, "a list");
    value->clear();
    for (const json& item : found) {
      if (!item.is_string()) return Fail(section, key, item, "strings in it");
      value->push_back(item.get<std::string>());
    }
  }

  // "path", or {"path": "path", "repeat": 2}.
  void Files(const char* section, const char* key,
             std::vector<TrainingFile>* value) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_array()) return Fail(section, key, found, "a list");
    value->clear();
    for (const json& item : found) {
      if (item.is_string()) {
        value->push_back({.path = item.get<std::string>()});
        continue;
      }
      Reader reader(json{{key, item}});
      TrainingFile file;
      reader.Text(key, "path", &file.path);
      reader.Number(key, "repeat", &file.repeat, 1, 100);
      status_.Update(reader.Finish());
      if (file.path.empty()) return Fail(section, key, item, "a path");
      value->push_back(std::move(file));
    }
  }

  template <typename T>
  void Enum(const char* section, const char* key, T* value,
            std::initializer_list<EnumName<T>> names) {
    const json found = Take(section, key);
    if (found.is_null()) return;
    std::string expected;
    for (const auto& [name, named] : names) {
      if (found == name) {
        *value = named;
        return;
      }
      absl::StrAppend(&expected, expected.empty() ? "" : " or ", name);
    }
    Fail(section, key, found, expected);
  }

  // The first error, or one that names what was not taken.
  absl::Status Finish() const {
    if (!status_.ok()) return status_;
    for (const auto& [section, keys] : root_.items()) {
      if (!keys.is_object()) return Unknown(section);
      for (const auto& [key, value] : keys.items()) {
        return Unknown(absl::StrCat(section, ".", key));
      }
      if (!sections_.contains(section)) return Unknown(section);
    }
    return absl::OkStatus();
  }

 private:
  json Take(const char* section, const char* key) {
    sections_[section] = true;
    auto keys = root_.find(section);
    if (keys == root_.end() || !keys->is_object()) return nullptr;
    auto value = keys->find(key);
    if (value == keys->end()) return nullptr;
    json taken = std::move(*value);
    keys->erase(value);
    if (taken.is_null()) Fail(section, key, taken, "a value");
    return taken;
  }

  void Fail(const char* section, const char* key, const json& found,
            const std::string& expected) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat(
        "setting ", section, ".", key, ": expected ", expected, ", found ",
        found.dump(-1, ' ', false, json::error_handler_t::replace))));
  }

  static absl::Status Unknown(absl::string_view name) {
    return absl::InvalidArgumentError(absl::StrCat("unknown setting ", name));
  }

  json root_;
  json sections_ = json::object();  // the sections that there are
  absl::Status status_;
};

// The reverse.
class Writer {
 public:
  template <typename T>
  void Number(const char* section, const char* key, T* value, double, double) {
    // The shortest text that reads back as the same number: 0.2, not
    // 0.20000000298.
    char text[32];
    const auto end = std::to_chars(text, text + sizeof(text), *value).ptr;
    root_[section][key] = ordered_json::parse(text, end);
  }
  void Bool(const char* section, const char* key, bool* value) {
    root_[section][key] = *value;
  }
  void Text(const char* section, const char* key, std::string* value) {
    root_[section][key] = *value;
  }
  void Texts(const char* section, const char* key,
             std::vector<std::string>* value) {
    root_[section][key] = *value;
  }
  void Files(const char* section, const char* key,
             std::vector<TrainingFile>* value) {
    auto& list = root_[section][key] = ordered_json::array();
    for (const TrainingFile& file : *value) {
      list.push_back({{"path", file.path}, {"repeat", file.repeat}});
    }
  }
  template <typename T>
  void Enum(const char* section, const char* key, T* value,
            std::initializer_list<EnumName<T>> names) {
    for (const auto& [name, named] : names) {
      if (*value == named) root_[section][key] = name;
    }
  }
  const ordered_json& root() const { return root_; }

 private:
  ordered_json root_;
};

// What a run cannot change half-way.
template <typename Visitor>
void VisitFixed(LanguageModelConfig* c, Visitor* v) {
  v->Files("data", "train", &c->train);
  v->Texts("data", "dev", &c->dev);
  v->Texts("data", "exclude", &c->exclude);

  v->Enum("text", "tokenizer", &c->tokenizer,
          {{"words", TokenizerKind::kWords},
           {"whitespace", TokenizerKind::kWhitespace}});
  v->Enum("text", "context", &c->context,
          {{"line", LineContext::kLine}, {"stream", LineContext::kStream}});
  v->Number("text", "vocabulary_size", &c->vocabulary_size, 5, 1 << 24);
  v->Number("text", "minimum_count", &c->minimum_count, 1, 1e9);

  LanguageModelTrainerOptions* t = &c->trainer;
  v->Number("model", "embedding", &t->sizes.embedding, 1, 1 << 16);
  v->Number("model", "hidden", &t->sizes.hidden, 1, 1 << 16);
  v->Number("model", "layers", &t->sizes.layers, 1, 64);
  v->Bool("model", "projection", &t->sizes.projection);
  v->Bool("model", "tied", &t->sizes.tied);

  v->Number("training", "rows", &t->rows, 1, 1 << 16);
  v->Number("training", "steps", &t->steps, 1, 1 << 16);
  v->Enum("training", "optimiser", &t->optimiser.kind,
          {{"sgd", OptimiserKind::kSgd}, {"adamw", OptimiserKind::kAdamW}});
  v->Number("training", "seed", &t->seed, 0, 9e18);
}

template <typename Visitor>
void VisitChangeable(LanguageModelConfig* c, Visitor* v) {
  v->Text("data", "directory", &c->data_directory);

  LanguageModelTrainerOptions* t = &c->trainer;
  v->Number("training", "dropout_embedding", &t->dropout.embedding, 0, 0.95);
  v->Number("training", "dropout_layers", &t->dropout.layers, 0, 0.95);
  v->Number("training", "dropout_output", &t->dropout.output, 0, 0.95);
  v->Number("training", "clip_norm", &t->clip_norm, 0, kAny);
  v->Number("training", "weight_decay", &t->optimiser.weight_decay, 0, kAny);

  LearningRateSchedule* l = &c->learning_rate;
  v->Number("training", "learning_rate", &l->peak, 1e-12, 1e6);
  v->Number("training", "final_learning_rate", &l->final, 0, 1e6);
  v->Number("training", "warmup_steps", &l->warmup_steps, 0, 1e15);
  v->Enum("training", "schedule", &l->decay,
          {{"constant", Decay::kConstant},
           {"linear", Decay::kLinear},
           {"cosine", Decay::kCosine}});

  v->Number("training", "epochs", &c->epochs, 0, 1e9);
  v->Number("training", "max_steps", &c->max_steps, 0, 1e15);
  v->Number("training", "max_minutes", &c->max_minutes, 0, kAny);
  v->Number("training", "evaluate_every_steps", &c->evaluate_every_steps, 0,
            1e15);
  v->Number("training", "patience", &c->patience, 0, 1e9);
  v->Number("training", "checkpoint_every_minutes",
            &c->checkpoint_every_minutes, 0, kAny);
  v->Number("training", "log_every_steps", &c->log_every_steps, 1, 1e9);
  v->Number("training", "threads", &c->threads, 0, 4096);

  v->Enum("bundle", "stored_type", &c->stored_type,
          {{"f32", DType::kF32}, {"bf16", DType::kBF16}});
  v->Texts("bundle", "self_test_texts", &c->self_test_texts);
  v->Text("bundle", "description", &c->description);
  v->Texts("bundle", "data_notes", &c->data_notes);
}

// "training.rows=16" into the JSON of the file.
absl::Status Override(json* root, absl::string_view assignment) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const std::pair<std::string, std::string> name =
      absl::StrSplit(parts.first, absl::MaxSplits('.', 1));
  if (name.second.empty() || !absl::StrContains(assignment, '=')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "override \"", assignment, "\": expected section.key=value"));
  }
  json& section = (*root)[name.first];
  if (!section.is_object() && !section.is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting ", name.first, ": expected an object"));
  }
  json value = json::parse(parts.second, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = std::string(parts.second);
  section[name.second] = std::move(value);
  return absl::OkStatus();
}

absl::Status CheckTogether(const LanguageModelConfig& c) {
  if (c.train.empty()) {
    return absl::InvalidArgumentError(
        "setting data.train: expected at least one file");
  }
  if (c.epochs == 0 && c.max_steps == 0) {
    return absl::InvalidArgumentError(
        "settings training.epochs and training.max_steps: expected a limit in "
        "at least one, found 0 in both");
  }
  if (c.context == LineContext::kStream && !c.exclude.empty()) {
    return absl::InvalidArgumentError(
        "setting data.exclude: expected none where text.context is \"stream\": "
        "a running text cannot lose lines");
  }
  if (c.self_test_texts.empty()) {
    return absl::InvalidArgumentError(
        "setting bundle.self_test_texts: expected at least one");
  }
  const LanguageModelSizes& sizes = c.trainer.sizes;
  if (!sizes.projection && sizes.hidden != sizes.embedding) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.hidden: expected model.embedding, ", sizes.embedding,
        ", where model.projection is false; found ", sizes.hidden));
  }
  return absl::OkStatus();
}

}  // namespace

LanguageModelConfig::LanguageModelConfig() {
  trainer.sizes = {.embedding = 256,
                   .hidden = 512,
                   .layers = 2,
                   .projection = true,
                   .tied = true};
}

absl::StatusOr<LanguageModelConfig> ParseLanguageModelConfig(
    absl::string_view text, absl::Span<const std::string> overrides) {
  json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return absl::InvalidArgumentError("expected a JSON object of settings");
  }
  for (const std::string& assignment : overrides) {
    RETURN_IF_ERROR(Override(&root, assignment));
  }
  LanguageModelConfig config;
  Reader reader(std::move(root));
  VisitFixed(&config, &reader);
  VisitChangeable(&config, &reader);
  RETURN_IF_ERROR(reader.Finish());
  RETURN_IF_ERROR(CheckTogether(config));
  return config;
}

std::string SerialiseLanguageModelConfig(const LanguageModelConfig& config) {
  LanguageModelConfig copy = config;
  Writer writer;
  VisitFixed(&copy, &writer);
  VisitChangeable(&copy, &writer);
  return writer.root().dump(2, ' ', false, json::error_handler_t::replace);
}

absl::Status CheckCanResume(const LanguageModelConfig& before,
                            const LanguageModelConfig& after) {
  LanguageModelConfig copies[2] = {before, after};
  Writer writers[2];
  for (int i = 0; i < 2; ++i) VisitFixed(&copies[i], &writers[i]);
  for (const auto& [section, keys] : writers[0].root().items()) {
    for (const auto& [key, value] : keys.items()) {
      const auto& other = writers[1].root()[section][key];
      if (value == other) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("setting ", section, ".", key, " is ", other.dump(),
                       ", but the checkpoint was made with ", value.dump(),
                       "; it cannot change within a run"));
    }
  }
  return absl::OkStatus();
}

}  // namespace carousel
