// Packs bytes as `src/unpack.js` unpacks them.

import { decisions } from './lzma.mjs';
import { make, split, unpack } from '../src/unpack.js';

/**
 * The bytes as `{text, size, from, to}`: functions of WebAssembly are expected in those from `from` to `to`, where
 * anything may stand. Throws when they do not come back.
 */
export function pack(bytes, { from = 0, to = 0 } = {}) {
  const place = { size: bytes.length, from, to };
  const packed = { text: textOf(written(decisions(bytes), place)), ...place };
  if (!Buffer.from(unpack(packed)).equals(Buffer.from(bytes))) throw new Error('what was packed does not come back');
  return packed;
}

/** The bytes from which the decisions are read again. */
function written(made, place) {
  const bytes = [];
  let [low, high, next] = [0, 0xffffffff, 0];
  make(place, (odds) => {
    const one = made[next++];
    const middle = split(low, high, odds);
    if (one) high = middle;
    else low = middle + 1;
    while ((low ^ high) >>> 24 === 0) {
      bytes.push(low >>> 24);
      low = (low << 8) >>> 0;
      high = ((high << 8) | 255) >>> 0;
    }
    return one;
  });
  // Zeros are read behind the end, and are not below `low` when this byte stands before them.
  return [...bytes, (low >>> 24) + 1];
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
