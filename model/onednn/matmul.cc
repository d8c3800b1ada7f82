// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/matmul.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "model/base/status_macros.h"
#include "model/onednn/executor_rep.h"

namespace carousel {
namespace {

using dnnl::memory;
using onednn::CachedPrimitive;
using onednn::Cpu;
using onednn::MatrixDesc;
using onednn::PrimitiveKey;
using onednn::View;

enum Kind : int64_t { kPlain = 1, kPacked = 2 };

dnnl::matmul::primitive_desc Describe(const memory::desc& a,
                                      const memory::desc& b,
                                      const memory::desc& c, bool accumulate) {
  dnnl::primitive_attr attributes = onednn::UserScratchpad();
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {Cpu(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, Cpu()};
#endif
}

CachedPrimitive Make(const memory::desc& a, const memory::desc& b,
                     const memory::desc& c, bool accumulate) {
  const auto described = Describe(a, b, c, accumulate);
  return {dnnl::matmul(described),
          described.scratchpad_desc(),
          {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}}};
}

void Execute(const CachedPrimitive& primitive, const void* a, const void* b,
             float* c, Executor::Rep& executor) {
  executor.Run(
      primitive,
      {{DNNL_ARG_SRC, View(primitive.arguments.at(DNNL_ARG_SRC), a)},
       {DNNL_ARG_WEIGHTS, View(primitive.arguments.at(DNNL_ARG_WEIGHTS), b)},
       {DNNL_ARG_DST, View(primitive.arguments.at(DNNL_ARG_DST), c)}});
}

// oneDNN 3.7 reads a single row of A with a stride as if it had none, so that
// row is laid out first.
absl::Status MultiplyColumn(MatmulArgs args, Executor* executor) {
  std::vector<float> row(static_cast<size_t>(args.k));
  for (int64_t k = 0; k < args.k; ++k) {
    row[static_cast<size_t>(k)] = args.a.data[k * args.a.row_stride];
  }
  args.a = {.data = row.data(), .row_stride = args.k};
  return Matmul(args, executor);
}

}  // namespace

absl::Status Matmul(const MatmulArgs& args, Executor* executor) {
  if (args.m == 1 && args.a.transposed && args.a.row_stride != 1) {
    return MultiplyColumn(args, executor);
  }
  return onednn::CatchErrors("multiply matrices", [&] {
    const PrimitiveKey key = {kPlain,
                              args.m,
                              args.n,
                              args.k,
                              args.a.row_stride,
                              args.a.transposed,
                              args.b.row_stride,
                              args.b.transposed,
                              args.c_row_stride,
                              args.accumulate};
    const auto& primitive = executor->rep().Get(key, [&] {
      return Make(
          MatrixDesc(args.m, args.k, args.a.transposed, args.a.row_stride),
          MatrixDesc(args.k, args.n, args.b.transposed, args.b.row_stride),
          MatrixDesc(args.m, args.n, false, args.c_row_stride),
          args.accumulate);
    });
    Execute(primitive, args.a.data, args.b.data, args.c, executor->rep());
    return absl::OkStatus();
  });
}

struct PackedMatrix::Rep {
  memory packed;
};

PackedMatrix::PackedMatrix(int64_t k, int64_t n, std::unique_ptr<Rep> rep)
    : k_(k), n_(n), rep_(std::move(rep)) {}
PackedMatrix::~PackedMatrix() = default;

absl::StatusOr<std::unique_ptr<PackedMatrix>> PackedMatrix::Create(int64_t k,
                                                                   int64_t n) {
  auto matrix =
      absl::WrapUnique(new PackedMatrix(k, n, std::make_unique<Rep>()));
  RETURN_IF_ERROR(onednn::CatchErrors("choose a matrix layout", [&] {
    // The layout depends on (k, n) and the CPU; 32 rows stand for any batch.
    const auto described = Describe(
        MatrixDesc(32, k, false, k),
        memory::desc({k, n}, memory::data_type::f32, memory::format_tag::any),
        MatrixDesc(32, n, false, n), false);
    matrix->implementation_ = described.impl_info_str();
    matrix->rep_->packed = memory(described.weights_desc(), Cpu());
    return absl::OkStatus();
  }));
  return matrix;
}

absl::Status PackedMatrix::Pack(const MatrixView& b, Executor* executor) {
  return onednn::CatchErrors("reorder a matrix", [&] {
    memory source =
        View(MatrixDesc(k_, n_, b.transposed, b.row_stride), b.data);
    dnnl::reorder(source, rep_->packed)
        .execute(executor->rep().stream, source, rep_->packed);
    executor->rep().stream.wait();
    return absl::OkStatus();
  });
}

absl::Status PackedMatrix::Multiply(int64_t m, const float* a,
                                    int64_t a_row_stride, float* c,
                                    int64_t c_row_stride, bool accumulate,
                                    Executor* executor) const {
  return onednn::CatchErrors("multiply by a packed matrix", [&] {
    const PrimitiveKey key = {kPacked,      m,          n_, k_, a_row_stride,
                              c_row_stride, accumulate, 0,  0,  0};
    const auto& primitive = executor->rep().Get(key, [&] {
      return Make(MatrixDesc(m, k_, false, a_row_stride),
                  rep_->packed.get_desc(),
                  MatrixDesc(m, n_, false, c_row_stride), accumulate);
    });
    Execute(primitive, a, rep_->packed.get_data_handle(), c, executor->rep());
    return absl::OkStatus();
  });
}

size_t PackedMatrix::memory_bytes() const {
  return rep_->packed.get_desc().get_size();
}

}  // namespace carousel
