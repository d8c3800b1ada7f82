// SPDX-License-Identifier: Apache-2.0
//
// Shows the models of a server: all, or MODEL (NAME, NAME/VERSION, NAME@LABEL).
//
//   node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--reload] [MODEL]
//   node models.mjs [--server=HOST:PORT] [--timeout=SECONDS] --explain=TEXT
//                   MODEL
//
// --reload has the server look for models anew first (it must run with
// --allow_reload); --explain shows how MODEL reads a text (--allow_explain).

import {parseArgs} from 'node:util';

import {describe} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const {values: options, positionals: [model]} = parseArgs({
  allowPositionals: true,
  options: {
    server: {type: 'string', default: '127.0.0.1:50051'},
    timeout: {type: 'string', default: '5'},
    reload: {type: 'boolean', default: false},
    explain: {type: 'string'},
  },
});

function specOf(text) {
  const [, name, version, label] =
      text.match(/^([^/@]*)(?:\/(.*))?(?:@(.*))?$/);
  const spec = {name};
  if (version !== undefined) spec.version = Number(version);
  if (label !== undefined) spec.label = label;
  return spec;
}

function nameOf({name, version}) {
  return `${name}/${version}`;
}

function showAll({models}) {
  for (const model of models) {
    const {state, task, precision} = model;
    console.log([nameOf(model), state, task, precision].join('\t'));
  }
}

function showOne(one) {
  console.log(nameOf(one));
  for (const [name, value] of [
    ['state', one.state],
    ['task', one.task],
    ['message', one.message],
    ['precision', one.precision],
    ['kernels', one.kernels],
    ['isa', one.isa],
    ['parameters', one.parameters],
    ['memory_bytes', one.memoryBytes],
    ...one.labels.map((label) => ['label', label]),
    ...Object.entries(one.figures).sort(),
  ]) {
    console.log(`  ${name}: ${value}`);
  }
}

function showReload(response) {
  for (const what of ['added', 'reloaded', 'removed']) {
    for (const one of response[what]) console.log(`${what}: ${nameOf(one)}`);
  }
  for (const {model: one, error} of response.failed) {
    console.log(`failed: ${nameOf(one)}: ${error.message}`);
  }
}

function showTokens({tokens, partial, cachedTokens}) {
  for (const {begin, end, text, id, known} of tokens) {
    console.log(`${begin}-${end}\t${text}\t${id}${known ? '' : ' (unknown)'}`);
  }
  if (partial) console.log(`begun: ${partial}`);
  console.log(`known from earlier requests: ${cachedTokens} tokens`);
}

async function main() {
  const client = connect('ModelService', options.server);
  const ask = (method, request, seconds = options.timeout) =>
      call(client, method, request, within(seconds));
  try {
    // Takes as long as loading does.
    if (options.reload) showReload(await ask('reloadModels', {}, 600));
    if (options.explain !== undefined) {
      const request = {model: specOf(model ?? ''), text: options.explain};
      showTokens(await ask('explain', request));
    } else if (model !== undefined) {
      const request = {model: specOf(model)};
      showOne((await ask('getModel', request)).model);
    } else {
      showAll(await ask('listModels', {}));
    }
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
