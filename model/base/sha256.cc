// SPDX-License-Identifier: Apache-2.0

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "model/base/check.h"
#include "model/base/file_descriptor.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

class Sha256Stream {
 public:
  Sha256Stream() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    CAROUSEL_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) ==
                   1);
  }

  void Add(absl::string_view content) {
    CAROUSEL_CHECK(
        EVP_DigestUpdate(context_.get(), content.data(), content.size()) == 1);
  }

  std::string Finish() {
    std::string digest(32, '\0');
    CAROUSEL_CHECK(
        EVP_DigestFinal_ex(context_.get(),
                           reinterpret_cast<unsigned char*>(digest.data()),
                           nullptr) == 1);
    return absl::BytesToHexString(digest);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256(absl::string_view content) {
  Sha256Stream stream;
  stream.Add(content);
  return stream.Finish();
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor file, OpenRegularFile(path));
  Sha256Stream stream;
  std::vector<char> chunk(size_t{1} << 16);
  while (true) {
    const ssize_t n = ReadFully(file.get(), chunk.data(), chunk.size());
    if (n < 0) return LastError("read", path);
    if (n == 0) return stream.Finish();
    stream.Add({chunk.data(), static_cast<size_t>(n)});
  }
}

}  // namespace carousel
