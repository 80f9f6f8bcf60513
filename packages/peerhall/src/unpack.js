// The WebAssembly module travels compressed by LZMA and as text: a sixth smaller than what a web server's gzip
// makes of it. Browsers decompress nothing of that kind, and what they do decompress they do in the background,
// for which constructors cannot wait. The names are those of the LZMA specification (7-zip.org/sdk.html);
// literal context bits are 3, position bits are 0, as `scripts/build.mjs` asks for.

const LITERAL_CONTEXT_BITS = 3;

/** Where a state goes after a literal, a match, a repeated match and a single repeated byte. */
const afterLiteral = (state) => (state < 4 ? 0 : state < 10 ? state - 3 : state - 6);

/** Probabilities, each at one half. */
const even = (count) => new Uint16Array(count).fill(1024);

/** Lengths have a code of three ranges. */
const lengthCoder = () => ({ choice: even(2), low: even(8), mid: even(8), high: even(256) });

/** Decompresses `size` bytes that were compressed and written in base64. */
export function unpack(base64, size) {
  const input = Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0));
  const output = new Uint8Array(size);
  let at = 5;
  let range = 0xffffffff;
  let code = ((input[1] << 24) | (input[2] << 16) | (input[3] << 8) | input[4]) >>> 0;

  const normalize = () => {
    if (range < 0x1000000) {
      range = (range << 8) >>> 0;
      code = ((code << 8) | input[at++]) >>> 0;
    }
  };
  const bit = (model, index) => {
    const bound = (range >>> 11) * model[index];
    let value = 0;
    if (code < bound) {
      range = bound;
      model[index] += (2048 - model[index]) >> 5;
    } else {
      range -= bound;
      code -= bound;
      model[index] -= model[index] >> 5;
      value = 1;
    }
    normalize();
    return value;
  };
  const direct = (count) => {
    let value = 0;
    for (; count > 0; count -= 1) {
      range >>>= 1;
      const one = code >= range ? 1 : 0;
      if (one) code -= range;
      normalize();
      value = (value << 1) | one;
    }
    return value;
  };
  const tree = (model, bits, from = 0) => {
    let symbol = 1;
    for (let left = bits; left > 0; left -= 1) symbol = (symbol << 1) | bit(model, from + symbol);
    return symbol - (1 << bits);
  };
  const reverseTree = (model, bits, from = 0) => {
    let symbol = 1;
    let value = 0;
    for (let place = 0; place < bits; place += 1) {
      const one = bit(model, from + symbol);
      symbol = (symbol << 1) | one;
      value |= one << place;
    }
    return value;
  };
  const length = ({ choice, low, mid, high }) => {
    if (!bit(choice, 0)) return tree(low, 3);
    return bit(choice, 1) ? 16 + tree(high, 8) : 8 + tree(mid, 3);
  };

  const literals = even(0x300 << LITERAL_CONTEXT_BITS);
  const [isMatch, isRep, isRepG0, isRepG1, isRepG2, isRep0Long] = Array.from({ length: 6 }, () => even(12));
  const [lengths, repLengths] = [lengthCoder(), lengthCoder()];
  const slots = Array.from({ length: 4 }, () => even(64));
  const special = even(115);
  const align = even(16);
  const reps = [0, 0, 0, 0];
  let state = 0;
  let end = 0;

  const literal = () => {
    const before = end > 0 ? output[end - 1] : 0;
    const from = 0x300 * (before >> (8 - LITERAL_CONTEXT_BITS));
    let symbol = 1;
    if (state >= 7) {
      let match = output[end - reps[0] - 1];
      while (symbol < 0x100) {
        const wanted = (match >> 7) & 1;
        match <<= 1;
        const one = bit(literals, from + ((1 + wanted) << 8) + symbol);
        symbol = (symbol << 1) | one;
        if (wanted !== one) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | bit(literals, from + symbol);
    output[end++] = symbol;
    state = afterLiteral(state);
  };
  const distance = (matched) => {
    const slot = tree(slots[Math.min(matched, 3)], 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < 14) return base + reverseTree(special, bits, base - slot);
    return base + (direct(bits - 4) << 4) + reverseTree(align, 4);
  };
  /** Chooses one of the last four distances; true when it is for a single byte. */
  const repeated = () => {
    if (!bit(isRepG0, state)) return !bit(isRep0Long, state);
    const place = !bit(isRepG1, state) ? 1 : 2 + bit(isRepG2, state);
    reps.unshift(...reps.splice(place, 1));
    return false;
  };

  while (end < size) {
    if (!bit(isMatch, state)) {
      literal();
      continue;
    }
    let count = 1;
    if (bit(isRep, state)) {
      const single = repeated();
      if (!single) count = length(repLengths) + 2;
      state = state < 7 ? (single ? 9 : 8) : 11;
    } else {
      count = length(lengths);
      state = state < 7 ? 7 : 10;
      reps.unshift(distance(count));
      reps.pop();
      count += 2;
    }
    for (; count > 0; count -= 1, end += 1) output[end] = output[end - reps[0] - 1];
  }
  return output;
}
