// SPDX-License-Identifier: Apache-2.0
//
// The inside of Executor and what the wrappers of this folder share. The only
// header that includes dnnl.hpp; no file outside model/onednn may include it.

#ifndef CAROUSEL_MODEL_ONEDNN_EXECUTOR_REP_H_
#define CAROUSEL_MODEL_ONEDNN_EXECUTOR_REP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dnnl.hpp"
#include "model/onednn/executor.h"

namespace carousel::onednn {

// The CPU engine of the process. Never destroyed.
const dnnl::engine& Cpu();

// What makes two primitives of this folder the same one.
using PrimitiveKey = std::array<int64_t, 10>;

// An argument of a primitive by its DNNL_ARG_ name.
struct NamedDesc {
  int name;
  dnnl::memory::desc desc;
};

// A primitive and what it needs to run. Its memory objects are made once and
// moved from one caller's memory to the next, which costs less than to make
// them.
struct CachedPrimitive {
  CachedPrimitive(dnnl::primitive primitive,
                  const dnnl::memory::desc& scratchpad,
                  std::initializer_list<NamedDesc> arguments);

  dnnl::primitive primitive;
  size_t scratchpad_bytes;
  std::vector<std::pair<int, dnnl::memory>> views;  // the scratchpad's is last
};

// What an argument of one run is: plain memory in the layout that the primitive
// was told of, or a memory object.
struct Argument {
  int name;
  const void* data;
  const dnnl::memory* object = nullptr;
};

// A memory object over `data`, which is only read if the primitive only reads.
dnnl::memory View(const dnnl::memory::desc& desc, const void* data);

// Row-major matrix with rows `row_stride` elements apart, or its transpose.
dnnl::memory::desc MatrixDesc(
    int64_t rows, int64_t columns, bool transposed, int64_t row_stride,
    dnnl::memory::data_type type = dnnl::memory::data_type::f32);

// Runs `body`, which may throw dnnl::error, and says what failed.
template <typename Body>
absl::Status CatchErrors(const char* what, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const dnnl::error& error) {
    return absl::InternalError(
        absl::StrCat("oneDNN could not ", what, ": ", error.message,
                     " (status ", static_cast<int>(error.status), ")"));
  }
}

// A primitive's scratchpad belongs to whoever executes it.
dnnl::primitive_attr UserScratchpad();

}  // namespace carousel::onednn

namespace carousel {

struct Executor::Rep {
  Rep();

  // The primitive for `key`; `make` creates it where it is not there yet. The
  // reference is valid until the next call.
  template <typename Make>
  onednn::CachedPrimitive& Get(const onednn::PrimitiveKey& key, Make&& make) {
    auto found = primitives.find(key);
    if (found != primitives.end()) return found->second;
    if (primitives.size() >= kMaxPrimitives) primitives.clear();
    return primitives.emplace(key, make()).first->second;
  }

  // Executes with the thread's scratchpad and waits for the result.
  // REQUIRES: at most kMaxArguments.
  void Run(onednn::CachedPrimitive& primitive,
           absl::Span<const onednn::Argument> arguments);

  static constexpr size_t kMaxArguments = 11;

  dnnl::stream stream;
  dnnl::memory scratchpad;
  size_t scratchpad_size = 0;
  absl::flat_hash_map<onednn::PrimitiveKey, onednn::CachedPrimitive> primitives;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_EXECUTOR_REP_H_
