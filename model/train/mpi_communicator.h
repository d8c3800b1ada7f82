// SPDX-License-Identifier: Apache-2.0
//
// Training on several machines: `mpirun -np N carousel-train ...`.

#ifndef CAROUSEL_MODEL_TRAIN_MPI_COMMUNICATOR_H_
#define CAROUSEL_MODEL_TRAIN_MPI_COMMUNICATOR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/train/communicator.h"

namespace carousel {

// Joins the processes that mpirun has started. Without a launcher MPI is not
// touched and the communicator is that of a process alone. Once per process,
// from the thread that will use it. FAILED_PRECONDITION if MPI does not start.
//
// The destructor waits for the other processes to finish, so a process that
// fails calls AbortAllProcesses instead.
absl::StatusOr<std::unique_ptr<Communicator>> JoinLaunchedProcesses();

// Ends every process of the launch at once, with `exit_code`: the others would
// wait for ever for one that has failed. Says why on standard error. Returns
// only if this process was not launched by mpirun.
void AbortAllProcesses(absl::string_view why, int exit_code);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_MPI_COMMUNICATOR_H_
