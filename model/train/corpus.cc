// SPDX-License-Identifier: Apache-2.0
#include "model/train/corpus.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"

namespace carousel {
namespace {

constexpr char kMagic[8] = {'C', 'R', 'S', 'L', 'T', 'O', 'K', '1'};

struct Header {
  char magic[8];
  int64_t tokens;
  int64_t lines;
  uint64_t fingerprint;
};

uint64_t Extend(uint64_t fingerprint, int32_t token) {
  return MixBits(fingerprint ^ static_cast<uint32_t>(token));
}

std::string Unfinished(const std::string& path) {
  return absl::StrCat(path, ".unfinished");
}

absl::Status CheckTokens(absl::Span<const int32_t> tokens, int vocabulary_size,
                         const std::string& path) {
  const auto bad = std::find_if(
      tokens.begin(), tokens.end(),
      [&](int32_t token) { return token < 0 || token >= vocabulary_size; });
  if (bad == tokens.end()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, ": damaged: token ", bad - tokens.begin(), " is ", *bad,
      ", expected at least 0 and less than ", vocabulary_size));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Corpus>> Corpus::Open(
    const std::string& path, int vocabulary_size) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file,
                   MappedFile::Open(path));
  const absl::string_view content = file->content();
  Header header = {};
  if (content.size() >= sizeof(header)) {
    std::memcpy(&header, content.data(), sizeof(header));
  }
  const size_t bytes =
      content.size() - std::min(content.size(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.tokens <= 0 || bytes % sizeof(int32_t) != 0 ||
      bytes / sizeof(int32_t) != static_cast<uint64_t>(header.tokens)) {
    return absl::DataLossError(
        absl::StrCat(path, ": not a whole corpus file: expected ",
                     header.tokens, " tokens, found ", bytes, " bytes"));
  }
  std::shared_ptr<Corpus> corpus(new Corpus());
  // The header's size keeps the ids aligned: a mapping begins on a page.
  corpus->tokens_ = {
      reinterpret_cast<const int32_t*>(content.data() + sizeof(header)),
      static_cast<size_t>(header.tokens)};
  if (corpus->tokens_.back() != Vocabulary::kEndOfLine) {
    return absl::DataLossError(
        absl::StrCat(path, ": the last line does not end"));
  }
  RETURN_IF_ERROR(CheckTokens(corpus->tokens_, vocabulary_size, path));
  corpus->Survey();
  if (corpus->lines_ != header.lines ||
      corpus->fingerprint_ != header.fingerprint) {
    return absl::DataLossError(absl::StrCat(
        path, ": damaged: not the text that its header was written for: ",
        "expected ", header.lines, " lines, found ", corpus->lines_,
        "; fingerprint expected ", header.fingerprint, ", found ",
        corpus->fingerprint_));
  }
  corpus->file_ = std::move(file);
  return corpus;
}

std::shared_ptr<const Corpus> Corpus::Of(std::vector<int32_t> tokens) {
  CAROUSEL_CHECK(!tokens.empty() && tokens.back() == Vocabulary::kEndOfLine);
  std::shared_ptr<Corpus> corpus(new Corpus());
  corpus->owned_ = std::move(tokens);
  corpus->tokens_ = corpus->owned_;
  corpus->Survey();
  return corpus;
}

void Corpus::Survey() {
  for (const int32_t token : tokens_) {
    fingerprint_ = Extend(fingerprint_, token);
    lines_ += token == Vocabulary::kEndOfLine;
  }
}

absl::StatusOr<std::unique_ptr<CorpusWriter>> CorpusWriter::Create(
    const std::string& path) {
  std::FILE* file = std::fopen(Unfinished(path).c_str(), "wb");
  if (file == nullptr) return LastError("create", path);
  auto writer = std::unique_ptr<CorpusWriter>(new CorpusWriter(path, file));
  const Header empty = {};
  RETURN_IF_ERROR(writer->Write(&empty, sizeof(empty)));
  return writer;
}

CorpusWriter::CorpusWriter(std::string path, std::FILE* file)
    : path_(std::move(path)), file_(file) {}

CorpusWriter::~CorpusWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  unlink(Unfinished(path_).c_str());
}

absl::Status CorpusWriter::Write(const void* data, size_t bytes) {
  if (bytes == 0 || std::fwrite(data, bytes, 1, file_) == 1) {
    return absl::OkStatus();
  }
  return LastError("write", path_);
}

absl::Status CorpusWriter::Add(absl::Span<const int32_t> tokens) {
  for (const int32_t token : tokens) fingerprint_ = Extend(fingerprint_, token);
  fingerprint_ = Extend(fingerprint_, Vocabulary::kEndOfLine);
  tokens_ += static_cast<int64_t>(tokens.size()) + 1;
  ++lines_;
  RETURN_IF_ERROR(Write(tokens.data(), tokens.size() * sizeof(int32_t)));
  return Write(&Vocabulary::kEndOfLine, sizeof(int32_t));
}

absl::Status CorpusWriter::Finish() {
  Header header = {{}, tokens_, lines_, fingerprint_};
  std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
  if (std::fseek(file_, 0, SEEK_SET) != 0) return LastError("write", path_);
  RETURN_IF_ERROR(Write(&header, sizeof(header)));
  if (std::fclose(std::exchange(file_, nullptr)) != 0 ||
      std::rename(Unfinished(path_).c_str(), path_.c_str()) != 0) {
    const absl::Status status = LastError("write", path_);
    unlink(Unfinished(path_).c_str());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace carousel
