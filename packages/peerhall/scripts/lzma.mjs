// Which decisions LZMA makes for some bytes: `xz` finds them, and what it writes is read here
// (7-zip.org/sdk.html, whose names are used).

import { execFileSync } from 'node:child_process';

/** The settings that are read here. */
const LITERAL_CONTEXT_BITS = 3;
const SETTINGS = `preset=9e,lc=${LITERAL_CONTEXT_BITS},lp=0,pb=0`;

/** Where the range coder's first byte that counts is. */
const FIRST_BYTE = 1;

/** The decisions for these bytes in their order, each 0 or 1. */
export function decisions(bytes) {
  try {
    return read(execFileSync('xz', ['--format=raw', `--lzma1=${SETTINGS}`, '--stdout'], { input: bytes, maxBuffer: 1 << 26 }), bytes);
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('the package is packed by `xz`; install it (Debian: apt install xz-utils)');
    throw error;
  }
}

const even = (count) => new Uint16Array(count).fill(1024);
const lengthCoder = () => ({ choice: even(2), low: even(8), mid: even(8), high: even(256) });

/** The decisions in what LZMA wrote for `output`. */
function read(input, output) {
  const made = [];
  let range = 0xffffffff;
  let code = input.readUInt32BE(FIRST_BYTE);
  let at = FIRST_BYTE + 4;
  const decided = (one) => {
    if (range < 0x1000000) {
      range = (range << 8) >>> 0;
      code = ((code << 8) | input[at++]) >>> 0;
    }
    made.push(one);
    return one;
  };
  const bit = (model, index) => {
    const bound = (range >>> 11) * model[index];
    if (code < bound) {
      range = bound;
      model[index] += (2048 - model[index]) >> 5;
      return decided(0);
    }
    range -= bound;
    code -= bound;
    model[index] -= model[index] >> 5;
    return decided(1);
  };
  const direct = (count) => {
    for (let left = count; left > 0; left -= 1) {
      range >>>= 1;
      const one = code >= range ? 1 : 0;
      if (one) code -= range;
      decided(one);
    }
  };
  const tree = (model, bits, offset = 0) => {
    let symbol = 1;
    for (let left = bits; left > 0; left -= 1) symbol = (symbol << 1) | bit(model, offset + symbol);
    return symbol - (1 << bits);
  };
  const reverseTree = (model, bits, offset = 0) => {
    for (let left = bits, symbol = 1; left > 0; left -= 1) symbol = (symbol << 1) | bit(model, offset + symbol);
  };
  const length = ({ choice, low, mid, high }) => {
    if (!bit(choice, 0)) return tree(low, 3);
    return bit(choice, 1) ? 16 + tree(high, 8) : 8 + tree(mid, 3);
  };
  const literals = even(0x300 << LITERAL_CONTEXT_BITS);
  const [isMatch, isRep, isRepG0, isRepG1, isRepG2, isRep0Long] = Array.from({ length: 6 }, () => even(12));
  const [lengths, repLengths] = [lengthCoder(), lengthCoder()];
  const slots = Array.from({ length: 4 }, () => even(64));
  const [special, align] = [even(115), even(16)];

  // What was packed is known, so that only the last distance has to be, for the literals after a match.
  let reps = [0, 0, 0, 0];
  let state = 0;
  const distance = (matched) => {
    const slot = tree(slots[Math.min(matched, 3)], 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    const from = made.length;
    if (slot < 14) {
      reverseTree(special, bits, base - slot);
      return base + reversed(made.slice(from));
    }
    direct(bits - 4);
    const high = made.slice(from).reduce((value, one) => (value << 1) | one, 0);
    reverseTree(align, 4);
    return base + (high << 4) + reversed(made.slice(-4));
  };
  for (let end = 0; end < output.length; ) {
    if (!bit(isMatch, state)) {
      const offset = 0x300 * ((end > 0 ? output[end - 1] : 0) >> (8 - LITERAL_CONTEXT_BITS));
      let match = state < 7 ? undefined : output[end - reps[0] - 1];
      for (let symbol = 1; symbol < 0x100; ) {
        const wanted = match === undefined ? -1 : (match >> 7) & 1;
        const one = bit(literals, offset + ((1 + wanted) << 8) + symbol);
        symbol = (symbol << 1) | one;
        match = wanted === one ? match << 1 : undefined;
      }
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      end += 1;
    } else if (bit(isRep, state)) {
      const others = bit(isRepG0, state);
      const single = !others && !bit(isRep0Long, state);
      if (others) {
        const which = !bit(isRepG1, state) ? 1 : 2 + bit(isRepG2, state);
        reps.unshift(...reps.splice(which, 1));
      }
      end += single ? 1 : length(repLengths) + 2;
      state = state < 7 ? (single ? 9 : 8) : 11;
    } else {
      const matched = length(lengths);
      state = state < 7 ? 7 : 10;
      reps = [distance(matched), ...reps.slice(0, 3)];
      end += matched + 2;
    }
  }
  return made;
}

/** The number that these are the bits of, lowest first. */
const reversed = (bits) => bits.reduceRight((value, one) => (value << 1) | one, 0);
