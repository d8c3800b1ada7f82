// SPDX-License-Identifier: Apache-2.0
//
// Says what each TEXT expresses.
//
//   node score.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                  [--explain] TEXT...
//   node score.mjs [--server=HOST:PORT] [--model=NAME] [--first=N] < TEXTS
//
// Without a TEXT every line of the input is labelled, by one stream that the
// server answers in the order in which it is done; if one has no answer the
// exit code is 1. With --first the stream is cancelled after N answers.

import {eachLine} from './bulk.mjs';
import {parse} from './command_line.mjs';
import {describe} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const USAGE =
    'node score.mjs [--server=HOST:PORT] [--timeout=SECONDS] ' +
    '[--model=NAME] [--explain] TEXT...\n' +
    '       node score.mjs [--server=HOST:PORT] [--model=NAME] [--first=N] < ' +
    'TEXTS';

const {options, positionals: texts} = parse(USAGE, {
  model: {type: 'string', default: ''},
  explain: {type: 'boolean', default: false},
  first: {type: 'string'},
});

function ask(text) {
  return {model: {name: options.model}, text, contributions: options.explain};
}

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

function showLine(id, response) {
  console.log(`${id}\t${response.label}\t${probability(response)}`);
}

async function main() {
  const client = connect('SentimentService', options.server);
  try {
    for (const text of texts) {
      show(text, await call(client, 'score', ask(text),
                            within(options.timeout)));
    }
    // Without a deadline, which would hold for all lines together.
    if (texts.length === 0) {
      await eachLine(client.scoreStream(), ask, showLine, options.first);
    }
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
