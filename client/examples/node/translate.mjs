// SPDX-License-Identifier: Apache-2.0
//
// Translates each TEXT.
//
//   node translate.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                      [--beam=N] [--best=N] [--alignment] TEXT...
//   node translate.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                      [--beam=N] --stream [--leave=N] TEXT...
//   node translate.mjs [--server=HOST:PORT] [--model=NAME] [--beam=N]
//                      [--first=N] < TEXTS
//
// --best shows so many translations of each sentence, --alignment the word of
// the source that each word of the translation looked at most.
//
// With --stream it is written as the server finds it, and what is written
// stands. With --leave nobody waits for more after N pieces: the stream is
// cancelled, and the server stops within one step.
//
// Without a TEXT every line of the input is translated, by one stream that the
// server answers in the order in which it is done. With --first the stream is
// cancelled after N answers.

import {parseArgs} from 'node:util';

import {eachLine} from './bulk.mjs';
import {describe, isCancelled} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const {values: options, positionals: texts} = parseArgs({
  allowPositionals: true,
  options: {
    server: {type: 'string', default: '127.0.0.1:50051'},
    timeout: {type: 'string', default: '30'},
    model: {type: 'string', default: ''},
    beam: {type: 'string'},
    best: {type: 'string', default: '1'},
    alignment: {type: 'boolean', default: false},
    stream: {type: 'boolean', default: false},
    leave: {type: 'string'},
    first: {type: 'string'},
  },
});

function ask(text) {
  const request = {
    model: {name: options.model},
    text,
    maxTranslations: Number(options.best),
    alignment: options.alignment,
  };
  if (options.beam !== undefined) request.beamSize = Number(options.beam);
  return request;
}

function showAlignment({source, target, rows}) {
  target.forEach(({text}, place) => {
    const {weights} = rows[place];
    const best = weights.indexOf(Math.max(...weights));
    const word = source[best]?.text ?? '(end)';  // the last is the end
    console.log(`  ${text} <- ${word}  ${weights[best].toFixed(2)}`);
  });
}

function show(response) {
  console.log(response.text);
  for (const {translations} of response.sentences) {
    if (options.best !== '1') {
      for (const {text, score} of translations) {
        console.log(`  ${score.toFixed(2)}  ${text}`);
      }
    }
    if (options.alignment) showAlignment(translations[0].alignment);
  }
}

async function translateAloud(client, text) {
  let left = options.leave === undefined ? Infinity : Number(options.leave);
  const stream = client.translateStream({request: ask(text)},
                                        within(options.timeout));
  try {
    for await (const answer of stream) {
      if (left === 0) continue;  // on its way when the stream was cancelled
      if (answer.response) {
        console.log(answer.response.truncated ? ' ...' : '');
      } else {
        process.stdout.write(answer.text);
        if (--left === 0) stream.cancel();
      }
    }
  } catch (error) {
    if (left !== 0 || !isCancelled(error)) throw error;
    console.log('\ncancelled');
  }
}

async function main() {
  const client = connect('TranslationService', options.server);
  try {
    for (const text of texts) {
      if (options.stream) {
        await translateAloud(client, text);
      } else {
        show(await call(client, 'translate', ask(text),
                        within(options.timeout)));
      }
    }
    // Without a deadline, which would hold for all lines together.
    if (texts.length === 0) {
      const showLine = (id, {text}) => console.log(`${id}\t${text}`);
      await eachLine(client.translateBatch(), ask, showLine, options.first);
    }
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
