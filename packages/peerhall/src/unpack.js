// The WebAssembly module travels packed, and as text (`crates/peerhall-unpack`, which is WebAssembly as well, unpacks it).

/** Bytes of a text: `>` and what follows in ASCII stand for those below 64, behind `#`, `$` and `%` for those above. */
function bytesOf(text) {
  const bytes = [];
  let above = 0;
  for (const unit of text) {
    const code = unit.charCodeAt(0);
    if (code > 61) bytes.push(above + code - 62);
    above = code > 61 ? 0 : 64 * (code - 34);
  }
  return new Uint8Array(bytes);
}

/** The bytes that `scripts/pack.mjs` packed. `unpacker` is the module that does it, as text. */
export function unpack({ text, size, from, to }, unpacker) {
  const { memory, u: make } = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(unpacker))).exports;
  const at = memory.grow((text.length + size + 65535) >> 16) << 16;
  const room = new Uint8Array(memory.buffer, at);
  for (let place = 0; place < text.length; place += 1) room[place] = text.charCodeAt(place);
  make(at, text.length, size, from, to);
  return room.subarray(text.length, text.length + size);
}
