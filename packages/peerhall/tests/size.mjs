// How large the package is, and that packing loses nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gzipped, page } from '../scripts/size.mjs';
import { pack } from '../scripts/pack.mjs';
import { unpack } from '../src/unpack.js';

const dist = (name) => new URL(`../dist/${name}`, import.meta.url);

/** Most bytes that travel for an import. */
const LIMITS = { peerhall: 64_000, signalling: 33_000, helpers: 3_000, react: 1_500 };

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
    const samples = [[0], [255], new Uint8Array(500), new Uint8Array(5_000).fill(255), noise, Buffer.from('abcabcabd'.repeat(400))];
    for (const bytes of samples) {
      const packed = pack(Uint8Array.from(bytes));
      assert.deepEqual(unpack(packed, bytes.length), Uint8Array.from(bytes));
    }
    assert.ok(pack(samples[5]).length < 200, 'what repeats is packed well');
    assert.ok(pack(noise).length < 1.1 * 4 / 3 * noise.length, 'what cannot be packed hardly grows');
  },
};
