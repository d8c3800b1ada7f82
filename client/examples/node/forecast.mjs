// SPDX-License-Identifier: Apache-2.0
//
// Says how the series of FILE go on.
//
//   node forecast.mjs [--server=HOST:PORT] [--timeout=SECONDS] [--model=NAME]
//                     [--column=NAME]... [--horizon=N] [--quantile=LEVEL]...
//                     FILE
//
// FILE is CSV: a header, a column of times ("2016-07-01 00:00:00",
// "2016-07-01", "2016-07", or numbers, which are not sent), and columns of
// numbers, without quotes. --column: a series of the model; default: every
// column.


import {parse, readText} from './command_line.mjs';
import {describe} from './errors.mjs';
import {call, connect, within} from './services.mjs';

const USAGE =
    'node forecast.mjs [--server=HOST:PORT] [--timeout=SECONDS] ' +
    '[--model=NAME] [--column=NAME]... [--horizon=N] ' +
    '[--quantile=LEVEL]... FILE';

const {options, positionals: [file]} = parse(USAGE, {
  model: {type: 'string', default: ''},
  column: {type: 'string', multiple: true},
  horizon: {type: 'string'},
  quantile: {type: 'string', multiple: true, default: []},
}, 1);

// Number('') would be 0, which nobody measured.
function parseNumber(text) {
  const value = text?.trim() ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new Error(`not a number: "${text ?? ''}"`);
  return value;
}

// The message of a time in UTC; null for a number.
function parseTime(text) {
  const match = text.match(
      /^(\d{4}-\d{2})(-\d{2})?(?:[ T](\d{2}:\d{2}(?::\d{2})?))?$/);
  if (!match) return null;
  const [, month, day = '-01', time = '00:00'] = match;
  const seconds = Date.parse(`${month}${day}T${time}Z`) / 1000;
  return Number.isNaN(seconds) ? null : {seconds, nanos: 0};
}

function formatTime({seconds}) {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

// A history in the units of the data; the last window of it is read.
function ask(csv) {
  const rows = csv.trim().split(/\r?\n/).map((line) => line.split(','));
  const header = rows.shift();
  const history = (options.column ?? header.slice(1)).map((name) => {
    const column = header.indexOf(name);
    if (column < 0) throw new Error(`no column "${name}"`);
    return {name, values: rows.map((row) => parseNumber(row[column]))};
  });
  const times = rows.map((row) => parseTime(row[0]));
  const request = {
    model: {name: options.model},
    history,
    timestamps: times.every(Boolean) ? times : [],
    quantiles: options.quantile.map(Number),
  };
  // 0 would be an error, unset is the model's.
  if (options.horizon !== undefined) request.horizon = Number(options.horizon);
  return request;
}

function format(value) {
  return String(Number(value.toPrecision(6)));
}

function show({series, timestamps}) {
  for (const {name, values, quantiles} of series) {
    console.log(name);
    values.forEach((value, step) => {
      const when = timestamps.length > 0 ? formatTime(timestamps[step]) :
                                           `+${step + 1}`;
      const bounds = quantiles.map(
          (quantile) =>
              `  ${quantile.level}: ${format(quantile.values[step])}`);
      console.log(`${when}  ${format(value)}${bounds.join('')}`);
    });
  }
}

async function main() {
  const request = ask(readText(USAGE, file));
  const client = connect('ForecastService', options.server);
  try {
    show(await call(client, 'forecast', request, within(options.timeout)));
  } finally {
    client.close();
  }
}

main().catch((error) => {
  console.error(describe(error));
  process.exitCode = 1;
});
