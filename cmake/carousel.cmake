# SPDX-License-Identifier: Apache-2.0
# The build vocabulary of the project.
#
#   carousel_library(NAME name SRCS... HDRS... DEPS... [PRIVATE_DEPS...])
#       -> static (or header-only) library carousel_NAME, alias carousel::NAME
#   carousel_binary(NAME name SRCS... DEPS...)
#       -> executable bin/NAME
#   carousel_test(NAME name SRCS... DEPS... [LABELS...])
#       -> a GoogleTest binary registered with CTest
#
# DEPS are the only way to see another module. Who may see whom is enforced by
# tests/tools/check_layering.py.

add_library(carousel_warnings INTERFACE)
target_compile_options(carousel_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  $<$<BOOL:${CAROUSEL_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 takes the value of an absl::StatusOr for one that may be unset, and
  # "text" + std::string for a copy onto itself (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # What a program says of its own files must not depend on where it was built.
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

add_library(carousel_sanitize INTERFACE)
if(CAROUSEL_SANITIZE)
  target_compile_options(carousel_sanitize INTERFACE
    -fsanitize=${CAROUSEL_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(carousel_sanitize INTERFACE
    -fsanitize=${CAROUSEL_SANITIZE})
endif()

# The headers that most of our files include, compiled once: parsing them is
# half of a file's compilation. A file still includes what it uses, which the
# presets "dev" and "tsan" check by building without. The client alone is too
# little for that.
if(CAROUSEL_BUILD_PROGRAMS)
  add_library(carousel_headers OBJECT ${PROJECT_SOURCE_DIR}/cmake/headers.cc)
  target_compile_options(carousel_headers PRIVATE ${OpenMP_CXX_FLAGS})
  target_precompile_headers(carousel_headers PRIVATE
    <algorithm> <cmath> <cstdint> <functional> <memory> <optional> <string>
    <utility> <vector>
    <absl/status/statusor.h> <absl/strings/str_cat.h>
    <absl/strings/str_format.h> <absl/types/span.h> <nlohmann/json.hpp>)
  target_link_libraries(carousel_headers PRIVATE
    Threads::Threads absl::span absl::status absl::statusor absl::str_format
    absl::strings nlohmann_json::nlohmann_json
    carousel_warnings carousel_sanitize)
endif()

# With OpenMP's flags everywhere, since a precompiled header serves only what
# is compiled with its own flags. -fpch-preprocess lets ccache see through it.
function(carousel_use_headers TARGET)
  if(NOT TARGET carousel_headers)
    return()
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM carousel_headers)
  target_compile_options(${TARGET} PRIVATE ${OpenMP_CXX_FLAGS}
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

function(carousel_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;HDRS;DEPS;PRIVATE_DEPS" ${ARGN})
  set(target carousel_${ARG_NAME})
  if(ARG_SRCS)
    add_library(${target} STATIC ${ARG_SRCS} ${ARG_HDRS})
    set(scope PUBLIC)
    target_link_libraries(${target}
      PRIVATE ${ARG_PRIVATE_DEPS} carousel_warnings
      PUBLIC carousel_sanitize)
    carousel_use_headers(${target})
  else()
    add_library(${target} INTERFACE ${ARG_HDRS})
    set(scope INTERFACE)
  endif()
  add_library(carousel::${ARG_NAME} ALIAS ${target})
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} ${ARG_DEPS})
endfunction()

function(carousel_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE
    ${ARG_DEPS} carousel_warnings carousel_sanitize)
  carousel_use_headers(${ARG_NAME})
endfunction()

function(carousel_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE
    ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main
    OpenMP::OpenMP_CXX Threads::Threads carousel_warnings carousel_sanitize)
  if(CAROUSEL_SANITIZE STREQUAL "thread")
    target_link_libraries(${ARG_NAME} PRIVATE carousel_tsan_openmp)
  endif()
  target_precompile_headers(${ARG_NAME} REUSE_FROM carousel_test_headers)
  # -fpch-preprocess lets ccache see through the precompiled header. A test's
  # own code is not what must be fast, so it is compiled quickly instead; at -O1
  # GCC 12 sees string literals reach beyond a string's own buffer.
  target_compile_options(${ARG_NAME} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess> $<$<CONFIG:Release>:-O1>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>)
  # Tests run in the root of the sources. Paths from there make one compilation
  # good for every checkout, so that they share the compiler's cache.
  file(RELATIVE_PATH bin_dir ${PROJECT_SOURCE_DIR}
       ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
  target_compile_definitions(${ARG_NAME} PRIVATE
    CAROUSEL_SOURCE_DIR="." CAROUSEL_BIN_DIR="${bin_dir}")
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  # One OpenMP thread, as a worker has: tests run side by side, and a barrier
  # that waits for a CPU makes them hundreds of times slower.
  set_tests_properties(${ARG_NAME} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()
