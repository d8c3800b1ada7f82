// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/executor.h"

#include <algorithm>

#include "model/onednn/executor_rep.h"

namespace carousel {
namespace onednn {

const dnnl::engine& Cpu() {
  static const auto* const engine =
      new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::memory View(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, Cpu(), const_cast<void*>(data));
}

dnnl::memory::desc MatrixDesc(int64_t rows, int64_t columns, bool transposed,
                              int64_t row_stride,
                              dnnl::memory::data_type type) {
  const dnnl::memory::dims strides = transposed
                                         ? dnnl::memory::dims{1, row_stride}
                                         : dnnl::memory::dims{row_stride, 1};
  return dnnl::memory::desc({rows, columns}, type, strides);
}

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace onednn

Executor::Rep::Rep() : stream(onednn::Cpu()) {}

void Executor::Rep::Run(const onednn::CachedPrimitive& primitive,
                        std::unordered_map<int, dnnl::memory> arguments) {
  const size_t needed = primitive.scratchpad.get_size();
  if (needed > scratchpad_size) {
    // Bytes, not the primitive's own type: the memory serves all of them.
    scratchpad = dnnl::memory(dnnl::memory::desc({static_cast<int64_t>(needed)},
                                                 dnnl::memory::data_type::u8,
                                                 dnnl::memory::format_tag::a),
                              onednn::Cpu());
    scratchpad_size = needed;
  }
  if (needed > 0) {
    arguments.emplace(
        DNNL_ARG_SCRATCHPAD,
        onednn::View(primitive.scratchpad, scratchpad.get_data_handle()));
  }
  primitive.primitive.execute(stream, arguments);
  stream.wait();
}

Executor::Executor() : rep_(std::make_unique<Rep>()) {}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

size_t Executor::primitives() const { return rep_->primitives.size(); }
size_t Executor::scratchpad_bytes() const { return rep_->scratchpad_size; }

}  // namespace carousel
