// SPDX-License-Identifier: Apache-2.0
//
// Programs that are started instead of being linked: gnuplot, spm_train.

#ifndef CAROUSEL_MODEL_BASE_CHILD_PROCESS_H_
#define CAROUSEL_MODEL_BASE_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace carousel {

// Runs `command`, whose first word is looked up in PATH, without a shell, and
// waits for its end. What it prints goes to `log_path`, by default nowhere.
// NOT_FOUND if the program is not installed; INTERNAL if it fails.
absl::Status RunProgram(const std::vector<std::string>& command,
                        const std::string& log_path = "/dev/null");

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_CHILD_PROCESS_H_
