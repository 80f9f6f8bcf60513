// What the scripts know of WebAssembly's binary format (WebAssembly core specification 2.0, section 5).

/** Ids of sections. */
const [CUSTOM, IMPORT, EXPORT, CODE, DATA] = [0, 2, 7, 10, 11];

/** The kind of an export that is a variable. */
const GLOBAL = 3;

/** Behind the magic number and the version. */
const FIRST_SECTION = 8;

/** A number as the format writes it (LEB128). */
export function written(number) {
  const bytes = [];
  for (let rest = number; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}

/** Reads from a place on, which moves. */
class Reader {
  constructor(wasm, at) {
    this.wasm = wasm;
    this.at = at;
  }

  byte() {
    return this.wasm[this.at++];
  }

  number() {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  text() {
    const length = this.number();
    this.at += length;
    return this.wasm.toString('utf8', this.at - length, this.at);
  }

  /** So many of what `read` reads. */
  list(read) {
    return Array.from({ length: this.number() }, read);
  }
}

/** All sections in their order: `begin` is where the header is, `from` and `end` are those of the content. */
function* sections(wasm) {
  for (let begin = FIRST_SECTION; begin < wasm.length; ) {
    const reader = new Reader(wasm, begin);
    const id = reader.byte();
    const length = reader.number();
    yield { id, begin, from: reader.at, end: reader.at + length };
    begin = reader.at + length;
  }
}

/** All functions that are not imported, in their order: name, and where the body is. */
export function functions(wasm) {
  let imported = 0;
  let bodies = [];
  const names = new Map();
  for (const { id, from, end } of sections(wasm)) {
    const reader = new Reader(wasm, from);
    // Nothing but functions is imported.
    if (id === IMPORT) imported = reader.number();
    else if (id === CODE) {
      bodies = reader.list(() => {
        const length = reader.number();
        reader.at += length;
        return { from: reader.at - length, end: reader.at };
      });
    } else if (id === CUSTOM && reader.text() === 'name') {
      while (reader.at < end) {
        const [kind, length] = [reader.byte(), reader.number()];
        const next = reader.at + length;
        if (kind === 1) reader.list(() => names.set(reader.number(), reader.text()));
        reader.at = next;
      }
    }
  }
  return bodies.map((body, place) => ({ ...body, name: names.get(imported + place) ?? '' }));
}

/** Where functions are: from one byte to another. */
export function code(wasm) {
  const bodies = functions(wasm);
  const section = [...sections(wasm)].find(({ id }) => id === CODE);
  return { from: section.from + written(bodies.length).length, to: section.end };
}

/** Bytes of the section with texts and tables. */
export function dataLength(wasm) {
  for (const { id, from, end } of sections(wasm)) {
    if (id === DATA) return end - from;
  }
  return 0;
}

/** Pieces of memory that are there from the start: `address` is where they come to lie, `from` and `end` where they are. */
export function data(wasm) {
  for (const { id, from } of sections(wasm)) {
    if (id !== DATA) continue;
    const reader = new Reader(wasm, from);
    return reader.list(() => {
      // Flags 0, `i32.const`, address, `end`.
      if (reader.number() !== 0 || reader.byte() !== 0x41) throw new Error('a kind of data that is not known here');
      const address = reader.number();
      reader.byte();
      const length = reader.number();
      reader.at += length;
      return { address, from: reader.at - length, end: reader.at };
    });
  }
  return [];
}

/** The module without the variables that the linker exports and nobody reads. */
export function withoutGlobals(wasm) {
  const parts = [wasm.subarray(0, FIRST_SECTION)];
  for (const { id, begin, from, end } of sections(wasm)) {
    if (id !== EXPORT) {
      parts.push(wasm.subarray(begin, end));
      continue;
    }
    const reader = new Reader(wasm, from);
    const exported = reader.list(() => {
      const start = reader.at;
      reader.text();
      const kind = reader.byte();
      reader.number();
      return kind === GLOBAL ? null : wasm.subarray(start, reader.at);
    }).filter(Boolean);
    const content = Buffer.concat([Buffer.from(written(exported.length)), ...exported]);
    parts.push(Buffer.from([EXPORT, ...written(content.length)]), content);
  }
  return Buffer.concat(parts);
}

/** The module with the bodies of its functions as `body` gives them: bytes for each of `functions`. */
export function withBodies(wasm, body) {
  const bodies = functions(wasm).map((known) => {
    const bytes = body(known);
    return [Buffer.from(written(bytes.length)), bytes];
  });
  const parts = [wasm.subarray(0, FIRST_SECTION)];
  for (const { id, begin, end } of sections(wasm)) {
    if (id !== CODE) {
      parts.push(wasm.subarray(begin, end));
      continue;
    }
    const content = Buffer.concat([Buffer.from(written(bodies.length)), ...bodies.flat()]);
    parts.push(Buffer.from([CODE, ...written(content.length)]), content);
  }
  return Buffer.concat(parts);
}
