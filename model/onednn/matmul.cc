// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/matmul.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstring>
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
using onednn::MatrixDesc;
using onednn::PrimitiveKey;
using onednn::View;

// The kinds of primitive in an executor's table; recurrent.cc has others.
enum Kind : int64_t {
  kPlain = 1,
  kPacked = 2,
  kPlainBF16 = 101,
  kPackedBF16 = 102,
  kPackedInt8 = 103,
};

// Of the factors A and B, of the product, and of what is packed into B.
struct Types {
  Kind packed;
  memory::data_type a, b, c, source;
};

Types TypesOf(Precision precision) {
  using Type = memory::data_type;
  switch (precision) {
    case Precision::kBF16:
      return {kPackedBF16, Type::bf16, Type::bf16, Type::f32, Type::f32};
    case Precision::kInt8:
      return {kPackedInt8, Type::u8, Type::s8, Type::s32, Type::s8};
    case Precision::kF32:
      break;
  }
  return {kPacked, Type::f32, Type::f32, Type::f32, Type::f32};
}

bool HasInstructions(dnnl::cpu_isa needed) {
  // Each instruction set holds the bits of all that it includes.
  const auto bits = static_cast<unsigned>(needed);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

// Linux gives a process the registers of AMX when it asks for them
// (Documentation/arch/x86/xstate.rst).
bool MayUseTiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// `bias` may be empty.
dnnl::matmul::primitive_desc Describe(const memory::desc& a,
                                      const memory::desc& b,
                                      const memory::desc& bias,
                                      const memory::desc& c, bool accumulate) {
  dnnl::primitive_attr attributes = onednn::UserScratchpad();
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {Cpu(), a, b, bias, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, bias, c), attributes, Cpu()};
#endif
}

CachedPrimitive Make(const memory::desc& a, const memory::desc& b,
                     const memory::desc& bias, const memory::desc& c,
                     bool accumulate) {
  const auto described = Describe(a, b, bias, c, accumulate);
  return {dnnl::matmul(described),
          described.scratchpad_desc(),
          {{DNNL_ARG_SRC, a},
           {DNNL_ARG_WEIGHTS, b},
           {DNNL_ARG_BIAS, bias},
           {DNNL_ARG_DST, c}}};
}

template <typename T>
constexpr bool kIsBF16 = sizeof(T) == sizeof(BFloat16);

template <typename T>
CachedPrimitive MakePlain(const BasicMatmulArgs<T>& args) {
  const auto type = TypesOf(kIsBF16<T> ? Precision::kBF16 : Precision::kF32).a;
  return Make(
      MatrixDesc(args.m, args.k, args.a.transposed, args.a.row_stride, type),
      MatrixDesc(args.k, args.n, args.b.transposed, args.b.row_stride, type),
      args.bias == nullptr ? memory::desc()
                           : MatrixDesc(1, args.n, false, args.n),
      MatrixDesc(args.m, args.n, false, args.c_row_stride), args.accumulate);
}

template <typename T>
absl::Status MultiplyPlain(const BasicMatmulArgs<T>& args, Executor* executor);

// oneDNN 3.7 reads a single row of A with a stride as if it had none, so that
// row is laid out first.
template <typename T>
absl::Status MultiplyColumn(BasicMatmulArgs<T> args, Executor* executor) {
  std::vector<T> row(static_cast<size_t>(args.k));
  for (int64_t k = 0; k < args.k; ++k) {
    row[static_cast<size_t>(k)] = args.a.data[k * args.a.row_stride];
  }
  args.a = {.data = row.data(), .row_stride = args.k};
  return MultiplyPlain(args, executor);
}

template <typename T>
absl::Status MultiplyPlain(const BasicMatmulArgs<T>& args, Executor* executor) {
  if (args.m == 1 && args.a.transposed && args.a.row_stride != 1) {
    return MultiplyColumn(args, executor);
  }
  return onednn::CatchErrors("multiply matrices", [&] {
    const auto flag = [](bool set, int place) { return int64_t{set} << place; };
    const PrimitiveKey key = {
        kIsBF16<T> ? kPlainBF16 : kPlain,
        args.m,
        args.n,
        args.k,
        args.a.row_stride,
        args.b.row_stride,
        args.c_row_stride,
        flag(args.a.transposed, 0) | flag(args.b.transposed, 1) |
            flag(args.accumulate, 2) | flag(args.bias != nullptr, 3)};
    CachedPrimitive& primitive =
        executor->rep().Get(key, [&] { return MakePlain(args); });
    const Argument arguments[] = {{DNNL_ARG_SRC, args.a.data},
                                  {DNNL_ARG_WEIGHTS, args.b.data},
                                  {DNNL_ARG_DST, args.c},
                                  {DNNL_ARG_BIAS, args.bias}};
    const size_t without_bias = std::size(arguments) - 1;
    executor->rep().Run(primitive,
                        {arguments, args.bias != nullptr ? std::size(arguments)
                                                         : without_bias});
    return absl::OkStatus();
  });
}

// Tiles of the longest product: enough to make the cost of a call small.
constexpr int64_t kLongestRun = 8;

// The layout depends on (k, n) and the CPU; 32 rows stand for any batch.
dnnl::matmul::primitive_desc DescribePacked(int64_t k, int64_t n,
                                            Precision precision) {
  const Types types = TypesOf(precision);
  return Describe(MatrixDesc(32, k, false, k, types.a),
                  memory::desc({k, n}, types.b, memory::format_tag::any),
                  memory::desc(), MatrixDesc(32, n, false, n, types.c), false);
}

memory Bytes(size_t size) {
  return memory(memory::desc({static_cast<int64_t>(size)},
                             memory::data_type::u8, memory::format_tag::a),
                Cpu());
}

memory Reordered(const memory& source, const memory::desc& layout,
                 dnnl::stream& stream) {
  memory result = Bytes(layout.get_size());
  memory view = View(layout, result.get_data_handle());
  memory from = source;
  dnnl::reorder(from, view).execute(stream, from, view);
  stream.wait();
  return result;
}

// Whether `run`, the layout of `count` tiles of columns, is that of the tiles
// one behind the other. Tried and not read from the description: what is in
// there differs between versions of oneDNN.
bool IsTilesInARow(const memory::desc& run, const memory::desc& tile, int64_t k,
                   int64_t n, int64_t count, Precision precision) {
  const auto tile_bytes = tile.get_size();
  if (run.get_size() != static_cast<size_t>(count) * tile_bytes) return false;
  const auto type = TypesOf(precision).source;
  const int64_t columns = count * n;
  memory all(MatrixDesc(k, columns, false, columns, type), Cpu());
  const size_t element =
      all.get_desc().get_size() / static_cast<size_t>(k * columns);
  auto* bytes = static_cast<char*>(all.get_data_handle());
  for (int64_t i = 0; i < k * columns; ++i) {
    if (element == 1) {
      bytes[i] = static_cast<char>(i * 7919 % 251 - 125);
    } else {
      // Exact in bfloat16.
      reinterpret_cast<float*>(bytes)[i] = static_cast<float>(i * 7919 % 251);
    }
  }
  dnnl::stream stream(Cpu());
  const memory expected = Reordered(all, run, stream);
  for (int64_t t = 0; t < count; ++t) {
    const memory part = View(MatrixDesc(k, n, false, columns, type),
                             bytes + static_cast<size_t>(t * n) * element);
    const memory packed = Reordered(part, tile, stream);
    const auto* whole = static_cast<const char*>(expected.get_data_handle());
    if (std::memcmp(packed.get_data_handle(),
                    whole + static_cast<size_t>(t) * tile_bytes,
                    tile_bytes) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool SupportsBF16() { return HasInstructions(dnnl::cpu_isa::avx512_core_bf16); }

bool SupportsAvx512() { return HasInstructions(dnnl::cpu_isa::avx512_core); }

bool SupportsAvx2() {
#if defined(__x86_64__)
  return HasInstructions(dnnl::cpu_isa::avx2) && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool SupportsInt8() { return HasInstructions(dnnl::cpu_isa::avx512_core_vnni); }

bool SupportsInt8Tiles() {
  static const bool supported =
      HasInstructions(dnnl::cpu_isa::avx512_core_amx) && MayUseTiles();
  return supported;
}

absl::Status Matmul(const MatmulArgs& args, Executor* executor) {
  return MultiplyPlain(args, executor);
}

absl::Status MatmulBF16(const MatmulArgsBF16& args, Executor* executor) {
  return MultiplyPlain(args, executor);
}

struct PackedMatrix::Rep {
  memory::desc tile;               // the layout of one
  std::vector<memory::desc> runs;  // ... of 2, 4, 8 tiles in one product
  size_t tile_bytes = 0;
  memory packed;  // the tiles, one behind the other

  char* DataOf(int64_t first) const {
    return static_cast<char*>(packed.get_data_handle()) +
           static_cast<size_t>(first) * tile_bytes;
  }

  const memory::desc& LayoutOf(int64_t count) const {
    size_t index = 0;
    for (int64_t tiles = 2; tiles < count; tiles *= 2) ++index;
    return count == 1 ? tile : runs[index];
  }
};

PackedMatrix::PackedMatrix(int64_t k, int64_t n, Precision precision,
                           int64_t tiles, std::unique_ptr<Rep> rep)
    : k_(k),
      n_(n),
      precision_(precision),
      tiles_(tiles),
      rep_(std::move(rep)) {}
PackedMatrix::~PackedMatrix() = default;

absl::StatusOr<std::unique_ptr<PackedMatrix>> PackedMatrix::Create(
    int64_t k, int64_t n, Precision precision, int64_t tiles) {
  CAROUSEL_CHECK(tiles >= 1);
  auto matrix = absl::WrapUnique(
      new PackedMatrix(k, n, precision, tiles, std::make_unique<Rep>()));
  RETURN_IF_ERROR(onednn::CatchErrors("choose a matrix layout", [&] {
    Rep& rep = *matrix->rep_;
    const auto described = DescribePacked(k, n, precision);
    matrix->implementation_ = described.impl_info_str();
    rep.tile = described.weights_desc();
    rep.tile_bytes = rep.tile.get_size();
    for (int64_t count = 2; count <= std::min(tiles, kLongestRun); count *= 2) {
      const memory::desc run =
          DescribePacked(k, count * n, precision).weights_desc();
      if (!IsTilesInARow(run, rep.tile, k, n, count, precision)) break;
      rep.runs.push_back(run);
      matrix->longest_run_ = count;
    }
    rep.packed = tiles == 1
                     ? memory(rep.tile, Cpu())
                     : Bytes(static_cast<size_t>(tiles) * rep.tile_bytes);
    return absl::OkStatus();
  }));
  return matrix;
}

absl::Status PackedMatrix::Pack(const MatrixView& b, Executor* executor,
                                int64_t tile) {
  CAROUSEL_CHECK(precision_ != Precision::kInt8);
  return PackAny(b.data, b.transposed, b.row_stride, tile, executor);
}

absl::Status PackedMatrix::Pack(const MatrixViewInt8& b, Executor* executor,
                                int64_t tile) {
  CAROUSEL_CHECK(precision_ == Precision::kInt8);
  return PackAny(b.data, b.transposed, b.row_stride, tile, executor);
}

absl::Status PackedMatrix::PackAny(const void* b, bool transposed,
                                   int64_t row_stride, int64_t tile,
                                   Executor* executor) {
  CAROUSEL_CHECK(0 <= tile && tile < tiles_);
  return onednn::CatchErrors("reorder a matrix", [&] {
    memory source = View(
        MatrixDesc(k_, n_, transposed, row_stride, TypesOf(precision_).source),
        b);
    memory packed = View(rep_->tile, rep_->DataOf(tile));
    dnnl::reorder(source, packed)
        .execute(executor->rep().stream, source, packed);
    executor->rep().stream.wait();
    return absl::OkStatus();
  });
}

absl::Status PackedMatrix::Multiply(int64_t m, const float* a,
                                    int64_t a_row_stride, float* c,
                                    int64_t c_row_stride, bool accumulate,
                                    Executor* executor, TileRun run) const {
  CAROUSEL_CHECK(precision_ == Precision::kF32);
  return MultiplyAny(m, a, a_row_stride, c, c_row_stride, accumulate, run,
                     executor);
}

absl::Status PackedMatrix::Multiply(int64_t m, const BFloat16* a,
                                    int64_t a_row_stride, float* c,
                                    int64_t c_row_stride, bool accumulate,
                                    Executor* executor, TileRun run) const {
  CAROUSEL_CHECK(precision_ == Precision::kBF16);
  return MultiplyAny(m, a, a_row_stride, c, c_row_stride, accumulate, run,
                     executor);
}

absl::Status PackedMatrix::Multiply(int64_t m, const uint8_t* a,
                                    int64_t a_row_stride, int32_t* c,
                                    int64_t c_row_stride, Executor* executor,
                                    TileRun run) const {
  CAROUSEL_CHECK(precision_ == Precision::kInt8);
  return MultiplyAny(m, a, a_row_stride, c, c_row_stride, false, run, executor);
}

absl::Status PackedMatrix::MultiplyAny(int64_t m, const void* a,
                                       int64_t a_row_stride, void* c,
                                       int64_t c_row_stride, bool accumulate,
                                       TileRun run, Executor* executor) const {
  CAROUSEL_CHECK(run.first >= 0 && run.first + run.count <= tiles_);
  CAROUSEL_CHECK(run.count >= 1 && run.count <= longest_run_);
  return onednn::CatchErrors("multiply by a packed matrix", [&] {
    const Types types = TypesOf(precision_);
    const int64_t columns = run.count * n_;
    const PrimitiveKey key = {
        types.packed, m, columns, k_, a_row_stride, c_row_stride, accumulate};
    CachedPrimitive& primitive = executor->rep().Get(key, [&] {
      return Make(MatrixDesc(m, k_, false, a_row_stride, types.a),
                  rep_->LayoutOf(run.count), memory::desc(),
                  MatrixDesc(m, columns, false, c_row_stride, types.c),
                  accumulate);
    });
    executor->rep().Run(primitive, {{DNNL_ARG_SRC, a},
                                    {DNNL_ARG_WEIGHTS, rep_->DataOf(run.first)},
                                    {DNNL_ARG_DST, c}});
    return absl::OkStatus();
  });
}

size_t PackedMatrix::memory_bytes() const {
  return rep_->packed.get_desc().get_size();
}

}  // namespace carousel
