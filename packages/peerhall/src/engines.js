// The engines, started when the first object needs them: importing this package touches nothing.

import { packed, unpacker } from 'peerhall:engines';
import { unpack } from './unpack.js';
import { start } from './values.js';

let started;

/** The functions of the WebAssembly module. */
export const engines = () => (started ??= start(unpack(packed, unpacker)));

/** Does now what the first object would wait for. */
export const prepare = () => {
  engines();
};
