// The engines, started when the first object needs them: importing this package touches nothing.

import { deflated, size } from 'peerhall:engines';
import { inflate } from './inflate.js';
import { start } from './values.js';

let started;

/** The functions of the WebAssembly module. */
export const engines = () => (started ??= start(inflate(deflated, size)));
