// SPDX-License-Identifier: Apache-2.0
//
// Shows the models of a server, or what is known of each NAME.
//
//   node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--reload]
//                   [NAME...]
//   node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--reload]
//                   --explain=TEXT NAME...
//
// A NAME may say which version: NAME/VERSION or NAME@LABEL. With --reload the
// server looks for models anew first (it must run with --allow_reload); with
// --explain it shows how each NAME reads a text (--allow_explain).

import {misused, parse} from './command_line.mjs';
import {describe} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const USAGE =
    'node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--reload] ' +
    '[NAME...]\n' +
    '       node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] ' +
    '[--reload] --explain=TEXT NAME...';

const {options, positionals: names} = parse(USAGE, {
  reload: {type: 'boolean', default: false},
  explain: {type: 'string'},
});

function spec(text) {
  const [, name, version, label] =
      text.match(/^([^/@]*)(?:\/(\d+)|@(.*))?$/) ?? [];
  if (name === undefined) misused(USAGE, `not the name of a model: ${text}`);
  return version === undefined ? {name, label} :
                                 {name, version: Number(version)};
}

// A model, or a spec of one, in a word. The failure of labels names a model
// without a version.
function named({name, version}) {
  return version ? `${name}/${version}` : name;
}

function heading(model) {
  const state = model.state.replace(/^STATE_/, '').toLowerCase();
  return [named(model), state, model.labels.join(), model.task,
          model.message].join('\t');
}

function show(model) {
  console.log(heading(model));
  if (model.state === 'STATE_READY') {
    const {precision, kernels, parameters, memoryBytes} = model;
    console.log(`  ${precision} by ${kernels}, ${parameters} parameters in ` +
                `${memoryBytes} bytes`);
  }
  for (const [figure, value] of Object.entries(model.figures).sort()) {
    console.log(`  ${figure} ${value}`);
  }
  const {reloadError, labelsError} = model;
  if (reloadError) console.log(`  reload_error: ${reloadError.message}`);
  if (labelsError) console.log(`  labels_error: ${labelsError.message}`);
}

async function reload(client) {
  // Whole models are read and tested: the wait may be long.
  const response = await call(client, 'reloadModels', {}, within(600));
  for (const what of ['added', 'reloaded', 'removed']) {
    for (const model of response[what]) console.log(`${what} ${named(model)}`);
  }
  for (const {model, error} of response.failed) {
    console.log(`failed ${named(model)}: ${error.message}`);
  }
}

async function explain(client, model, text) {
  const {tokens, cachedTokens, partial, cut} = await call(
      client, 'explain', {model, text}, within(options.timeout));
  const characters = [...text];  // the server counts code points
  tokens.forEach(({begin, end, token, id}, number) => {
    const known = number < cachedTokens ? 'remembered' : '';
    const word = characters.slice(begin, end).join('');
    console.log([`${begin}-${end}`, word, token, id, known].join('\t'));
  });
  if (partial) console.log(`looked up as a beginning: ${partial}`);
  if (cut) console.log('a part of the text is left out');
}

async function main() {
  const models = names.map(spec);
  if (options.explain !== undefined && models.length === 0) {
    misused(USAGE, '--explain needs a NAME');
  }
  const client = connect('ModelService', options.server);
  const ask = (method, request) =>
      call(client, method, request, within(options.timeout));
  try {
    if (options.reload) await reload(client);
    if (models.length === 0) {
      const response = await ask('listModels', {});
      for (const model of response.models) console.log(heading(model));
    }
    for (const model of models) {
      if (options.explain !== undefined) {
        await explain(client, model, options.explain);
      } else {
        show((await ask('getModel', {model})).model);
      }
    }
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
