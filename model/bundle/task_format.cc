// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/task_format.h"

#include "model/base/check.h"

namespace carousel {

const TaskFormat& FormatOf(Task task) {
  switch (task) {
    case Task::kLanguageModel:
      return LanguageModelFormat();
    case Task::kClassifier:
      return ClassifierFormat();
    case Task::kTranslator:
      return TranslatorFormat();
    case Task::kForecaster:
      return ForecasterFormat();
  }
  CAROUSEL_CHECK(false && "a task");
}

}  // namespace carousel
