// SPDX-License-Identifier: Apache-2.0
#include "model/train/batch_stream.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/base/check.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Keys of the random streams, so that none meets another.
constexpr uint64_t kBlockOrder = 0x626c6f636b73;
constexpr uint64_t kLineOrder = 0x6c696e6573;

// No run gets there, and counting on from it does not overflow.
constexpr uint64_t kLastEpoch = std::numeric_limits<int32_t>::max();

void Shuffle(Random random, std::vector<int64_t>* items) {
  for (size_t i = items->size(); i > 1; --i) {
    std::swap((*items)[i - 1], (*items)[random.Below(i)]);
  }
}

// Beginnings of blocks of at least `size` tokens that end with a line.
std::vector<int64_t> CutBlocks(absl::Span<const int32_t> tokens, int64_t size) {
  const auto total = static_cast<int64_t>(tokens.size());
  std::vector<int64_t> blocks = {0};
  while (blocks.back() < total) {
    int64_t end = std::min(blocks.back() + size, total);
    while (tokens[static_cast<size_t>(end - 1)] != Vocabulary::kEndOfLine) {
      ++end;
    }
    blocks.push_back(end);
  }
  return blocks;
}

absl::Status PositionError(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("position of the batches: ", what));
}

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

BatchStream::BatchStream(std::shared_ptr<const Corpus> corpus,
                         const BatchStreamOptions& options)
    : corpus_(std::move(corpus)),
      options_(options),
      blocks_(CutBlocks(corpus_->tokens(), options.block_tokens)),
      cursors_(static_cast<size_t>(options.rows), kNoLine) {
  StartEpoch();
}

int64_t BatchStream::batches_per_epoch() const {
  const auto tokens = static_cast<int64_t>(corpus_->tokens().size());
  return DivideUp(DivideUp(tokens, options_.rows), options_.steps);
}

void BatchStream::StartEpoch() {
  if (options_.context == LineContext::kStream) {
    for (int row = 0; row < options_.rows; ++row) {
      cursors_[static_cast<size_t>(row)] = RowEnd(row - 1);
    }
    epoch_begins_ = true;
    return;
  }
  order_.resize(blocks_.size() - 1);
  std::iota(order_.begin(), order_.end(), 0);
  if (options_.training) {
    Shuffle(Random(options_.seed, kBlockOrder, static_cast<uint64_t>(epoch_)),
            &order_);
  }
  group_ = 0;
  StartGroup();
}

void BatchStream::StartGroup() {
  lines_.clear();
  next_line_ = 0;
  const auto count = static_cast<int64_t>(order_.size());
  const int64_t first = group_ * options_.blocks_at_once;
  const int64_t last = std::min(first + options_.blocks_at_once, count);
  for (int64_t i = first; i < last; ++i) {
    const auto block = static_cast<size_t>(order_[static_cast<size_t>(i)]);
    bool begins = true;
    for (int64_t at = blocks_[block]; at < blocks_[block + 1]; ++at) {
      if (begins) lines_.push_back(at);
      begins =
          corpus_->tokens()[static_cast<size_t>(at)] == Vocabulary::kEndOfLine;
    }
  }
  if (options_.training) {
    Shuffle(Random(options_.seed, kLineOrder, static_cast<uint64_t>(epoch_),
                   static_cast<uint64_t>(group_)),
            &lines_);
  }
}

int64_t BatchStream::NextLine() {
  if (next_line_ == lines_.size()) return kNoLine;  // after the only pass
  const int64_t line = lines_[next_line_++];
  if (next_line_ < lines_.size()) return line;
  if ((group_ + 1) * options_.blocks_at_once <
      static_cast<int64_t>(order_.size())) {
    ++group_;
    StartGroup();
  } else {
    ++epoch_;
    if (options_.training) StartEpoch();
  }
  return line;
}

int64_t BatchStream::RowEnd(int row) const {
  const auto tokens = static_cast<int64_t>(corpus_->tokens().size());
  return std::min(tokens, (row + 1) * DivideUp(tokens, options_.rows));
}

// One cursor is all that a row is: what stands before it is the input, and a
// line begins where an <eos> stands before it.
void BatchStream::FillRow(int row, LanguageModelBatch* batch) {
  const absl::Span<const int32_t> tokens = corpus_->tokens();
  const bool by_line = options_.context == LineContext::kLine;
  int64_t& at = cursors_[static_cast<size_t>(row)];
  for (int step = 0; step < options_.steps; ++step) {
    const auto place = static_cast<size_t>(step * options_.rows + row);
    if (by_line && at == kNoLine) at = NextLine();
    if (at == kNoLine || (!by_line && at >= RowEnd(row))) continue;
    const int32_t before =
        at == 0 ? Vocabulary::kEndOfLine : tokens[static_cast<size_t>(at - 1)];
    batch->inputs[place] = before;
    batch->targets[place] = tokens[static_cast<size_t>(at)];
    batch->resets[place] =
        by_line ? before == Vocabulary::kEndOfLine : step == 0 && epoch_begins_;
    ++at;
    if (by_line && batch->targets[place] == Vocabulary::kEndOfLine) {
      at = kNoLine;
    }
  }
}

bool BatchStream::Exhausted() const {
  if (options_.context == LineContext::kStream) {
    // The first row is never shorter than another.
    return cursors_[0] >= RowEnd(0);
  }
  return next_line_ == lines_.size() &&
         std::all_of(cursors_.begin(), cursors_.end(),
                     [](int64_t cursor) { return cursor == kNoLine; });
}

bool BatchStream::Next(LanguageModelBatch* batch) {
  if (Exhausted()) return false;
  const auto size =
      static_cast<size_t>(options_.rows) * static_cast<size_t>(options_.steps);
  batch->inputs.assign(size, Vocabulary::kEndOfLine);
  batch->targets.assign(size, LanguageModelBatch::kNoTarget);
  batch->resets.assign(size, 0);
  for (int row = 0; row < options_.rows; ++row) FillRow(row, batch);
  epoch_begins_ = false;
  if (options_.context == LineContext::kStream && Exhausted()) {
    ++epoch_;
    if (options_.training) StartEpoch();
  }
  return true;
}

std::string BatchStream::Position() const {
  return nlohmann::json{
      {"epoch", epoch_},     {"epoch_begins", epoch_begins_},
      {"group", group_},     {"next_line", next_line_},
      {"cursors", cursors_}, {"fingerprint", corpus_->fingerprint()}}
      .dump();
}

absl::Status BatchStream::Seek(absl::string_view position) {
  const auto json =
      nlohmann::json::parse(position, nullptr, /*allow_exceptions=*/false);
  RETURN_IF_ERROR(CheckPosition(json));
  const std::string before = Position();
  epoch_ = json["epoch"].get<int64_t>();
  StartEpoch();
  group_ = json["group"].get<int64_t>();
  if (options_.context == LineContext::kLine) StartGroup();
  next_line_ = json["next_line"].get<size_t>();
  epoch_begins_ = json["epoch_begins"].get<bool>();
  cursors_ = json["cursors"].get<std::vector<int64_t>>();
  if (next_line_ <= lines_.size()) return absl::OkStatus();
  CAROUSEL_CHECK(Seek(before).ok());
  return PositionError("it is past the last line");
}

absl::Status BatchStream::CheckPosition(const nlohmann::json& json) const {
  if (!json.is_object()) return PositionError("expected a JSON object");
  for (const char* key : {"epoch", "group", "next_line", "fingerprint"}) {
    if (!json.contains(key) || !json[key].is_number_unsigned()) {
      return PositionError(absl::StrCat("expected a count in \"", key, "\""));
    }
  }
  if (!json.contains("epoch_begins") || !json["epoch_begins"].is_boolean()) {
    return PositionError("expected true or false in \"epoch_begins\"");
  }
  if (json["fingerprint"].get<uint64_t>() != corpus_->fingerprint()) {
    return PositionError("it is of another text");
  }
  const int64_t groups = DivideUp(static_cast<int64_t>(blocks_.size()) - 1,
                                  options_.blocks_at_once);
  // Unsigned as they are stored: as an int64_t the largest are negative.
  if (json["group"].get<uint64_t>() >= static_cast<uint64_t>(groups)) {
    return PositionError("it is past the last group of blocks");
  }
  if (json["epoch"].get<uint64_t>() > kLastEpoch) {
    return PositionError(
        absl::StrCat("expected an epoch of at most ", kLastEpoch));
  }
  const auto cursors = json.value("cursors", nlohmann::json::array());
  if (cursors.size() != cursors_.size()) {
    return PositionError(absl::StrCat("expected ", cursors_.size(),
                                      " rows, found ", cursors.size()));
  }
  // In `stream` context every row has a place; that of one that is done is
  // behind the last token.
  const bool by_line = options_.context == LineContext::kLine;
  const auto size = static_cast<int64_t>(corpus_->tokens().size());
  const int64_t first = by_line ? kNoLine : 0;
  const int64_t last = by_line ? size - 1 : size;
  for (const auto& cursor : cursors) {
    if (!cursor.is_number_integer() || cursor.get<int64_t>() < first ||
        cursor.get<int64_t>() > last) {
      return PositionError("a row stands outside the text");
    }
  }
  return absl::OkStatus();
}

}  // namespace carousel
