// Packs a WebAssembly module as `src/unpack.js` unpacks it.

import { execFileSync } from 'node:child_process';
import { unpack } from '../src/unpack.js';

/** The bytes as text: packed by LZMA, and in base64. Throws when they do not come back. */
export function pack(bytes) {
  const packed = compress(bytes).toString('base64');
  if (!Buffer.from(unpack(packed, bytes.length)).equals(Buffer.from(bytes))) throw new Error('what was packed does not come back');
  return packed;
}

/** The settings are those that `src/unpack.js` counts on. */
function compress(input) {
  try {
    return execFileSync('xz', ['--format=raw', '--lzma1=preset=9e,lc=3,lp=0,pb=0', '--stdout'], { input, maxBuffer: 1 << 26 });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('the package is packed by `xz`; install it (Debian: apt install xz-utils)');
    throw error;
  }
}
