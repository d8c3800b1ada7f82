# SPDX-License-Identifier: Apache-2.0
# On a fresh Debian 12: `make serve` serves model/zoo, `make test` runs every
# test. Both install the packages that they need.

MODELS ?= model/zoo
GRPC_ADDRESS ?= 0.0.0.0:50051
HTTP_ADDRESS ?= 0.0.0.0:8080
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 30
IMAGE ?= carousel

BIN := build/release/bin
RUN_TESTS := python3 tests/tools/run_tests.py

# What does not link gRPC: ThreadSanitizer reports hundreds of races that are
# none in Debian's gRPC, which is built without it.
TSAN_TESTS := $(patsubst %/CMakeLists.txt,%,$(wildcard \
  $(addsuffix /CMakeLists.txt,$(addprefix tests/model/,base tensor onednn \
    layers text weights bundle tasks train) \
    tests/server/core tests/server/engine tests/server/repository)))

.PHONY: all packages build serve test bench format lint asan tsan fuzz image \
  clean

all: build

packages:
	tools/install_packages.sh build test

build: packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

serve:
	tools/install_packages.sh build
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target carousel-server carousel
	exec $(BIN)/carousel-server --models=$(MODELS) \
	  --grpc_address=$(GRPC_ADDRESS) --http_address=$(HTTP_ADDRESS)

test: build
	@$(RUN_TESTS) build/release

bench: packages
	tools/install_packages.sh dev
	cmake --preset bench
	cmake --build --preset bench -j $(JOBS) --target carousel-bench
	$(BIN)/carousel-bench $(BENCH_FLAGS)

format:
	tests/tools/format.sh

# A folder of its own: clang does not read what g++ precompiled.
lint: packages
	tools/install_packages.sh dev
	cmake -S . -B build/lint -G Ninja -DCMAKE_CXX_COMPILER=clang++ \
	  -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
	cmake --build build/lint -j $(JOBS) --target carousel_proto_grpc
	run-clang-tidy -quiet -p build/lint -j $(JOBS) \
	  '^$(CURDIR)/(model|server|client)/.*\.cc$$'

asan: packages
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	@$(RUN_TESTS) build/dev

tsan: packages
	cmake --preset tsan
	cmake --build --preset tsan -j $(JOBS) \
	  --target $(addsuffix /all,$(TSAN_TESTS))
	@TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp \
	  $(RUN_TESTS) $(addprefix build/tsan/,$(TSAN_TESTS))

fuzz: packages
	tools/install_packages.sh dev
	cmake -S . -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCAROUSEL_BUILD_FUZZERS=ON \
	  -DCAROUSEL_SANITIZE=address,undefined
	cmake --build build/fuzz -j $(JOBS) --target tests/fuzz/all
	set -e; for fuzzer in build/fuzz/fuzz/*_fuzz; do \
	  $$fuzzer -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/; \
	done

# Any engine that reads a Dockerfile.
image:
	engine=$$(command -v docker || command -v podman || command -v buildah) || \
	  { echo "make image needs docker, podman or buildah" >&2; exit 1; }; \
	$$engine build -t $(IMAGE) .

clean:
	rm -rf build
