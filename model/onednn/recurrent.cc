// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/recurrent.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/onednn/executor_rep.h"

namespace carousel {
namespace {

using dnnl::memory;
using onednn::Argument;
using onednn::CachedPrimitive;
using onednn::Cpu;
using onednn::PrimitiveKey;
using onednn::View;
using Tag = memory::format_tag;

constexpr int64_t kKind = 3;  // of PrimitiveKey; matmul.cc has the others

memory::desc F32(memory::dims dims, Tag tag) {
  return memory::desc(std::move(dims), memory::data_type::f32, tag);
}

// Blocks of the bias: oneDNN's GRU (with linear_before_reset, as PyTorch's) has
// one more, that of W_hn.
int64_t BiasBlocks(Cell cell) {
  return cell == Cell::kGru ? 4 : GateCount(cell);
}

// Descriptors of a call with T steps and N rows.
struct Descs {
  memory::desc x, state, weights_x, weights_h, bias, y;
};

Descs MakeDescs(Cell cell, int64_t steps, int64_t rows, int64_t inputs,
                int64_t hidden, memory::desc weights_x,
                memory::desc weights_h) {
  return {.x = F32({steps, rows, inputs}, Tag::tnc),
          .state = F32({1, 1, rows, hidden}, Tag::ldnc),
          .weights_x = std::move(weights_x),
          .weights_h = std::move(weights_h),
          .bias = F32({1, 1, BiasBlocks(cell), hidden}, Tag::ldgo),
          .y = F32({steps, rows, hidden}, Tag::tnc)};
}

// What the primitives of one kind share, whatever their cell.
template <typename Primitive, typename... Arguments>
dnnl::rnn_primitive_desc_base DescribeAs(const Arguments&... arguments) {
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(Cpu(), kInference, arguments...,
                                            onednn::UserScratchpad());
#else
  return typename Primitive::primitive_desc(
      typename Primitive::desc(kInference, arguments...),
      onednn::UserScratchpad(), Cpu());
#endif
}

dnnl::rnn_primitive_desc_base Describe(Cell cell, const Descs& d) {
  constexpr auto kForward = dnnl::rnn_direction::unidirectional_left2right;
  switch (cell) {
    case Cell::kTanhRnn:
    case Cell::kReluRnn:
      return DescribeAs<dnnl::vanilla_rnn_forward>(
          cell == Cell::kTanhRnn ? dnnl::algorithm::eltwise_tanh
                                 : dnnl::algorithm::eltwise_relu,
          kForward, d.x, d.state, d.weights_x, d.weights_h, d.bias, d.y,
          d.state);
    case Cell::kLstm:
      return DescribeAs<dnnl::lstm_forward>(kForward, d.x, d.state, d.state,
                                            d.weights_x, d.weights_h, d.bias,
                                            d.y, d.state, d.state);
    case Cell::kGru:
      return DescribeAs<dnnl::lbr_gru_forward>(kForward, d.x, d.state,
                                               d.weights_x, d.weights_h, d.bias,
                                               d.y, d.state);
  }
  return {};
}

CachedPrimitive Make(Cell cell, const Descs& d) {
  const auto described = Describe(cell, d);
  return {dnnl::primitive(described),
          described.scratchpad_desc(),
          {{DNNL_ARG_SRC_LAYER, d.x},
           {DNNL_ARG_SRC_ITER, d.state},
           {DNNL_ARG_SRC_ITER_C, d.state},
           {DNNL_ARG_BIAS, d.bias},
           {DNNL_ARG_DST_LAYER, d.y},
           {DNNL_ARG_DST_ITER, d.state},
           {DNNL_ARG_DST_ITER_C, d.state}}};
}

// `blocks` (G, size) with PyTorch's gates in oneDNN's order: a GRU's r, z, n
// become z, r, n; all others agree.
std::vector<float> InOrder(Cell cell, absl::Span<const float> blocks) {
  std::vector<float> ordered(blocks.begin(), blocks.end());
  if (cell == Cell::kGru) {
    const auto size = static_cast<ptrdiff_t>(blocks.size()) / 3;
    std::swap_ranges(ordered.begin(), ordered.begin() + size,
                     ordered.begin() + size);
  }
  return ordered;
}

// The one bias of oneDNN: b_ih + b_hh, but a GRU's b_hn stays apart.
std::vector<float> JoinedBias(Cell cell, const CellWeights& weights) {
  std::vector<float> bias = InOrder(cell, weights.bias_ih);
  const std::vector<float> recurrent = InOrder(cell, weights.bias_hh);
  const size_t apart = cell == Cell::kGru ? bias.size() / 3 : 0;
  const size_t summed = bias.size() - apart;
  for (size_t i = 0; i < summed; ++i) bias[i] += recurrent[i];
  bias.insert(bias.end(), recurrent.end() - static_cast<ptrdiff_t>(apart),
              recurrent.end());
  return bias;
}

// PyTorch's (GH, I) is oneDNN's (L, D, I, G, O) with the strides of ldgoi.
memory Reorder(Cell cell, absl::Span<const float> from, int64_t inputs,
               int64_t hidden, const memory::desc& to, dnnl::stream& stream) {
  const std::vector<float> ordered = InOrder(cell, from);
  memory source = View(F32({1, 1, inputs, GateCount(cell), hidden}, Tag::ldgoi),
                       ordered.data());
  memory result(to, Cpu());
  dnnl::reorder(source, result).execute(stream, source, result);
  stream.wait();
  return result;
}

}  // namespace

struct RecurrentLayer::Rep {
  void Pack(Cell cell, int64_t inputs, int64_t hidden,
            const CellWeights& weights, std::string* implementation);

  memory weights_x;
  memory weights_h;
  std::vector<float> bias;
  // Whether the kernel wants its own layout: part of the primitive's key, so
  // that layers of one shape share their primitives.
  bool own_layout = false;
};

// One copy of the weights serves every shape of call. Where the preferred
// layout depends on the shape (kernels without brgemm), the plain one is taken.
void RecurrentLayer::Rep::Pack(Cell cell, int64_t inputs, int64_t hidden,
                               const CellWeights& weights,
                               std::string* implementation) {
  const auto layout = [&](int64_t width, Tag tag) {
    return F32({1, 1, width, GateCount(cell), hidden}, tag);
  };
  const auto preferred = [&](int64_t steps, int64_t rows) {
    return Describe(
        cell, MakeDescs(cell, steps, rows, inputs, hidden,
                        layout(inputs, Tag::any), layout(hidden, Tag::any)));
  };
  const auto one = preferred(1, 1);
  own_layout = true;
  for (const auto& other : {preferred(32, 64), preferred(1, 64)}) {
    own_layout = own_layout &&
                 one.weights_layer_desc() == other.weights_layer_desc() &&
                 one.weights_iter_desc() == other.weights_iter_desc();
  }
  *implementation = one.impl_info_str();
  dnnl::stream stream(Cpu());
  weights_x = Reorder(
      cell, weights.weight_ih, inputs, hidden,
      own_layout ? one.weights_layer_desc() : layout(inputs, Tag::ldigo),
      stream);
  weights_h =
      Reorder(cell, weights.weight_hh, hidden, hidden,
              own_layout ? one.weights_iter_desc() : layout(hidden, Tag::ldigo),
              stream);
  bias = JoinedBias(cell, weights);
}

RecurrentLayer::RecurrentLayer(Cell cell, int64_t inputs, int64_t hidden,
                               std::unique_ptr<Rep> rep)
    : cell_(cell), inputs_(inputs), hidden_(hidden), rep_(std::move(rep)) {}
RecurrentLayer::~RecurrentLayer() = default;

absl::StatusOr<std::unique_ptr<const RecurrentLayer>> RecurrentLayer::Create(
    Cell cell, int64_t inputs, int64_t hidden, const CellWeights& weights) {
  const auto rows = static_cast<size_t>(GateCount(cell) * hidden);
  CAROUSEL_CHECK(weights.weight_ih.size() ==
                 rows * static_cast<size_t>(inputs));
  CAROUSEL_CHECK(weights.weight_hh.size() ==
                 rows * static_cast<size_t>(hidden));
  CAROUSEL_CHECK(weights.bias_ih.size() == rows);
  CAROUSEL_CHECK(weights.bias_hh.size() == rows);
  auto layer = absl::WrapUnique(
      new RecurrentLayer(cell, inputs, hidden, std::make_unique<Rep>()));
  RETURN_IF_ERROR(onednn::CatchErrors("create a recurrent layer", [&] {
    layer->rep_->Pack(cell, inputs, hidden, weights, &layer->implementation_);
    return absl::OkStatus();
  }));
  return layer;
}

absl::Status RecurrentLayer::Forward(const Call& call,
                                     Executor* executor) const {
  return onednn::CatchErrors("run a recurrent layer", [&] {
    const PrimitiveKey key = {kKind,
                              call.steps,
                              call.rows,
                              inputs_,
                              hidden_,
                              rep_->own_layout,
                              static_cast<int64_t>(cell_)};
    CachedPrimitive& primitive = executor->rep().Get(key, [&] {
      return Make(cell_, MakeDescs(cell_, call.steps, call.rows, inputs_,
                                   hidden_, rep_->weights_x.get_desc(),
                                   rep_->weights_h.get_desc()));
    });
    // A plain RNN's only step writes blocks of h_out while others still read
    // h_in, so the two cannot be the same memory.
    std::vector<float> h_before;
    const float* h_in = call.h_in;
    if (GateCount(cell_) == 1 && call.steps == 1 && call.h_in == call.h_out) {
      h_before.assign(h_in, h_in + call.rows * hidden_);
      h_in = h_before.data();
    }
    const Argument arguments[] = {
        {DNNL_ARG_SRC_LAYER, call.x},
        {DNNL_ARG_SRC_ITER, h_in},
        {DNNL_ARG_WEIGHTS_LAYER, nullptr, &rep_->weights_x},
        {DNNL_ARG_WEIGHTS_ITER, nullptr, &rep_->weights_h},
        {DNNL_ARG_BIAS, rep_->bias.data()},
        {DNNL_ARG_DST_LAYER, call.y},
        {DNNL_ARG_DST_ITER, call.h_out},
        {DNNL_ARG_SRC_ITER_C, call.c_in},
        {DNNL_ARG_DST_ITER_C, call.c_out}};
    const size_t without_memory = std::size(arguments) - 2;
    executor->rep().Run(
        primitive,
        {arguments, HasMemory(cell_) ? std::size(arguments) : without_memory});
    return absl::OkStatus();
  });
}

size_t RecurrentLayer::memory_bytes() const {
  return rep_->weights_x.get_desc().get_size() +
         rep_->weights_h.get_desc().get_size() +
         rep_->bias.size() * sizeof(float);
}

}  // namespace carousel
