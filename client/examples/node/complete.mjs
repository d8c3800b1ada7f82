// SPDX-License-Identifier: Apache-2.0
//
// Suggests what comes next in each TEXT.
//
//   node complete.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                     [--context=FILE] [--type [--leave=N]] TEXT...
//
// --context is a file with earlier text by the same person, up to 16 KiB.
//
// With --type the texts are typed instead: a request for every character, in
// one stream, where the newest request wins. With --leave the person goes away
// after N characters: the stream is cancelled, and what the server still
// computes for it with it.

import {parse, readText} from './command_line.mjs';
import {describe, isCancelled} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const USAGE =
    'node complete.mjs [--server=HOST:PORT] [--timeout=SECONDS] ' +
    '[--model=NAME] [--context=FILE] [--type [--leave=N]] TEXT...';

const {options, positionals: texts} = parse(USAGE, {
  model: {type: 'string', default: ''},
  context: {type: 'string'},
  type: {type: 'boolean', default: false},
  leave: {type: 'string'},
}, 1);

const context = readText(USAGE, options.context);

// The server counts code points, as [...text] does; text.length does not.
function show(text, {suggestions}) {
  const characters = [...text];
  for (const {insert, replace, probability} of suggestions) {
    const kept = characters.slice(0, characters.length - replace).join('');
    const share = `${(probability * 100).toFixed(1)}%`.padStart(6);
    console.log(`${share}  ${kept}${insert}`);
  }
}

function ask(text) {
  return {model: {name: options.model}, text, context};
}

async function complete(client, text) {
  show(text, await call(client, 'complete', ask(text),
                        within(options.timeout)));
}

// Sends every beginning of the text, as a person's keystrokes make it.
async function type(client, text) {
  const characters = [...text];
  const leave = options.leave === undefined ? Infinity : Number(options.leave);
  const typed = Math.min(leave, characters.length);
  const beginning = (length) => characters.slice(0, length).join('');
  const stream = client.completeStream(within(options.timeout));
  for (let number = 1; number <= typed; ++number) {
    stream.write({number, request: ask(beginning(number))});
  }
  if (leave === Infinity) stream.end();
  for await (const answer of stream) {
    console.log(`${answer.number}: ${beginning(answer.number)}`);
    if (answer.error) console.log(answer.error.message);
    else show(beginning(answer.number), answer.response);
    // Of what is sent the last is always answered.
    if (leave !== Infinity && answer.number === typed) stream.cancel();
  }
}

async function main() {
  const client = connect('AutocompleteService', options.server);
  try {
    for (const text of texts) {
      await (options.type ? type(client, text) : complete(client, text));
    }
  } catch (error) {
    if (options.leave === undefined || !isCancelled(error)) throw error;
    console.log('cancelled');
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
