// SPDX-License-Identifier: Apache-2.0
//
// Translates each TEXT.
//
//   node translate.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                      [--beam=N] [--best=N] [--alignment]
//                      [--time_limit=SECONDS] [--whole | --leave=N] TEXT...
//   node translate.mjs [--server=HOST:PORT] [--model=NAME] [--beam=N]
//                      [--time_limit=SECONDS] [--first=N] < TEXTS
//
// It is written as the server finds it, and what is written stands; [...] where
// it is not translated to its end. With --whole it comes in one piece. With
// --leave nobody waits for more after N pieces: the stream is cancelled, and
// the server stops within one step.
//
// --best shows so many translations of each sentence, --alignment the word of
// the source that each word of the translation looked at most. After the time
// limit the best so far is the answer.
//
// Without a TEXT every line of the input is translated, by one stream that the
// server answers in the order in which it is done; if one has no answer the
// exit code is 1. With --first the stream is cancelled after N answers.

import {eachLine} from './bulk.mjs';
import {parse} from './command_line.mjs';
import {describe, isCancelled} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const USAGE =
    'node translate.mjs [--server=HOST:PORT] [--timeout=SECONDS] ' +
    '[--model=NAME] [--beam=N] [--best=N] [--alignment] ' +
    '[--time_limit=SECONDS] [--whole | --leave=N] TEXT...\n' +
    '       node translate.mjs [--server=HOST:PORT] [--model=NAME] ' +
    '[--beam=N] [--time_limit=SECONDS] [--first=N] < TEXTS';

const {options, positionals: texts} = parse(USAGE, {
  timeout: {type: 'string', default: '30'},
  model: {type: 'string', default: ''},
  beam: {type: 'string'},
  best: {type: 'string', default: '1'},
  alignment: {type: 'boolean', default: false},
  time_limit: {type: 'string'},
  whole: {type: 'boolean', default: false},
  leave: {type: 'string'},
  first: {type: 'string'},
});

function ask(text) {
  const request = {
    model: {name: options.model},
    text,
    maxTranslations: Number(options.best),
    alignment: options.alignment,
  };
  if (options.beam !== undefined) request.beamSize = Number(options.beam);
  if (options.time_limit !== undefined) {
    const seconds = Math.trunc(Number(options.time_limit));
    const nanos = Math.round((Number(options.time_limit) - seconds) * 1e9);
    request.timeLimit = {seconds, nanos};
  }
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

function whole({text, truncated}) {
  return text + (truncated ? ' [...]' : '');
}

function showDetails({sentences}) {
  for (const {translations} of sentences) {
    if (options.best !== '1') {
      for (const {text, score} of translations) {
        console.log(`  ${score.toFixed(2)}  ${text}`);
      }
    }
    if (options.alignment) showAlignment(translations[0].alignment);
  }
}

async function translateAloud(client, text) {
  const stream = client.translateStream({request: ask(text)},
                                        within(options.timeout));
  let pieces = 0;
  try {
    for await (const answer of stream) {
      if (answer.response) {  // the last, with the whole
        console.log(answer.response.truncated ? ' [...]' : '');
        showDetails(answer.response);
      } else {
        process.stdout.write(answer.text);
        if (++pieces === Number(options.leave)) stream.cancel();
      }
    }
  } catch (error) {
    if (options.leave === undefined || !isCancelled(error)) throw error;
    console.log('\ncancelled');
  }
}

async function main() {
  const client = connect('TranslationService', options.server);
  try {
    for (const text of texts) {
      if (options.whole) {
        const response = await call(client, 'translate', ask(text),
                                    within(options.timeout));
        console.log(whole(response));
        showDetails(response);
      } else {
        await translateAloud(client, text);
      }
    }
    // Without a deadline, which would hold for all lines together.
    if (texts.length === 0) {
      const showLine = (id, response) =>
          console.log(`${id}\t${whole(response)}`);
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
