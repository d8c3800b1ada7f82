// SPDX-License-Identifier: Apache-2.0
//
// Says what each TEXT expresses.
//
//   node score.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                  [--explain] TEXT...
//   node score.mjs [--server=HOST:PORT] [--model=NAME] [--first=N] < TEXTS
//
// Without a TEXT every line of the input is labelled, by one stream that the
// server answers in the order in which it is done. With --first the stream is
// cancelled after N answers.

import {pipeline} from 'node:stream/promises';
import {parseArgs} from 'node:util';

import {describe, isCancelled} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const {values: options, positionals: texts} = parseArgs({
  allowPositionals: true,
  options: {
    server: {type: 'string', default: '127.0.0.1:50051'},
    timeout: {type: 'string', default: '5'},
    model: {type: 'string', default: ''},
    explain: {type: 'boolean', default: false},
    first: {type: 'string'},
  },
});
const model = {name: options.model};

function probability({label, probabilities}) {
  return probabilities.find((p) => p.label === label).probability.toFixed(3);
}

function show(text, response) {
  console.log(`${response.label}\t${probability(response)}\t${text}`);
  const characters = [...text];  // the server counts code points
  for (const {begin, end, contribution} of response.words) {
    const sign = contribution < 0 ? '' : '+';
    const word = characters.slice(begin, end).join('');
    console.log(`  ${sign}${contribution.toFixed(2)}  ${word}`);
  }
}

async function* lines(input) {
  let rest = '';
  for await (const chunk of input) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

// One request a line; its id is the line's number.
async function* requests(input) {
  let number = 0;
  for await (const text of lines(input)) {
    yield {id: String(++number), request: {model, text}};
  }
}

async function receive(stream) {
  let left = options.first === undefined ? Infinity : Number(options.first);
  for await (const {id, error, response} of stream) {
    if (left === 0) continue;  // was on its way when the stream was cancelled
    if (error) console.log(`${id}\t${error.message}`);
    else console.log(`${id}\t${response.label}\t${probability(response)}`);
    if (--left === 0) stream.cancel();
  }
}

// Writes and reads at a time, or both sides would wait for each other: the
// server reads on when its answers are read. The pipeline reads a line when the
// stream has room for it.
async function scoreLines(client) {
  const stream = client.scoreStream();  // a deadline would hold for all of it
  await Promise.all([
    pipeline(process.stdin.setEncoding('utf8'), requests, stream),
    receive(stream),
  ]);
}

async function main() {
  const client = connect('SentimentService', options.server);
  try {
    for (const text of texts) {
      const request = {model, text, contributions: options.explain};
      show(text, await call(client, 'score', request, within(options.timeout)));
    }
    if (texts.length === 0) await scoreLines(client);
  } catch (error) {
    if (options.first === undefined || !isCancelled(error)) throw error;
    console.log('cancelled');
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
