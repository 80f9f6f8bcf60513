// Packs bytes as `src/unpack.js` unpacks them.

import { readFileSync } from 'node:fs';
import { decisions } from './lzma.mjs';
import { unpack } from '../src/unpack.js';

/** Where `scripts/build.mjs` leaves the two modules of `crates/peerhall-unpack`. */
export const TOOLS = new URL('../.build/', import.meta.url);

/** A page of WebAssembly's memory. */
const PAGE = 65536;

/** The module that unpacks, as text: one character for most bytes, so that gzip finds what is alike, as it would not in base64. */
export const unpacker = () => Array.from(readFileSync(new URL('unpack.wasm', TOOLS)), (byte) => ['', '#', '$', '%'][byte >> 6] + String.fromCharCode(62 + (byte & 63))).join('');

/**
 * The bytes as `{text, size, from, to}`: functions of WebAssembly are expected in those from `from` to `to`, where
 * anything may stand. Throws when they do not come back.
 */
export function pack(bytes, { from = 0, to = 0 } = {}) {
  const size = bytes.length;
  const packed = { text: textOf(written(decisions(bytes), { size, from, to })), size, from, to };
  if (!Buffer.from(unpack(packed, unpacker())).equals(Buffer.from(bytes))) throw new Error('what was packed does not come back');
  return packed;
}

/** The bytes from which the decisions are read again. */
function written(made, { size, from, to }) {
  const { memory, p: write } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(new URL('pack.wasm', TOOLS)))).exports;
  const at = memory.grow(Math.ceil((5 * made.length + 1 + size) / PAGE)) * PAGE;
  const output = at + made.length;
  new Uint8Array(memory.buffer, at).set(made);
  const count = write(at, made.length, output, size, output + size, from, to);
  return [...new Uint8Array(memory.buffer, output + size, count)];
}

/** The text of which `src/unpack.js` makes these bytes again. */
function textOf(bytes) {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  for (let at = 0; at < bits.length; ) {
    const six = Number.parseInt(bits.slice(at, at + 6).padEnd(6, '0'), 2);
    const seven = Number.parseInt(bits.slice(at, at + 7).padEnd(7, '0'), 2);
    const rank = six < 36 ? six : seven - 36;
    at += six < 36 ? 6 : 7;
    const unit = 32 + rank;
    text += String.fromCharCode([34, 60, 92].reduce((moved, missing) => moved + (moved >= missing), unit));
  }
  return text;
}
