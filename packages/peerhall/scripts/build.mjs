// Makes `dist/` from `src/`, `types/` and three WebAssembly modules: `node build.mjs FULL.wasm CLIENT.wasm LABELLED.wasm`.
// `cargo xtask package` compiles those and calls this.

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { pack } from './pack.mjs';
import { silenced } from './panics.mjs';
import { gzipped, weigh } from './size.mjs';
import { code } from './wasm.mjs';

const run = promisify(execFile);

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
async function small(wasm, name) {
  const quiet = join(DIST, `${name}.quiet.wasm`);
  const named = join(DIST, `${name}.named.wasm`);
  const bare = join(DIST, `${name}.wasm`);
  // The linker puts the stack below everything else, so nothing is kept in the lowest kilobyte of memory. The rest is
  // for the packer, which finds again what is alike and near: a function that has one caller is not put into it unless
  // it is tiny, all are written in one manner, and they stand by name, neighbours of one origin side by side.
  const shape = ['--flatten', '--rereloop', '-Oz', '-Oz', '--reorder-functions-by-name', '--skip-pass=memory-packing'];
  const strip = ['--strip-dwarf', '--strip-producers', '--strip-target-features'];
  const flags = ['-Oz', '--converge', '--low-memory-unused', '--one-caller-inline-max-function-size=20', ...shape, ...strip];
  await writeFile(quiet, silenced(await readFile(wasm)));
  await run(process.execPath, [wasmOpt, quiet, '-g', '-o', named, ...flags, ...FEATURES]);
  await run(process.execPath, [wasmOpt, named, '--strip-debug', '-o', bare, ...FEATURES]);
  const [bytes, parts] = [await readFile(bare), weigh(await readFile(named))];
  await Promise.all([quiet, named, bare].map((file) => rm(file)));
  const packed = pack(bytes, code(bytes));
  return { packed, parts, source: `export const packed = ${JSON.stringify(packed)};\n` };
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
    metafile: true,
    target: TARGET,
    legalComments: 'none',
    external: ['react', 'peerhall'],
    // What only the labelled entry does is left out of the others.
    define: { LABELLED: String(entry === 'labelled') },
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
  const built = await Promise.all(formats.map((name) => build({ ...common, ...format[name] })));
  const { inputs } = Object.values(built[0].metafile.outputs).find(({ entryPoint }) => entryPoint);
  const glue = Object.entries(inputs).filter(([file]) => !file.startsWith('engines:'));
  const sum = glue.reduce((bytes, [, { bytesInOutput }]) => bytes + bytesInOutput, 0);
  return { gzip: gzipped(await readFile(format.esm.outfile)), ...(packed && { packed: gzipped(packed.packed.text), wasm: packed.packed.size, parts: packed.parts }), glue: sum };
}

const [full, client, labels] = process.argv.slice(2);
await rm(DIST, { recursive: true, force: true });
await mkdir(DIST, { recursive: true });
const [room, channels, labelled] = [await small(full, 'room'), await small(client, 'channels'), await small(labels, 'labelled')];
const sizes = {
  peerhall: await bundle('peerhall', room, ['esm', 'cjs', 'umd']),
  signalling: await bundle('signalling', channels, ['esm', 'cjs']),
  labelled: await bundle('labelled', labelled, ['esm', 'cjs']),
  helpers: await bundle('helpers', null, ['esm', 'cjs']),
  react: await bundle('react', null, ['esm', 'cjs']),
};

// Declarations, once for each kind of module.
for (const file of await readdir(join(ROOT, 'types'))) {
  await cp(join(ROOT, 'types', file), join(DIST, file));
  const text = await readFile(join(ROOT, 'types', file), 'utf8');
  await writeFile(join(DIST, file.replace(/\.d\.ts$/, '.d.cts')), text.replaceAll(/(from '\.\/[a-z-]+)\.js'/g, "$1.cjs'"));
}
await writeFile(join(DIST, 'sizes.json'), `${JSON.stringify(sizes, null, 2)}\n`);
