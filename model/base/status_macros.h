// SPDX-License-Identifier: Apache-2.0
//
// Two macros for passing errors up. Abseil has its own only since May 2026,
// later than any Debian release we build on; when that changes, delete this.

#ifndef CAROUSEL_MODEL_BASE_STATUS_MACROS_H_
#define CAROUSEL_MODEL_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates `expr` (an absl::Status); returns it from this function if not OK.
//
//   RETURN_IF_ERROR(ValidateShape(tensor));
#define RETURN_IF_ERROR(expr)                           \
  do {                                                  \
    if (absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                   \
    }                                                   \
  } while (false)

// Evaluates `expr` (an absl::StatusOr<T>); on error returns its status, else
// moves the value into `lhs`. Expands to several statements: never use it as
// the body of an `if` without braces.
//
//   ASSIGN_OR_RETURN(Vocabulary vocab, Vocabulary::Load(path));
#define ASSIGN_OR_RETURN(lhs, expr) \
  CAROUSEL_ASSIGN_OR_RETURN_(CAROUSEL_CONCAT_(or_, __LINE__), lhs, expr)

#define CAROUSEL_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp.ok()) return std::move(tmp).status();   \
  lhs = *std::move(tmp)
#define CAROUSEL_CONCAT_(a, b) CAROUSEL_CONCAT_INNER_(a, b)
#define CAROUSEL_CONCAT_INNER_(a, b) a##b

#endif  // CAROUSEL_MODEL_BASE_STATUS_MACROS_H_
