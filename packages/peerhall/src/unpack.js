// The WebAssembly module travels packed, and as text: a fifth smaller than what a web server's gzip makes of it.
// Browsers unpack nothing of that kind, and what they do unpack they do in the background, for which constructors
// cannot wait.
//
// What is packed is a list of decisions, those of LZMA (7-zip.org/sdk.html, whose names are used here): whether bytes
// come that were there before, which and how many, or else which bits a new byte has. Each is expected to be what it
// mostly was before at the same place, and only surprises take room (range coding; G. N. N. Martin, 1979). Unlike LZMA,
// which does not know what it packs, a place here is one in WebAssembly's instructions.

/** Instructions that are looked at (WebAssembly core specification 2.0, section 5.4). */
const [BLOCK, LOOP, IF, END, BRANCH, BRANCH_TABLE, CALL_INDIRECT, DOUBLE, MEMORY] = [0x02, 0x03, 0x04, 0x0b, 0x0c, 0x0e, 0x11, 0x44, 0xfc];

/** Stand where a function begins and where its variables are declared; no instruction has these numbers. */
const [FUNCTION, VARIABLES] = [0x06, 0x07];

/** Instructions with one number behind them; those that load and store have two. */
const WITH_ONE = [BLOCK, LOOP, IF, BRANCH, 0x0d, BRANCH_TABLE, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3f, 0x40, 0x41, 0x42, MEMORY];
const [FIRST_LOAD, LAST_STORE] = [0x28, 0x3e];

/** Places in front of an instruction, in front of each byte of its numbers, and outside of functions. */
const [NUMBERS, OUTSIDE, PLACES] = [256, 1280, 1288];

/** Goes through a module byte by byte and says at which place it is then. Functions are from one byte to another. */
function follower(from, to) {
  const numbers = new Uint8Array(256).fill(2, FIRST_LOAD, LAST_STORE + 1);
  for (const instruction of WITH_ONE) numbers[instruction] = 1;
  [numbers[CALL_INDIRECT], numbers[DOUBLE]] = [2, 8];
  let at = 0;
  let instruction = FUNCTION;
  let left = 2;
  let depth = 0;
  const begin = (next, count) => {
    instruction = next;
    left = count;
  };
  return (byte) => {
    at += 1;
    if (at <= from || at > to) return at === from ? NUMBERS + 4 * FUNCTION : OUTSIDE + (byte >> 5);
    // The last byte of a number is below 128; a DOUBLE has eight bytes, whatever they are.
    const within = left > 0 && byte > 127 && instruction !== DOUBLE;
    if (left === 0) {
      begin(byte, numbers[byte]);
      if (byte === BLOCK || byte === LOOP || byte === IF) depth += 1;
      if (byte === END) depth -= 1;
    } else if (!within) {
      left -= 1;
      if (left === 0) {
        // The number says how many more there are.
        if (instruction === FUNCTION) begin(VARIABLES, 2 * byte);
        if (instruction === BRANCH_TABLE) begin(BRANCH, byte + 1);
        if (instruction === MEMORY) begin(CALL_INDIRECT, byte === 10 ? 2 : Number(byte === 11));
      }
    }
    if (depth < 0) {
      depth = 0;
      begin(FUNCTION, 2);
    }
    return left > 0 ? NUMBERS + 4 * instruction + 2 * (left > 1) + within : instruction;
  };
}

/** Where a state goes after a literal, a match, a repeated match and a single repeated byte. */
const afterLiteral = (state) => (state < 4 ? 0 : state < 10 ? state - 3 : state - 6);

/** What is expected of so many decisions. */
const expecting = (count) => ({ odds: new Float32Array(count), seen: new Uint8Array(count) });

/** Lengths have a code of three ranges. */
const lengthCoder = () => ({ choice: expecting(2), low: expecting(8), mid: expecting(8), high: expecting(256) });

/** Makes `size` bytes. `decide` is told how likely a decision is 1 and gives it. */
export function make({ size, from, to }, decide) {
  const output = new Uint8Array(size);
  const bit = ({ odds, seen }, index) => {
    const expected = seen[index] ? odds[index] : 0.5;
    const one = decide(expected);
    // The first ones count most, and none is forgotten faster than by one part in sixty.
    odds[index] = expected + (one - expected) / (seen[index] + 1.8);
    if (seen[index] < 60) seen[index] += 1;
    return one;
  };
  const tree = (model, bits, offset = 0) => {
    let symbol = 1;
    for (let left = bits; left > 0; left -= 1) symbol = (symbol << 1) | bit(model, offset + symbol);
    return symbol - (1 << bits);
  };
  const reverseTree = (model, bits, offset = 0) => {
    let symbol = 1;
    let value = 0;
    for (let place = 0; place < bits; place += 1) {
      const one = bit(model, offset + symbol);
      symbol = (symbol << 1) | one;
      value |= one << place;
    }
    return value;
  };
  const length = ({ choice, low, mid, high }) => {
    if (!bit(choice, 0)) return tree(low, 3);
    return bit(choice, 1) ? 16 + tree(high, 8) : 8 + tree(mid, 3);
  };

  const literals = expecting(0x300 * PLACES);
  const isMatch = expecting(12 * PLACES);
  const [isRep, isRepG0, isRepG1, isRepG2, isRep0Long] = Array.from({ length: 5 }, () => expecting(12));
  const [lengths, repLengths] = [lengthCoder(), lengthCoder()];
  const slots = Array.from({ length: 4 }, () => expecting(64));
  const special = expecting(115);
  const align = expecting(16);
  const reps = [0, 0, 0, 0];
  const follow = follower(from, to);
  let place = OUTSIDE;
  let state = 0;
  let end = 0;

  const put = (byte) => {
    output[end++] = byte;
    place = follow(byte);
  };
  const literal = () => {
    const offset = 0x300 * place;
    let symbol = 1;
    if (state >= 7) {
      let match = output[end - reps[0] - 1];
      while (symbol < 0x100) {
        const wanted = (match >> 7) & 1;
        match <<= 1;
        const one = bit(literals, offset + ((1 + wanted) << 8) + symbol);
        symbol = (symbol << 1) | one;
        if (wanted !== one) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | bit(literals, offset + symbol);
    put(symbol & 0xff);
    state = afterLiteral(state);
  };
  const distance = (matched) => {
    const slot = tree(slots[Math.min(matched, 3)], 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < 14) return base + reverseTree(special, bits, base - slot);
    let direct = 0;
    for (let left = bits - 4; left > 0; left -= 1) direct = (direct << 1) | decide(0.5);
    return base + (direct << 4) + reverseTree(align, 4);
  };
  /** Chooses one of the last four distances; true when it is for a single byte. */
  const repeated = () => {
    if (!bit(isRepG0, state)) return !bit(isRep0Long, state);
    const which = !bit(isRepG1, state) ? 1 : 2 + bit(isRepG2, state);
    reps.unshift(...reps.splice(which, 1));
    return false;
  };

  while (end < size) {
    if (!bit(isMatch, 12 * place + state)) {
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
    for (; count > 0; count -= 1) put(output[end - reps[0] - 1]);
  }
  return output;
}

/** Bytes of a text of printable ASCII without `"`, `<` and `\`: 36 of its units are for six bits, 56 for seven. */
function bytesOf(text) {
  const bytes = [];
  let held = 0;
  let count = 0;
  for (let place = 0; place < text.length; place += 1) {
    const unit = text.charCodeAt(place);
    const rank = unit - 32 - (unit > 34) - (unit > 60) - (unit > 92);
    const wide = rank > 35;
    held = wide ? (held << 7) | (rank + 36) : (held << 6) | rank;
    count += wide ? 7 : 6;
    if (count > 7) {
      count -= 8;
      bytes.push((held >> count) & 255);
    }
  }
  return bytes;
}

/**
 * The part of a range that belongs to a decision's being 1: from its low end up to what this gives. It is never all of
 * it, because what is expected comes no nearer to 1 than 0.999998: steps beyond are too small for single precision.
 */
export const split = (low, high, odds) => low + Math.floor((high - low) * odds);

/** The bytes that `scripts/pack.mjs` packed. */
export function unpack(packed) {
  const bytes = bytesOf(packed.text);
  let [low, high, code, at] = [0, 0xffffffff, 0, 0];
  const read = () => (code = ((code << 8) | bytes[at++]) >>> 0);
  while (at < 4) read();
  return make(packed, (odds) => {
    const middle = split(low, high, odds);
    const one = code > middle ? 0 : 1;
    if (one) high = middle;
    else low = middle + 1;
    while ((low ^ high) >>> 24 === 0) {
      low = (low << 8) >>> 0;
      high = ((high << 8) | 255) >>> 0;
      read();
    }
    return one;
  });
}
