// SPDX-License-Identifier: Apache-2.0

#include "model/train/example_stream.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/random.h"
#include "model/text/vocabulary.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Keys of the random streams, so that none meets another.
constexpr uint64_t kExampleOrder = 0x6578616d706c;
constexpr uint64_t kBatchOrder = 0x626174636865;

// No run gets there, and counting on from it does not overflow.
constexpr uint64_t kLastEpoch = std::numeric_limits<int32_t>::max();

// Batches by tokens have a multiple of so many rows: fewer different products.
constexpr int kRowMultiple = 8;

template <typename T>
void Shuffle(Random random, std::vector<T>* items) {
  for (size_t i = items->size(); i > 1; --i) {
    std::swap((*items)[i - 1], (*items)[random.Below(i)]);
  }
}

int ToInt(size_t size) {
  return static_cast<int>(
      std::min<size_t>(size, std::numeric_limits<int>::max() - 1));
}

// An empty source is read as one <eos>; a target text ends in one.
PairLength StepsOf(const ExampleSet& examples, int64_t i, bool labels) {
  return {.source = std::max(1, ToInt(examples.source(i).size())),
          .target = labels ? 1 : ToInt(examples.target(i).size()) + 1};
}

bool IsTooLong(const PairLength& length, const ExampleStreamOptions& options) {
  return length.source > options.max_source ||
         length.target > options.max_target;
}

absl::Status PositionError(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("position of the examples: ", what));
}

}  // namespace

void ExampleSet::Add(absl::Span<const int32_t> source,
                     absl::Span<const int32_t> target) {
  for (const auto& text : {source, target}) {
    tokens_.insert(tokens_.end(), text.begin(), text.end());
    ends_.push_back(static_cast<int64_t>(tokens_.size()));
    fingerprint_ = MixBits(fingerprint_ ^ text.size());
    for (const int32_t token : text) {
      fingerprint_ = MixBits(fingerprint_ ^ static_cast<uint64_t>(token));
    }
  }
}

absl::Span<const int32_t> ExampleSet::Text(int64_t k) const {
  const auto place = static_cast<size_t>(k);
  const int64_t begin = place == 0 ? 0 : ends_[place - 1];
  return absl::MakeConstSpan(tokens_).subspan(
      static_cast<size_t>(begin), static_cast<size_t>(ends_[place] - begin));
}

ExampleStream::ExampleStream(std::shared_ptr<const ExampleSet> examples,
                             const ExampleStreamOptions& options)
    : examples_(std::move(examples)), options_(options) {
  CAROUSEL_CHECK(options.rows >= 1 && options.max_buckets >= 1);
  CAROUSEL_CHECK(0 <= options.part && options.part < options.parts);
  std::vector<PairLength> lengths;
  for (int64_t i = 0; i < examples_->size(); ++i) {
    const PairLength length = LengthOf(i);
    if (!IsTooLong(length, options_)) lengths.push_back(length);
  }
  CAROUSEL_CHECK(!lengths.empty());
  too_long_ = examples_->size() - static_cast<int64_t>(lengths.size());
  buckets_ = ChooseBuckets(lengths, options_.max_buckets);
  StartEpoch();
}

int64_t ExampleStream::CountTooLong(const ExampleSet& examples,
                                    const ExampleStreamOptions& options) {
  int64_t count = 0;
  for (int64_t i = 0; i < examples.size(); ++i) {
    count += IsTooLong(StepsOf(examples, i, options.labels), options);
  }
  return count;
}

PairLength ExampleStream::LengthOf(int64_t example) const {
  return StepsOf(*examples_, example, options_.labels);
}

int ExampleStream::RowsOf(const PairLength& bucket) const {
  int64_t rows = options_.rows;
  if (options_.tokens > 0) {
    const int64_t steps = options_.labels ? bucket.source : bucket.steps();
    const int64_t fit = std::max<int64_t>(1, options_.tokens / steps);
    rows = std::min(rows, fit <= kRowMultiple ? fit : fit - fit % kRowMultiple);
  }
  return static_cast<int>(rows);
}

void ExampleStream::StartEpoch() {
  std::vector<std::vector<int64_t>> members(buckets_.size());
  for (int64_t i = 0; i < examples_->size(); ++i) {
    const PairLength length = LengthOf(i);
    if (IsTooLong(length, options_)) continue;
    members[FindBucket(buckets_, length)].push_back(i);
  }
  CutBatches(std::move(members));
  if (options_.training) {
    Shuffle(Random(options_.seed, kBatchOrder, static_cast<uint64_t>(epoch_)),
            &batches_);
  }
  next_batch_ = 0;
}

// Where the last `rest` rows of a bucket go: itself, or a longer bucket if its
// longer rows cost less than a batch that is not full.
size_t ExampleStream::RoomFor(size_t bucket, int64_t rest) const {
  const PairLength& own = buckets_[bucket];
  for (size_t other = bucket + 1; other < buckets_.size(); ++other) {
    if (!buckets_[other].Holds(own)) continue;
    const bool cheaper =
        rest * buckets_[other].steps() < RowsOf(own) * own.steps();
    return cheaper ? other : bucket;
  }
  return bucket;
}

void ExampleStream::CutBatches(std::vector<std::vector<int64_t>> members) {
  batches_.clear();
  for (size_t b = 0; b < buckets_.size(); ++b) {
    std::vector<int64_t>& own = members[b];
    if (options_.training) {
      Shuffle(Random(options_.seed, kExampleOrder,
                     static_cast<uint64_t>(epoch_), b),
              &own);
    }
    const auto rows = static_cast<size_t>(RowsOf(buckets_[b]));
    const size_t rest = own.size() % rows;
    const size_t room = RoomFor(b, static_cast<int64_t>(rest));
    if (room != b) {
      const auto keep = own.end() - static_cast<std::ptrdiff_t>(rest);
      members[room].insert(members[room].end(), keep, own.end());
      own.erase(keep, own.end());
    }
    for (size_t first = 0; first < own.size(); first += rows) {
      const auto begin = own.begin() + static_cast<std::ptrdiff_t>(first);
      const size_t count = std::min(rows, own.size() - first);
      batches_.push_back(
          {.bucket = b,
           .examples = {begin, begin + static_cast<std::ptrdiff_t>(count)}});
    }
  }
}

bool ExampleStream::Next(ExampleBatch* batch) {
  if (next_batch_ == batches_.size()) return false;  // after the only pass
  const Batch& source = batches_[next_batch_];
  const PairLength& bucket = buckets_[source.bucket];
  const int all = RowsOf(bucket);
  const auto first_of = [&](int64_t part) {
    return static_cast<int>(part * all / options_.parts);
  };
  batch->source_steps = bucket.source;
  batch->target_steps = bucket.target;
  batch->first_row = first_of(options_.part);
  batch->rows = first_of(options_.part + 1) - batch->first_row;
  batch->global_rows = all;
  const auto rows = static_cast<size_t>(batch->rows);
  const size_t source_cells = static_cast<size_t>(bucket.source) * rows;
  const size_t target_cells = static_cast<size_t>(bucket.target) * rows;
  batch->source.assign(source_cells, Vocabulary::kEndOfLine);
  batch->resets.assign(source_cells, 0);
  batch->lengths.assign(rows, 1);
  batch->target_in.assign(options_.labels ? 0 : target_cells,
                          Vocabulary::kEndOfLine);
  batch->targets.assign(target_cells, ExampleBatch::kNoTarget);
  batch->examples.assign(rows, ExampleBatch::kNoExample);
  for (int row = 0; row < batch->rows; ++row) {
    const auto place = static_cast<size_t>(batch->first_row + row);
    const bool found = place < source.examples.size();
    const int64_t example =
        found ? source.examples[place] : ExampleBatch::kNoExample;
    batch->examples[static_cast<size_t>(row)] = example;
    FillSource(example, row, batch);
    if (found) FillTarget(example, row, batch);
  }
  if (++next_batch_ == batches_.size()) {
    ++epoch_;
    if (options_.training) StartEpoch();
  }
  return true;
}

void ExampleStream::FillSource(int64_t example, int row,
                               ExampleBatch* batch) const {
  absl::Span<const int32_t> text;
  if (example != ExampleBatch::kNoExample) text = examples_->source(example);
  const int length = std::max(1, ToInt(text.size()));
  const int first = batch->source_steps - length;
  batch->lengths[static_cast<size_t>(row)] = length;
  batch->resets[static_cast<size_t>(first * batch->rows + row)] = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    const int step = first + static_cast<int>(i);
    batch->source[static_cast<size_t>(step * batch->rows + row)] = text[i];
  }
}

void ExampleStream::FillTarget(int64_t example, int row,
                               ExampleBatch* batch) const {
  const absl::Span<const int32_t> text = examples_->target(example);
  const auto cell = [&](size_t step) {
    return step * static_cast<size_t>(batch->rows) + static_cast<size_t>(row);
  };
  if (options_.labels) {
    CAROUSEL_CHECK(text.size() == 1);
    batch->targets[cell(0)] = text[0];
    return;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    batch->targets[cell(i)] = text[i];
    batch->target_in[cell(i + 1)] = text[i];
  }
  batch->targets[cell(text.size())] = Vocabulary::kEndOfLine;
}

// Of all that decides what the batches of an epoch are.
uint64_t ExampleStream::Fingerprint() const {
  uint64_t print = examples_->fingerprint();
  for (const int64_t number :
       {int64_t{options_.labels}, int64_t{options_.rows}, options_.tokens,
        int64_t{options_.max_source}, int64_t{options_.max_target},
        int64_t{options_.max_buckets}, int64_t{options_.training}}) {
    print = MixBits(print ^ static_cast<uint64_t>(number));
  }
  return MixBits(print ^ options_.seed);
}

std::string ExampleStream::Position() const {
  return nlohmann::json{{"epoch", epoch_},
                        {"next_batch", next_batch_},
                        {"fingerprint", Fingerprint()}}
      .dump();
}

absl::Status ExampleStream::Seek(absl::string_view position) {
  const auto json =
      nlohmann::json::parse(position, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return PositionError("expected a JSON object");
  for (const char* key : {"epoch", "next_batch", "fingerprint"}) {
    if (!json.contains(key) || !json[key].is_number_unsigned()) {
      return PositionError(absl::StrCat("expected a count in \"", key, "\""));
    }
  }
  if (json["fingerprint"].get<uint64_t>() != Fingerprint()) {
    return PositionError("it is of other examples or settings");
  }
  // Unsigned as they are stored: as an int64_t the largest are negative.
  if (json["epoch"].get<uint64_t>() > kLastEpoch) {
    return PositionError(
        absl::StrCat("expected an epoch of at most ", kLastEpoch));
  }
  if (json["next_batch"].get<uint64_t>() > batches_.size()) {
    return PositionError("it is past the last batch");
  }
  epoch_ = json["epoch"].get<int64_t>();
  StartEpoch();
  next_batch_ = json["next_batch"].get<size_t>();
  return absl::OkStatus();
}

}  // namespace carousel
