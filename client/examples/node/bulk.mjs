// SPDX-License-Identifier: Apache-2.0
//
// Any number of texts by one stream: ScoreStream, TranslateBatch.

import {pipeline} from 'node:stream/promises';

import {isCancelled} from './errors.mjs';

async function* lines(input) {
  let rest = '';
  for await (const chunk of input) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

// Sends a request for each line of the input, made by ask(line), whose id is
// the line's number; show(id, response) is told the answers, in the order in
// which the server is done. After `first` answers the stream is cancelled.
//
// Writes and reads at a time, or both sides would wait for each other: the
// server reads on when its answers are read. The pipeline reads a line when the
// stream has room for it.
export async function eachLine(stream, ask, show, first = Infinity) {
  let left = Number(first);
  async function* requests(input) {
    let number = 0;
    for await (const line of lines(input)) {
      yield {id: String(++number), request: ask(line)};
    }
  }
  async function receive() {
    for await (const {id, error, response} of stream) {
      if (left === 0) continue;  // on its way when the stream was cancelled
      if (error) console.log(`${id}\t${error.message}`);
      else show(id, response);
      if (--left === 0) stream.cancel();
    }
  }
  try {
    await Promise.all([
      pipeline(process.stdin.setEncoding('utf8'), requests, stream),
      receive(),
    ]);
  } catch (error) {
    if (left !== 0 || !isCancelled(error)) throw error;
    console.log('cancelled');
  }
}
