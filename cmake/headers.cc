// SPDX-License-Identifier: Apache-2.0
// Empty: the target carousel_headers needs a source file.
