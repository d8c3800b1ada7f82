// SPDX-License-Identifier: Apache-2.0
//
// Any number of texts by one stream: ScoreStream, TranslateBatch.

import {pipeline} from 'node:stream/promises';

import {isCancelled} from './errors.mjs';

const NEWLINE = 10;

// In bytes: a character may lie in two chunks.
async function* lines(input) {
  let rest = Buffer.alloc(0);
  for await (const chunk of input) {
    rest = Buffer.concat([rest, chunk]);
    let end;
    while ((end = rest.indexOf(NEWLINE)) >= 0) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) yield rest;
}

// Sends a request for each line of the input, made by ask(line), whose id is
// the line's number; show(id, response) is told the answers, in the order in
// which the server is done. Lines that have none are named on stderr, and then
// the program's exit code is 1. After `first` answers the stream is cancelled.
//
// Writes and reads at a time, or both sides would wait for each other: the
// server reads on when its answers are read. The pipeline reads a line when the
// stream has room for it.
export async function eachLine(stream, ask, show, first = Infinity) {
  const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
  let left = Number(first);
  let failed = 0;
  function fail(number, reason) {
    ++failed;
    console.error(`line ${number}: ${reason}`);
  }
  async function* requests(input) {
    let number = 0;
    for await (const line of lines(input)) {
      ++number;
      let text;
      try {
        text = utf8.decode(line).replace(/\r$/, '');
      } catch {
        fail(number, 'not UTF-8');  // sent, it would be another text
        continue;
      }
      yield {id: String(number), request: ask(text)};
    }
  }
  async function receive() {
    for await (const {id, error, response} of stream) {
      if (left === 0) continue;  // on its way when the stream was cancelled
      if (error) fail(id, error.message);
      else show(id, response);
      if (--left === 0) stream.cancel();
    }
  }
  try {
    await Promise.all([
      pipeline(process.stdin, requests, stream),
      receive(),
    ]);
  } catch (error) {
    if (left !== 0 || !isCancelled(error)) throw error;
    console.log('cancelled');
  }
  if (failed > 0) {
    console.error(`${failed} lines have no answer`);
    process.exitCode = 1;
  }
}
