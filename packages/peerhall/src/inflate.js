// The WebAssembly module travels compressed and as text (RFC 1951, RFC 4648). Browsers decompress in the
// background only, and constructors cannot wait.

const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Canonical Huffman codes of these lengths: how many there are of each, and the symbols in order. */
function table(lengths) {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length] += 1;
  counts[0] = 0;
  const offsets = new Uint16Array(16);
  for (let length = 1; length < 15; length += 1) offsets[length + 1] = offsets[length] + counts[length];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[offsets[length]++] = symbol;
  });
  return { counts, symbols };
}

/** Decompresses `size` bytes that were compressed and written in base64. */
export function inflate(base64, size) {
  const input = Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0));
  const output = new Uint8Array(size);
  let at = 0;
  let end = 0;
  let held = 0;
  let bits = 0;

  const take = (count) => {
    while (bits < count) {
      held |= input[at++] << bits;
      bits += 8;
    }
    const value = held & ((1 << count) - 1);
    held >>>= count;
    bits -= count;
    return value;
  };
  const symbol = ({ counts, symbols }) => {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; ; length += 1) {
      code |= take(1);
      const count = counts[length];
      if (code - count < first) return symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
  };
  const tables = () => {
    const counts = [take(5) + 257, take(5) + 1];
    const meta = new Array(19).fill(0);
    for (let left = take(4) + 4, place = 0; place < left; place += 1) meta[ORDER[place]] = take(3);
    const code = table(meta);
    const lengths = [];
    while (lengths.length < counts[0] + counts[1]) {
      const found = symbol(code);
      if (found < 16) lengths.push(found);
      else if (found === 16) repeat(lengths, lengths[lengths.length - 1], take(2) + 3);
      else repeat(lengths, 0, found === 17 ? take(3) + 3 : take(7) + 11);
    }
    return [table(lengths.slice(0, counts[0])), table(lengths.slice(counts[0]))];
  };
  const block = ([literals, distances]) => {
    for (;;) {
      const found = symbol(literals);
      if (found === 256) return;
      if (found < 256) {
        output[end++] = found;
        continue;
      }
      const extra = found < 265 || found === 285 ? 0 : (found - 261) >> 2;
      const length = LENGTHS[found - 257] + take(extra);
      const far = symbol(distances);
      const distance = DISTANCES[far] + take(far < 4 ? 0 : (far - 2) >> 1);
      for (let left = length; left > 0; left -= 1, end += 1) output[end] = output[end - distance];
    }
  };

  // The build asks for blocks with codes of their own; there are no others.
  for (let last = 0; !last; ) {
    last = take(1);
    if (take(2) !== 2) throw new Error('the WebAssembly module of this package is damaged');
    block(tables());
  }
  return output;
}

function repeat(list, value, count) {
  for (let left = count; left > 0; left -= 1) list.push(value);
}
