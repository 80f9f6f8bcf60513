// Makes `dist/` from `src/`, `types/` and WebAssembly modules: `node build.mjs FULL.wasm CLIENT.wasm LABELLED.wasm
// UNPACK.wasm PACK.wasm`.
// `cargo xtask package` compiles those and calls this.

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { TOOLS, pack, unpacker } from './pack.mjs';
import { silenced } from './panics.mjs';
import { gzipped, weigh } from './size.mjs';
import { code, withoutGlobals } from './wasm.mjs';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const wasmOpt = join(dirname(createRequire(import.meta.url).resolve('binaryen/package.json')), 'bin/wasm-opt');

/** The oldest browsers that have all of: private members, WebAssembly of this size without waiting. */
const TARGET = ['es2022'];

/** What Rust's code for WebAssembly uses, and those browsers have. */
const FEATURES = ['bulk-memory', 'bulk-memory-opt', 'call-indirect-overlong', 'multivalue', 'mutable-globals',
  'nontrapping-float-to-int', 'reference-types', 'sign-ext', 'simd'].map((feature) => `--enable-${feature}`);

/** What stands around a module, with its exports in the place of `{}`, for those who know no `import`. */
const WRAPPERS = {
  'cjs': [`'use strict';`, 'module.exports={};'],
  'umd.js': [
    "(function(r,m){typeof exports=='object'&&typeof module=='object'?module.exports=m():typeof define=='function'&&define.amd?define([],m):r.MeteredPeer=r.Peerhall=m()})(globalThis,function(){'use strict';",
    'return{}})',
  ],
};

/** A module of WebAssembly, made small; and what takes the room in it. */
async function small(module, name) {
  const quiet = join(DIST, `${name}.quiet.wasm`);
  const named = join(DIST, `${name}.named.wasm`);
  const bare = join(DIST, `${name}.wasm`);
  // The linker puts the stack below everything else, so nothing is kept in the lowest kilobyte of memory. The rest is
  // for the packer, which finds again what is alike and near: a function that has one caller is not put into it unless
  // it is tiny, all are written in one manner, and they stand by name, neighbours of one origin side by side.
  const shape = ['--flatten', '--rereloop', '-Oz', '-Oz', '--reorder-functions-by-name', '--skip-pass=memory-packing'];
  const strip = ['--strip-dwarf', '--strip-producers', '--strip-target-features'];
  const flags = ['-Oz', '--converge', '--low-memory-unused', '--one-caller-inline-max-function-size=20', ...shape, ...strip];
  await writeFile(quiet, withoutGlobals(module));
  await run(process.execPath, [wasmOpt, quiet, '-g', '-o', named, ...flags, ...FEATURES]);
  await run(process.execPath, [wasmOpt, named, '--strip-debug', '-o', bare, ...FEATURES]);
  const [bytes, parts] = [await readFile(bare), weigh(await readFile(named))];
  await Promise.all([quiet, named, bare].map((file) => rm(file)));
  return { bytes, parts };
}

/** A module that travels in the package, packed and as text. */
async function engine(wasm, name) {
  const { bytes, parts } = await small(silenced(await readFile(wasm)), name);
  const packed = pack(bytes, code(bytes));
  return { packed, parts, source: `export const packed = ${JSON.stringify(packed)};\nexport const unpacker = ${JSON.stringify(unpacker())};\n` };
}

/** Puts a packed module in the place of `peerhall:engines`. */
const engines = ({ source }) => ({
  name: 'engines',
  setup(bundler) {
    bundler.onResolve({ filter: /^peerhall:engines$/ }, ({ path }) => ({ path, namespace: 'engines' }));
    bundler.onLoad({ filter: /.*/, namespace: 'engines' }, () => ({ contents: source, loader: 'js' }));
  },
});

async function bundle(entry, packed, kinds = ['cjs']) {
  const common = {
    entryPoints: [join(ROOT, 'src', entry === 'peerhall' ? 'index.js' : `${entry}.js`)],
    bundle: true,
    minify: true,
    sourcemap: true,
    metafile: true,
    target: TARGET,
    legalComments: 'none',
    external: ['react', 'peerhall'],
    // What only the labelled module asks of its border is left out of the others.
    define: { LABELLED: String(entry === 'labelled') },
    plugins: packed ? [engines(packed)] : [],
  };
  const outfile = join(DIST, `${entry}.js`);
  const { metafile } = await build({ ...common, format: 'esm', outfile });
  const { inputs } = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint);
  const glue = Object.entries(inputs).filter(([file]) => !file.startsWith('engines:'));
  const sum = glue.reduce((bytes, [, { bytesInOutput }]) => bytes + bytesInOutput, 0);
  for (const kind of kinds) await wrap(entry, kind);
  return { gzip: gzipped(await readFile(outfile)), ...(packed && { packed: gzipped(packed.packed.text), wasm: packed.packed.size, parts: packed.parts }), glue: sum };
}

/** Makes another kind of the module `entry`: half a kilobyte less than what the bundler puts around it. */
async function wrap(entry, kind) {
  const [head, foot] = WRAPPERS[kind];
  const text = await readFile(join(DIST, `${entry}.js`), 'utf8');
  const map = JSON.parse(await readFile(join(DIST, `${entry}.js.map`), 'utf8'));
  const [, imported, body, exported] = /^((?:import\b[^;]*;)*)([^]*)export\{([^}]*)\};\n\/\/# .*\n$/.exec(text);
  const names = exported.split(',').map((item) => item.split(' as ').toReversed()).map(([name, local = name]) => `${name}:${local}`);
  const required = imported.replaceAll(/import\{([^}]*)\}from("[^"]*");/g, (_, list, from) => `const {${list.replaceAll(' as ', ':')}}=require(${from});`);
  if (/\bimport\b/.test(required)) throw new Error(`an import of ${entry} is of a kind that is not known here`);
  const file = `${entry}.${kind}`;
  await writeFile(join(DIST, file), `${head}\n${required}${body}${foot.replace('{}', `{${names}}`)}\n//# sourceMappingURL=${file}.map\n`);
  // What stands in front moves all by lines.
  await writeFile(join(DIST, `${file}.map`), JSON.stringify({ ...map, mappings: ';'.repeat(head.split('\n').length) + map.mappings }));
}

const [full, client, labels, unpacks, packs] = process.argv.slice(2);
await rm(DIST, { recursive: true, force: true });
await mkdir(DIST, { recursive: true });
await mkdir(TOOLS, { recursive: true });
for (const [wasm, name] of [[unpacks, 'unpack'], [packs, 'pack']]) {
  await writeFile(new URL(`${name}.wasm`, TOOLS), (await small(await readFile(wasm), name)).bytes);
}
const [room, channels, labelled] = [await engine(full, 'room'), await engine(client, 'channels'), await engine(labels, 'labelled')];
const sizes = {
  peerhall: await bundle('peerhall', room, ['cjs', 'umd.js']),
  signalling: await bundle('signalling', channels),
  labelled: await bundle('labelled', labelled),
  helpers: await bundle('helpers', null),
  react: await bundle('react', null),
};

// Declarations, once for each kind of module.
for (const file of await readdir(join(ROOT, 'types'))) {
  await cp(join(ROOT, 'types', file), join(DIST, file));
  const text = await readFile(join(ROOT, 'types', file), 'utf8');
  await writeFile(join(DIST, file.replace(/\.d\.ts$/, '.d.cts')), text.replaceAll(/(from '\.\/[a-z-]+)\.js'/g, "$1.cjs'"));
}
await writeFile(join(DIST, 'sizes.json'), `${JSON.stringify(sizes, null, 2)}\n`);
