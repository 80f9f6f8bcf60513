// A panic in a browser is a trap: there is no stream that its words could go to. What writes them is in Rust's
// standard library all the same, which is compiled beforehand; here it is taken out.

import { data, functions, withBodies } from './wasm.mjs';

/** Functions of the standard library that nobody calls but a program that panics. Its names begin like this. */
const PANICS = /^_R.*(?:panicking|panic_|rust_panic|unwrap_failed|expect_failed|slice_\w*_fail|assert_failed|handle_error|handle_alloc_error|capacity_overflow|rust_begin_unwind|rust_oom)/;

/** No locals, `unreachable`, `end`. */
const TRAP = Buffer.from([0x00, 0x00, 0x0b]);

/** Paths of source files: nothing but a panic shows them. */
const PATH = /(?:rust|\/rustc\/[0-9a-f]{40}|crates|[\w./-]*registry\/src\/[\w./-]+)\/[\w./-]+\.rs\0/g;

/** Bytes of a `core::panic::Location`: the path's address and length, line and column. */
const LOCATION = 16;

/** The module in which a panic traps without a word. Names of functions are needed. */
export function silenced(wasm) {
  if (!functions(wasm).some(({ name }) => PANICS.test(name))) throw new Error('no panic of the standard library was found; have its names changed?');
  return blanked(withBodies(wasm, ({ name, from, end }) => (PANICS.test(name) ? TRAP : wasm.subarray(from, end))));
}

/** The module without the places in source files that panics name. */
function blanked(wasm) {
  const pieces = data(wasm);
  const paths = new Map();
  for (const { address, from, end } of pieces) {
    for (const { 0: path, index } of wasm.toString('latin1', from, end).matchAll(PATH)) {
      paths.set(address + index, path.length - 1);
      wasm.fill(0, from + index, from + index + path.length);
    }
  }
  for (const { address, from, end } of pieces) {
    for (let at = from + (-address & 3); at + LOCATION <= end; at += 4) {
      const length = paths.get(wasm.readUInt32LE(at));
      if (length !== undefined && length === wasm.readUInt32LE(at + 4)) wasm.fill(0, at, at + LOCATION);
    }
  }
  return wasm;
}
