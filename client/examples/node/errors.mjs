// SPDX-License-Identifier: Apache-2.0
//
// What a program can act on in an error of Carousel.

import grpc from '@grpc/grpc-js';

import {load} from './services.mjs';

const MESSAGES = load('google/rpc/status.proto',
                      'google/rpc/error_details.proto');

// The messages of google.rpc that the error of a call carries, by their type:
// BadRequest, RetryInfo, ResourceInfo.
export function details(error) {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (bytes === undefined) return {};
  return unpack(MESSAGES['google.rpc.Status'].deserialize(bytes));
}

// Those of a google.rpc.Status, as streams answer a bad request with.
export function unpack(status) {
  const found = {};
  for (const {type_url: url, value} of status.details) {
    const name = url.slice(url.lastIndexOf('/') + 1);
    const message = MESSAGES[name];  // undefined: not one that we know
    if (message) found[name.split('.').pop()] = message.deserialize(value);
  }
  return found;
}

// A line for people.
export function describe(error) {
  if (!(error.code in grpc.status)) return `error: ${error.message}`;
  const found = details(error);
  let line = `${grpc.status[error.code]}: ${error.details}`;
  if (found.RetryInfo) {
    const {seconds, nanos} = found.RetryInfo.retryDelay;
    line += ` (try again in ${seconds + nanos / 1e9} s)`;
  }
  if (found.ResourceInfo) {
    const {resourceType, resourceName} = found.ResourceInfo;
    line += ` (${resourceType} ${resourceName})`;
  }
  for (const violation of found.BadRequest?.fieldViolations ?? []) {
    line += ` (field ${violation.field})`;
  }
  return line;
}

// Whether a call ended because this program cancelled it.
export function isCancelled(error) {
  return error.code === grpc.status.CANCELLED;
}
