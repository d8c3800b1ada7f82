// SPDX-License-Identifier: Apache-2.0

#include "model/train/communicator.h"

namespace carousel {

Communicator& Communicator::Alone() {
  static auto* const alone = new AloneCommunicator;
  return *alone;
}

}  // namespace carousel
