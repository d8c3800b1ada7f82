// SPDX-License-Identifier: Apache-2.0
//
// A folder that is made for a run, and goes again if the run cannot begin.

#ifndef CAROUSEL_MODEL_TRAIN_NEW_FOLDER_H_
#define CAROUSEL_MODEL_TRAIN_NEW_FOLDER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace carousel {

// Removes what it has made, with what is in it, when it goes out of scope
// before Keep().
class NewFolder {
 public:
  // mkdir -p. What is there already is none of its own.
  static absl::StatusOr<NewFolder> Make(const std::string& path);
  ~NewFolder();
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;

  void Keep() { made_.clear(); }

 private:
  explicit NewFolder(std::string made) : made_(std::move(made)) {}
  std::string made_;  // the outermost folder that was not there; empty: none
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_NEW_FOLDER_H_
