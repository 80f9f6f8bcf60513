// How large the package is, that packing loses nothing, and that a panic still traps when its words are taken out.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipped, page } from '../scripts/size.mjs';
import { pack, unpacker } from '../scripts/pack.mjs';
import { silenced } from '../scripts/panics.mjs';
import { unpack } from '../src/unpack.js';

const binaryen = (tool) => join(dirname(createRequire(import.meta.url).resolve('binaryen/package.json')), 'bin', tool);
const dist = (name) => new URL(`../dist/${name}`, import.meta.url);

/** Most bytes that travel for an import; 60 KiB for the whole of it without labels. */
const LIMITS = { peerhall: 61_440, signalling: 31_000, labelled: 112_640, helpers: 3_000, react: 1_500 };

/** How far a figure may be from that of the page: compilers differ a little from machine to machine. */
const TOLERANCE = 0.02;

export default {
  limits() {
    const sizes = JSON.parse(readFileSync(dist('sizes.json'), 'utf8'));
    for (const [name, limit] of Object.entries(LIMITS)) {
      for (const file of [`${name}.js`, `${name}.cjs`, ...(name === 'peerhall' ? ['peerhall.umd.js'] : [])]) {
        const size = gzipped(readFileSync(dist(file)));
        assert.ok(size <= limit, `${file} is ${size} bytes, ${limit} are allowed`);
      }
      assert.equal(sizes[name].gzip, gzipped(readFileSync(dist(`${name}.js`))));
    }
    const figures = (text) => text.match(/\d[\d,]*/g).map((figure) => Number(figure.replaceAll(',', '')));
    const [is, ought] = [readFileSync(new URL('../../../docs/size.md', import.meta.url), 'utf8'), page(sizes)];
    assert.equal(is.replaceAll(/[\d,]+/g, '#'), ought.replaceAll(/[\d,]+/g, '#'));
    const [shown, measured] = [figures(is), figures(ought)];
    shown.forEach((figure, place) => {
      const off = Math.abs(figure - measured[place]);
      assert.ok(off <= Math.max(TOLERANCE * figure, 64),
        `docs/size.md says ${figure} where it is ${measured[place]}; \`node packages/peerhall/scripts/size.mjs --write\` mends that`);
    });
  },

  packing() {
    const noise = Uint8Array.from({ length: 3_000 }, (_, place) => Math.imul(place + 1, 0x9e3779b1) >>> 24);
    const samples = [[], [0], [255], new Uint8Array(500), new Uint8Array(5_000).fill(255), noise, Buffer.from('abcabcabd'.repeat(400)), [...new Array(400_000).fill(255), 0, 1, 2]].map((sample) => Uint8Array.from(sample));
    for (const bytes of samples) {
      // Functions are looked for in anything, wherever they are said to be.
      for (const functions of [{}, { from: 0, to: bytes.length }, { from: 100, to: 200 }]) {
        const packed = pack(bytes, functions);
        assert.match(packed.text, /^[^\0-\x1f"<\\\x7f-\uffff]*$/);
        assert.deepEqual(unpack(JSON.parse(JSON.stringify(packed)), unpacker()), bytes);
      }
    }
    const [repeating, random] = [pack(samples[6]), pack(noise)];
    assert.ok(repeating.text.length < 150, 'what repeats is packed well');
    assert.ok(random.text.length < 1.1 * 8 / 6.56 * noise.length, 'what cannot be packed hardly grows');
  },

  panics() {
    const panic = '_RNvNtCs1_4core9panicking9panic_fmt';
    const text = `(module (memory (export "memory") 1)
      (data (i32.const 64) "kept.rs\\00rust/src/lib.rs\\00")
      (data (i32.const 128) "\\48\\00\\00\\00\\0f\\00\\00\\00\\07\\00\\00\\00\\08\\00\\00\\00\\01\\02\\03\\04")
      (func $${panic} (param i32) (i32.store (i32.const 0) (local.get 0)))
      (func $fails (export "fails") (call $${panic} (i32.const 5)))
      (func $works (export "works") (result i32) (i32.const 7)))`;
    const folder = mkdtempSync(join(tmpdir(), 'peerhall-'));
    try {
      writeFileSync(join(folder, 'a.wat'), text);
      execFileSync(process.execPath, [binaryen('wasm-as'), join(folder, 'a.wat'), '-g', '-o', join(folder, 'a.wasm')]);
      const { memory, fails, works } = new WebAssembly.Instance(new WebAssembly.Module(silenced(readFileSync(join(folder, 'a.wasm'))))).exports;
      assert.throws(fails, WebAssembly.RuntimeError);
      assert.equal(works(), 7);
      const bytes = Buffer.from(memory.buffer);
      assert.equal(bytes.readUInt32LE(0), 0, 'nothing was written before the trap');
      assert.equal(bytes.toString('latin1', 64, 72), 'kept.rs\0', 'texts that no panic shows stay');
      assert.ok(bytes.subarray(72, 144).every((byte) => byte === 0), 'a path and the place that names it are gone');
      assert.deepEqual([...bytes.subarray(144, 148)], [1, 2, 3, 4]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
