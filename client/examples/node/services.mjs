// SPDX-License-Identifier: Apache-2.0
//
// Carousel's services for Node, from the files in proto/: they are read when a
// program starts, nothing is generated.
//
//   const client = connect('SentimentService', '127.0.0.1:50051');
//   const response = await call(client, 'score', {text}, within(5));

import {fileURLToPath} from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

// Whoever copies this file says here where proto/ lies.
const PROTO = fileURLToPath(new URL('../../../proto', import.meta.url));

// The file of each service.
const FILES = {
  AutocompleteService: 'carousel/v1/autocomplete.proto',
  ForecastService: 'carousel/v1/forecast.proto',
  ModelService: 'carousel/v1/model.proto',
  SentimentService: 'carousel/v1/sentiment.proto',
  TranslationService: 'carousel/v1/translation.proto',
};

// All addresses of a name share the calls, and what a draining server refuses
// is tried again: every call of ours may be.
const SERVICE_CONFIG = {
  loadBalancingConfig: [{round_robin: {}}],
  methodConfig: [{
    name: [{}],
    retryPolicy: {
      maxAttempts: 3,
      initialBackoff: '0.05s',
      maxBackoff: '0.5s',
      backoffMultiplier: 2,
      retryableStatusCodes: ['UNAVAILABLE'],
    },
  }],
};

// The services and messages of files in proto/, by their full names. Fields are
// in camel case; a field of a oneof tells that it is set by being there.
export function load(...files) {
  return protoLoader.loadSync(files, {
    includeDirs: [PROTO],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}

// A client of one service; it connects at its first call.
export function connect(service, server) {
  const {carousel} = grpc.loadPackageDefinition(load(FILES[service]));
  return new carousel.v1[service](server, grpc.credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify(SERVICE_CONFIG),
    'grpc.enable_http_proxy': 0,
  });
}

// The options of a call that may take so long.
export function within(seconds) {
  return {deadline: Date.now() + seconds * 1000};
}

// The answer to a call of one request; it fails as the call does.
export function call(client, method, request, options) {
  return new Promise((resolve, reject) => {
    client[method](request, options, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
