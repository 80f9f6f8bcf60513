// Makes `dist/` from `src/`, `types/` and two WebAssembly modules: `node build.mjs FULL.wasm CLIENT.wasm`.
// `cargo xtask package` compiles those and calls this.

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';
import { inflate } from '../src/inflate.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const wasmOpt = join(dirname(createRequire(import.meta.url).resolve('binaryen/package.json')), 'bin/wasm-opt');

/** The oldest browsers that have all of: private members, WebAssembly of this size without waiting. */
const TARGET = ['es2022'];

/** What Rust's code for WebAssembly uses, and those browsers have. */
const FEATURES = ['bulk-memory', 'bulk-memory-opt', 'call-indirect-overlong', 'multivalue', 'mutable-globals',
  'nontrapping-float-to-int', 'reference-types', 'sign-ext'].map((feature) => `--enable-${feature}`);

const UMD_HEAD = `(function (root, make) {
  if (typeof exports === 'object' && typeof module !== 'undefined') module.exports = make();
  else if (typeof define === 'function' && define.amd) define([], make);
  else root.MeteredPeer = root.Peerhall = make();
})(typeof globalThis === 'undefined' ? self : globalThis, function () {`;
const UMD_FOOT = 'return Peerhall; });';

/** A module of WebAssembly, made small and written as text. */
async function pack(wasm, name) {
  const small = join(DIST, `${name}.wasm`);
  const flags = ['-Oz', '--converge', '--strip-debug', '--strip-producers', '--strip-target-features', ...FEATURES];
  await promisify(execFile)(process.execPath, [wasmOpt, wasm, '-o', small, ...flags], { maxBuffer: 1 << 26 });
  const bytes = await readFile(small);
  await rm(small);
  const deflated = deflateRawSync(bytes, { level: 9, memLevel: 9 }).toString('base64');
  if (!bytes.equals(inflate(deflated, bytes.length))) throw new Error(`${name}: what was compressed does not come back`);
  return { bytes: bytes.length, deflated, source: `export const deflated = ${JSON.stringify(deflated)};\nexport const size = ${bytes.length};\n` };
}

/** Puts a packed module in the place of `peerhall:engines`. */
const engines = ({ source }) => ({
  name: 'engines',
  setup(bundler) {
    bundler.onResolve({ filter: /^peerhall:engines$/ }, ({ path }) => ({ path, namespace: 'engines' }));
    bundler.onLoad({ filter: /.*/, namespace: 'engines' }, () => ({ contents: source, loader: 'js' }));
  },
});

async function bundle(entry, packed, formats) {
  const common = {
    entryPoints: [join(ROOT, 'src', entry === 'peerhall' ? 'index.js' : `${entry}.js`)],
    bundle: true,
    minify: true,
    sourcemap: true,
    target: TARGET,
    legalComments: 'none',
    external: ['react', 'peerhall'],
    plugins: packed ? [engines(packed)] : [],
  };
  const format = {
    esm: { format: 'esm', outfile: join(DIST, `${entry}.js`) },
    cjs: { format: 'cjs', outfile: join(DIST, `${entry}.cjs`) },
    umd: {
      format: 'iife',
      globalName: 'Peerhall',
      outfile: join(DIST, `${entry}.umd.js`),
      banner: { js: UMD_HEAD },
      footer: { js: UMD_FOOT },
    },
  };
  for (const name of formats) await build({ ...common, ...format[name] });
}

const [full, client] = process.argv.slice(2);
await rm(DIST, { recursive: true, force: true });
await mkdir(DIST, { recursive: true });
const [room, channels] = await Promise.all([pack(full, 'room'), pack(client, 'channels')]);
await bundle('peerhall', room, ['esm', 'cjs', 'umd']);
await bundle('signalling', channels, ['esm', 'cjs']);
for (const entry of ['helpers', 'react']) await bundle(entry, null, ['esm', 'cjs']);

// Declarations, once for each kind of module.
for (const file of await readdir(join(ROOT, 'types'))) {
  await cp(join(ROOT, 'types', file), join(DIST, file));
  const text = await readFile(join(ROOT, 'types', file), 'utf8');
  await writeFile(join(DIST, file.replace(/\.d\.ts$/, '.d.cts')), text.replaceAll(/(from '\.\/[a-z-]+)\.js'/g, "$1.cjs'"));
}
const sizes = { wasm: { room: room.bytes, channels: channels.bytes }, text: { room: room.deflated.length, channels: channels.deflated.length } };
await writeFile(join(DIST, 'sizes.json'), `${JSON.stringify(sizes)}\n`);
