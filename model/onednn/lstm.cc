// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/lstm.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/onednn/executor_rep.h"

namespace carousel {
namespace {

using dnnl::memory;
using onednn::CachedPrimitive;
using onednn::Cpu;
using onednn::PrimitiveKey;
using onednn::View;
using Tag = memory::format_tag;

constexpr int64_t kGates = 4;
constexpr int64_t kKind = 3;  // of PrimitiveKey; matmul.cc has 1 and 2

memory::desc F32(memory::dims dims, Tag tag) {
  return memory::desc(std::move(dims), memory::data_type::f32, tag);
}

// Descriptors of a call with T steps and N rows.
struct Descs {
  memory::desc x, state, weights_x, weights_h, bias, y;
};

Descs MakeDescs(int64_t steps, int64_t rows, int64_t inputs, int64_t hidden,
                memory::desc weights_x, memory::desc weights_h) {
  return {.x = F32({steps, rows, inputs}, Tag::tnc),
          .state = F32({1, 1, rows, hidden}, Tag::ldnc),
          .weights_x = std::move(weights_x),
          .weights_h = std::move(weights_h),
          .bias = F32({1, 1, kGates, hidden}, Tag::ldgo),
          .y = F32({steps, rows, hidden}, Tag::tnc)};
}

dnnl::lstm_forward::primitive_desc Describe(const Descs& d) {
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
  constexpr auto kForward = dnnl::rnn_direction::unidirectional_left2right;
#if DNNL_VERSION_MAJOR >= 3
  return {Cpu(),
          kInference,
          kForward,
          d.x,
          d.state,
          d.state,
          d.weights_x,
          d.weights_h,
          d.bias,
          d.y,
          d.state,
          d.state,
          onednn::UserScratchpad()};
#else
  return {dnnl::lstm_forward::desc(kInference, kForward, d.x, d.state, d.state,
                                   d.weights_x, d.weights_h, d.bias, d.y,
                                   d.state, d.state),
          onednn::UserScratchpad(), Cpu()};
#endif
}

CachedPrimitive Make(const Descs& d) {
  const auto described = Describe(d);
  return {dnnl::lstm_forward(described),
          described.scratchpad_desc(),
          {{DNNL_ARG_SRC_LAYER, d.x},
           {DNNL_ARG_SRC_ITER, d.state},
           {DNNL_ARG_BIAS, d.bias},
           {DNNL_ARG_DST_LAYER, d.y}}};
}

// PyTorch's (4H, I) is oneDNN's (L, D, I, G, O) with the strides of ldgoi.
memory Reorder(absl::Span<const float> from, int64_t inputs, int64_t hidden,
               const memory::desc& to, dnnl::stream& stream) {
  memory source =
      View(F32({1, 1, inputs, kGates, hidden}, Tag::ldgoi), from.data());
  memory result(to, Cpu());
  dnnl::reorder(source, result).execute(stream, source, result);
  stream.wait();
  return result;
}

}  // namespace

struct LstmLayer::Rep {
  memory weights_x;
  memory weights_h;
  std::vector<float> bias;  // (4H): b_ih + b_hh
  // Whether the kernel wants its own layout: part of the primitive's key, so
  // that layers of one shape share their primitives.
  bool own_layout = false;
};

LstmLayer::LstmLayer(int64_t inputs, int64_t hidden, std::unique_ptr<Rep> rep)
    : inputs_(inputs), hidden_(hidden), rep_(std::move(rep)) {}
LstmLayer::~LstmLayer() = default;

absl::StatusOr<std::unique_ptr<const LstmLayer>> LstmLayer::Create(
    int64_t inputs, int64_t hidden, const LstmWeights& weights) {
  const auto count = [](int64_t a, int64_t b) {
    return static_cast<size_t>(a * b);
  };
  CAROUSEL_CHECK(weights.weight_ih.size() == count(kGates * hidden, inputs));
  CAROUSEL_CHECK(weights.weight_hh.size() == count(kGates * hidden, hidden));
  CAROUSEL_CHECK(weights.bias_ih.size() == count(kGates, hidden));
  CAROUSEL_CHECK(weights.bias_hh.size() == count(kGates, hidden));

  auto layer =
      absl::WrapUnique(new LstmLayer(inputs, hidden, std::make_unique<Rep>()));
  Rep& rep = *layer->rep_;
  RETURN_IF_ERROR(onednn::CatchErrors("create an LSTM layer", [&] {
    const auto preferred = [&](int64_t steps, int64_t rows) {
      return Describe(MakeDescs(steps, rows, inputs, hidden,
                                F32({1, 1, inputs, kGates, hidden}, Tag::any),
                                F32({1, 1, hidden, kGates, hidden}, Tag::any)));
    };
    const auto one = preferred(1, 1);
    const auto many = preferred(32, 64);
    const auto wide = preferred(1, 64);
    // One copy of the weights serves every shape of call. Where the preferred
    // layout depends on the shape (kernels without brgemm), the plain one is
    // taken.
    rep.own_layout = one.weights_layer_desc() == many.weights_layer_desc() &&
                     one.weights_layer_desc() == wide.weights_layer_desc() &&
                     one.weights_iter_desc() == many.weights_iter_desc() &&
                     one.weights_iter_desc() == wide.weights_iter_desc();
    layer->implementation_ = one.impl_info_str();
    dnnl::stream stream(Cpu());
    rep.weights_x = Reorder(
        weights.weight_ih, inputs, hidden,
        rep.own_layout ? one.weights_layer_desc()
                       : F32({1, 1, inputs, kGates, hidden}, Tag::ldigo),
        stream);
    rep.weights_h = Reorder(
        weights.weight_hh, hidden, hidden,
        rep.own_layout ? one.weights_iter_desc()
                       : F32({1, 1, hidden, kGates, hidden}, Tag::ldigo),
        stream);
    return absl::OkStatus();
  }));
  rep.bias.resize(weights.bias_ih.size());
  for (size_t i = 0; i < rep.bias.size(); ++i) {
    rep.bias[i] = weights.bias_ih[i] + weights.bias_hh[i];
  }
  return layer;
}

absl::Status LstmLayer::Forward(const Call& call, Executor* executor) const {
  return onednn::CatchErrors("run an LSTM layer", [&] {
    const PrimitiveKey key = {kKind,   call.steps, call.rows,
                              inputs_, hidden_,    rep_->own_layout};
    const auto& primitive = executor->rep().Get(key, [&] {
      return Make(MakeDescs(call.steps, call.rows, inputs_, hidden_,
                            rep_->weights_x.get_desc(),
                            rep_->weights_h.get_desc()));
    });
    const memory::desc& state = primitive.arguments.at(DNNL_ARG_SRC_ITER);
    const auto view = [&](int argument, const void* data) {
      return View(primitive.arguments.at(argument), data);
    };
    executor->rep().Run(
        primitive, {{DNNL_ARG_SRC_LAYER, view(DNNL_ARG_SRC_LAYER, call.x)},
                    {DNNL_ARG_SRC_ITER, View(state, call.h_in)},
                    {DNNL_ARG_SRC_ITER_C, View(state, call.c_in)},
                    {DNNL_ARG_WEIGHTS_LAYER, rep_->weights_x},
                    {DNNL_ARG_WEIGHTS_ITER, rep_->weights_h},
                    {DNNL_ARG_BIAS, view(DNNL_ARG_BIAS, rep_->bias.data())},
                    {DNNL_ARG_DST_LAYER, view(DNNL_ARG_DST_LAYER, call.y)},
                    {DNNL_ARG_DST_ITER, View(state, call.h_out)},
                    {DNNL_ARG_DST_ITER_C, View(state, call.c_out)}});
    return absl::OkStatus();
  });
}

size_t LstmLayer::memory_bytes() const {
  return rep_->weights_x.get_desc().get_size() +
         rep_->weights_h.get_desc().get_size() +
         rep_->bias.size() * sizeof(float);
}

}  // namespace carousel
