// What takes the room: `node size.mjs` prints the table of `docs/size.md` for what is in `dist/`, and with `--write`
// puts it there. The measure is what a web server sends: gzip at level 9.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { dataLength, functions } from './wasm.mjs';

const PAGE = fileURLToPath(new URL('../../../docs/size.md', import.meta.url));
const SIZES = fileURLToPath(new URL('../dist/sizes.json', import.meta.url));

/** Between these, the page is written by this script. */
const [HEAD, FOOT] = ['<!-- figures: by `node packages/peerhall/scripts/size.mjs --write` -->', '<!-- end of the figures -->'];

/** Bytes that travel. */
export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** Whose code a function is, by its name; the first that fits. */
const OWNERS = [
  ['core: options, errors, values shared by both', /peerhall_core(?:::|\.\.|\d+)(?:options|error|ids|secret|ice_servers|time|random|queue|output)/],
  ['core: the client of channels', /peerhall_core(?:::|\.\.|\d+)signalling/],
  ['core: rooms, remote peers, media', /peerhall_core(?:::|\.\.|\d+)room/],
  ['core: peer connections', /peerhall_core(?:::|\.\.|\d+)link/],
  ['labelled channels and transfers', /peerhall_labelled/],
  ['proof of what arrived', /blake3/],
  ['the wire\'s words', /peerhall_proto/],
  ['border to JavaScript', /peerhall_wasm/],
  ['memory', /talc|rust_alloc|rdl_alloc|rust_realloc|rust_dealloc/],
  ['Rust: writing of texts', /4core3fmt|5alloc3fmt|4core3num|(core|alloc)::(fmt|num)/],
  ['Rust: lists, texts, the rest', /^/],
];

/** Bytes of a module by owner: `{code, data}` where `code` is a list of `[owner, bytes]`. */
export function weigh(wasm) {
  const code = new Map(OWNERS.map(([owner]) => [owner, 0]));
  for (const { name, from, end } of functions(wasm)) {
    const [owner] = OWNERS.find(([, fits]) => fits.test(name));
    code.set(owner, code.get(owner) + end - from);
  }
  return { code: [...code], data: dataLength(wasm) };
}

const thousands = (bytes) => String(bytes).replace(/\B(?=(\d{3})+$)/g, ',');

/** The table for what was built. */
export function table(sizes) {
  const files = [
    ['`peerhall`: everything', sizes.peerhall],
    ['`peerhall/signalling`: channels without peers', sizes.signalling],
    ['`peerhall/labelled`: everything, and labelled channels', sizes.labelled],
    ['`peerhall/helpers`, only when imported', sizes.helpers],
    ['`peerhall/react`, only when imported', sizes.react],
  ].map(([name, { gzip, glue, wasm, packed }]) =>
    `| ${name} | ${thousands(gzip)} | ${packed ? thousands(packed) : '–'} | ${wasm ? thousands(wasm) : '–'} | ${thousands(glue)} |`);
  const modules = [sizes.peerhall.parts, sizes.signalling.parts, sizes.labelled.parts];
  const parts = modules[0].code.map(([owner], place) => [owner, ...modules.map(({ code }) => code[place][1])])
    .concat([['texts and tables', ...modules.map(({ data }) => data)]]);
  return [
    '| file | gzip -9, bytes | of it WebAssembly, packed | unpacked | JavaScript, minified |', '|---|---|---|---|---|', ...files, '',
    '| WebAssembly, unpacked, bytes | `peerhall` | `peerhall/signalling` | `peerhall/labelled` |', '|---|---|---|---|',
    ...parts.map(([owner, ...bytes]) => `| ${owner} | ${bytes.map(thousands).join(' | ')} |`),
  ].join('\n');
}

/** The page with this table in it. */
export function page(sizes) {
  const text = readFileSync(PAGE, 'utf8');
  const [from, to] = [text.indexOf(HEAD) + HEAD.length, text.indexOf(FOOT)];
  return `${text.slice(0, from)}\n\n${table(sizes)}\n\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = JSON.parse(readFileSync(SIZES, 'utf8'));
  if (process.argv.includes('--write')) writeFileSync(PAGE, page(sizes));
  else console.log(table(sizes));
}
