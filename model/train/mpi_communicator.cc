// SPDX-License-Identifier: Apache-2.0

#include "model/train/mpi_communicator.h"

#define OMPI_SKIP_MPICXX 1  // the C interface is all that is used
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// MPI counts in int.
constexpr size_t kMostValues = std::numeric_limits<int>::max();

// What the launchers of Open MPI, MPICH and PMIx-based schedulers set.
bool IsLaunched() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr ||
         std::getenv("PMI_SIZE") != nullptr ||
         std::getenv("PMIX_RANK") != nullptr;
}

absl::Status Check(int result, absl::string_view what) {
  if (result == MPI_SUCCESS) return absl::OkStatus();
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(result, text, &length);
  return absl::InternalError(absl::StrCat("MPI could not ", what, ": ", text));
}

template <typename T>
absl::Status Sum(absl::Span<T> values, MPI_Datatype type) {
  for (size_t done = 0; done < values.size();) {
    const size_t now = std::min(values.size() - done, kMostValues);
    RETURN_IF_ERROR(Check(
        MPI_Allreduce(MPI_IN_PLACE, values.data() + done, static_cast<int>(now),
                      type, MPI_SUM, MPI_COMM_WORLD),
        "add up over the processes"));
    done += now;
  }
  return absl::OkStatus();
}

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  ~MpiCommunicator() override { MPI_Finalize(); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  absl::Status AllReduceSum(absl::Span<float> values) override {
    return Sum(values, MPI_FLOAT);
  }
  absl::Status AllReduceSum(absl::Span<double> values) override {
    return Sum(values, MPI_DOUBLE);
  }
  absl::StatusOr<int64_t> AllReduceMax(int64_t value) override {
    RETURN_IF_ERROR(Check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T,
                                        MPI_MAX, MPI_COMM_WORLD),
                          "compare over the processes"));
    return value;
  }

 private:
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> JoinLaunchedProcesses() {
  if (!IsLaunched()) return std::make_unique<AloneCommunicator>();
  // OpenMP threads compute, but only the one that joined talks to the others.
  int provided = 0;
  const int result =
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  if (result != MPI_SUCCESS) {
    return absl::FailedPreconditionError(
        "MPI did not start, though this process was launched by mpirun");
  }
  return std::make_unique<MpiCommunicator>();
}

void AbortAllProcesses(absl::string_view why, int exit_code) {
  int started = 0;
  int finished = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&finished);
  if (started == 0 || finished != 0) return;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  absl::FPrintF(stderr, "process %d of the run has failed, so all end: %s\n",
                rank, why);
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
}

}  // namespace carousel
