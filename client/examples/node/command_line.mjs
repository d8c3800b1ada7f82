// SPDX-License-Identifier: Apache-2.0
//
// What the command lines of the programs share.

import {readFileSync} from 'node:fs';
import {parseArgs} from 'node:util';

// The options and arguments of a program: `options` as parseArgs takes them,
// and --server and --timeout, which every program has. With a mistake, or fewer
// arguments than `least`, the program ends as misused() says.
export function parse(usage, options, least = 0) {
  try {
    const {values, positionals} = parseArgs({
      allowPositionals: true,
      options: {
        server: {
          type: 'string',
          default: process.env.CAROUSEL_SERVER || '127.0.0.1:50051',
        },
        timeout: {type: 'string', default: '5'},
        ...options,
      },
    });
    if (positionals.length >= least) return {options: values, positionals};
  } catch (error) {
    misused(usage, error.message);
  }
  misused(usage, 'an argument is missing');
}

// Ends the program: its command line is wrong.
export function misused(usage, message) {
  console.error(`usage: ${usage}\nerror: ${message}`);
  process.exit(2);
}

// The text of a file that the command line names; none if it names none.
export function readText(usage, path) {
  if (path === undefined) return '';
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(readFileSync(path));
  } catch (error) {
    return misused(usage, `cannot read ${path}: ${error.message}`);
  }
}
