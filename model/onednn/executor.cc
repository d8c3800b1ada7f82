// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/executor.h"

#include <array>
#include <utility>

#include "model/base/check.h"
#include "model/onednn/executor_rep.h"

namespace carousel {
namespace onednn {

const dnnl::engine& Cpu() {
  static const auto* const engine =
      new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

CachedPrimitive::CachedPrimitive(dnnl::primitive made,
                                 const dnnl::memory::desc& scratchpad,
                                 std::initializer_list<NamedDesc> arguments)
    : primitive(std::move(made)), scratchpad_bytes(scratchpad.get_size()) {
  const auto add = [&](int name, const dnnl::memory::desc& desc) {
    if (desc.is_zero()) return;  // an argument that this primitive has not
    views.emplace_back(name, dnnl::memory(desc, Cpu(), DNNL_MEMORY_NONE));
  };
  for (const NamedDesc& argument : arguments) add(argument.name, argument.desc);
  add(DNNL_ARG_SCRATCHPAD, scratchpad);
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

void Executor::Rep::Run(onednn::CachedPrimitive& primitive,
                        absl::Span<const onednn::Argument> arguments) {
  const size_t needed = primitive.scratchpad_bytes;
  if (needed > scratchpad_size) {
    // Bytes, not the primitive's own type: the memory serves all of them.
    scratchpad = dnnl::memory(dnnl::memory::desc({static_cast<int64_t>(needed)},
                                                 dnnl::memory::data_type::u8,
                                                 dnnl::memory::format_tag::a),
                              onednn::Cpu());
    scratchpad_size = needed;
  }
  CAROUSEL_CHECK(arguments.size() <= kMaxArguments);
  std::array<dnnl_exec_arg_t, kMaxArguments + 1> list;
  int count = 0;
  const auto add_view = [&](int name, const void* data) {
    for (auto& [its_name, view] : primitive.views) {
      if (its_name != name) continue;
      view.set_data_handle(const_cast<void*>(data));
      list[static_cast<size_t>(count++)] = {name, view.get()};
    }
  };
  for (const onednn::Argument& argument : arguments) {
    if (argument.object == nullptr) {
      add_view(argument.name, argument.data);
    } else {
      list[static_cast<size_t>(count++)] = {argument.name,
                                            argument.object->get()};
    }
  }
  if (needed > 0) add_view(DNNL_ARG_SCRATCHPAD, scratchpad.get_data_handle());
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive.primitive.get(), stream.get(), count,
                             list.data()),
      "could not execute a primitive");
  stream.wait();
}

Executor::Executor() : rep_(std::make_unique<Rep>()) {}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

size_t Executor::primitives() const { return rep_->primitives.size(); }
size_t Executor::scratchpad_bytes() const { return rep_->scratchpad_size; }

}  // namespace carousel
