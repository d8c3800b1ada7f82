// SPDX-License-Identifier: Apache-2.0
//
// Nothing of its own: the source that the tests' precompiled header belongs to.
