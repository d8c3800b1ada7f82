// SPDX-License-Identifier: Apache-2.0
//
// A fresh directory for one test, removed with its content at the end.

#ifndef CAROUSEL_TESTS_TESTING_TEMP_DIR_H_
#define CAROUSEL_TESTS_TESTING_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"
#include "model/base/check.h"

namespace carousel {

//   TempDir dir;
//   WriteFileAtomically(dir.File("a.txt"), "content");
class TempDir {
 public:
  TempDir() : path_(testing::TempDir() + "carousel.XXXXXX") {
    CAROUSEL_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  // The path of `name` in the directory.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_TEMP_DIR_H_
