// SPDX-License-Identifier: Apache-2.0
//
// The files that a run reads its data from.

#ifndef CAROUSEL_MODEL_TRAIN_DATA_FILES_H_
#define CAROUSEL_MODEL_TRAIN_DATA_FILES_H_

#include <string>

namespace carousel {

// Where the file that the settings call `name` lies: in data.directory, unless
// it has an absolute path.
std::string DataPath(const std::string& directory, const std::string& name);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DATA_FILES_H_
