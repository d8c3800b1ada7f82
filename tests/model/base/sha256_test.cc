// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

// The vectors of FIPS 180-2.
TEST(Sha256Test, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// A file is hashed in chunks; their borders must not show.
TEST(Sha256Test, FileHasTheHashOfItsContent) {
  TempDir dir;
  for (size_t size : {0, 1, 65535, 65536, 65537, 200'000}) {
    const std::string content(size, 'z');
    ASSERT_THAT(WriteFileAtomically(dir.File("f"), content), IsOk());
    EXPECT_THAT(Sha256OfFile(dir.File("f")), IsOkAndHolds(Sha256(content)));
  }
}

// A bundle that lacks a file is refused by name.
TEST(Sha256Test, MissingFileIsNotFound) {
  EXPECT_THAT(
      Sha256OfFile("/no/such/file"),
      StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("/no/such")));
}

}  // namespace
}  // namespace carousel
