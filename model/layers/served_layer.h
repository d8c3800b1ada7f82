// SPDX-License-Identifier: Apache-2.0
//
// One recurrent layer in one direction as it is served, in f32, bf16 or int8:
// the input's product for several steps at once, then step by step the
// recurrent product and the gates. Equations and weights: model/onednn/cell.h.
//
// oneDNN's recurrent primitive computes the same; of 2.6 it multiplies a text's
// inputs step by step, and it has int8 for an LSTM only.

#ifndef CAROUSEL_MODEL_LAYERS_SERVED_LAYER_H_
#define CAROUSEL_MODEL_LAYERS_SERVED_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/served_matrix.h"
#include "model/onednn/cell.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"
#include "model/tensor/tensor.h"

namespace carousel {

// What one thread needs to run layers. Grows to the largest call.
struct ServedLayerScratch {
  ServedScratch products;
  ServedRows x, h;
  AlignedVector<float> sums;     // (T, N, GH), of some of the steps
  std::vector<float> recurrent;  // (N, GH), of a GRU
  std::vector<float> unread;     // (H), which a gate kernel writes
};

// Immutable, so thread-safe; each thread brings its own scratch.
class ServedLayer {
 public:
  // `weights`: weight_ih, weight_hh, bias_ih, bias_hh as PyTorch has them, F32
  // or BF16; copied. REQUIRES: their shapes are those of one layer; the CPU has
  // the precision. INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<const ServedLayer>> Create(
      Cell cell, absl::Span<const Tensor> weights, Precision precision);

  struct Call {
    int64_t steps = 0;         // T
    int64_t rows = 0;          // N
    const float* x = nullptr;  // (T, N, I)
    float* h = nullptr;        // (N, H): before the first, after the last step
    float* c = nullptr;        // (N, H): the same; null for a cell without
    float* y = nullptr;        // (T, N, H): h after each step
    int64_t y_stride = 0;      // of y's rows, in floats; 0: H
    bool backwards = false;    // step T - 1 is the first, 0 the last

    // Instead of x, where inputs repeat: what InputSums gives for each of them,
    // (U, GH), and which one a step has in a row, (T, N).
    const float* sums = nullptr;
    const int32_t* places = nullptr;
  };

  // INTERNAL if oneDNN refuses. REQUIRES: T, N >= 1.
  absl::Status Forward(const Call& call, ServedLayerScratch* scratch) const;

  // The sums of the gates that come from the input, W_ih x + biases, of `rows`
  // inputs x (rows, I): (rows, GH). What ForwardSums wants, for those who look
  // them up.
  absl::Status InputSums(const float* x, int64_t rows, float* sums,
                         ServedLayerScratch* scratch) const;

  // As Forward; instead of x the sums (T, N, GH), which are overwritten.
  absl::Status ForwardSums(const Call& call, float* sums,
                           ServedLayerScratch* scratch) const;

  Cell cell() const { return cell_; }
  int64_t inputs() const { return input_->k(); }
  int64_t hidden() const { return recurrent_->k(); }
  Precision precision() const { return input_->precision(); }
  size_t memory_bytes() const;

  // See ServedMatrix.
  bool wants_few_shapes() const { return input_->wants_few_shapes(); }

  // The name of the kernel that multiplies, e.g. "own:avx512_core".
  std::string implementation() const { return recurrent_->implementation(); }

 private:
  explicit ServedLayer(Cell cell) : cell_(cell) {}
  // Rows (N, H) of a call.
  struct States {
    float* data = nullptr;
    int64_t stride = 0;

    float* row(int64_t n) const { return data + n * stride; }
  };

  int64_t StrideOf(const Call& call) const {
    return call.y_stride == 0 ? hidden() : call.y_stride;
  }
  absl::Status FindSums(const Call& call, ServedLayerScratch* scratch) const;
  absl::Status Step(const Call& call, const States& before, float* sums,
                    const States& after, bool backwards,
                    ServedLayerScratch* scratch) const;
  void LstmGates(const Call& call, float* sums, const States& after) const;
  void Gates(const float* h_before, float* sums, const float* recurrent,
             float* h, float* unread) const;

  const Cell cell_;
  std::unique_ptr<const ServedMatrix> input_;      // (GH, I)
  std::unique_ptr<const ServedMatrix> recurrent_;  // (GH, H)
  std::vector<float> bias_;     // (GH): b_ih + b_hh, of a GRU b_ih
  std::vector<float> bias_hh_;  // (3H), of a GRU
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_SERVED_LAYER_H_
