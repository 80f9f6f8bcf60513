// Messages as bytes: what kind they are, how long, and their bytes piece by piece.

/** Member of a message's info that belongs to the layer, not to the application. */
const RESERVED = '__peerhall';

/** What a message is, for the engine, and a source of its bytes. */
export function described(message, info) {
  const { source, ...what } = sort(message);
  const { name, type } = message instanceof Blob ? message : {};
  const file = message instanceof Blob && name !== undefined
    ? { name, size: message.size, changed: message.lastModified }
    : undefined;
  return { source, request: { ...what, file, info: written(info, name, type) } };
}

/** What goes along, as JSON; without what belongs to the layer, but for a blob's name and type. */
function written(info, name, type) {
  const { [RESERVED]: _, ...own } = info ?? {};
  const all = name || type ? { ...own, [RESERVED]: { name: name ?? null, mime: type || null } } : own;
  const text = JSON.stringify(all);
  return text === '{}' ? '' : text;
}

/** What an application gets of what went along. */
export function own(info) {
  if (!info) return undefined;
  const { [RESERVED]: _, ...rest } = info;
  return Object.keys(rest).length > 0 ? rest : undefined;
}

function sort(message) {
  if (typeof message === 'string') return inMemory('text', new TextEncoder().encode(message));
  if (message instanceof Blob) return { kind: 'blob', total: message.size, source: new BlobSource(message) };
  if (message instanceof ArrayBuffer) return inMemory('bytes', new Uint8Array(message));
  if (ArrayBuffer.isView(message)) {
    return inMemory('bytes', new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
  }
  if (message instanceof ReadableStream) return { kind: 'bytes', source: new StreamSource(message.getReader()) };
  // JSON has no word for `undefined`.
  return inMemory('json', new TextEncoder().encode(JSON.stringify(message) ?? 'null'));
}

const inMemory = (kind, bytes) => ({ kind, total: bytes.length, source: new MemorySource(bytes) });

/** Bytes in memory. */
class MemorySource {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  read(count) {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += bytes.length;
    return { bytes, last: this.#at >= this.#bytes.length };
  }

  rewind() {
    this.#at = 0;
    return true;
  }

  end() {}
}

/** A blob or file, of which only a piece is in memory. */
class BlobSource {
  #blob;
  #at = 0;

  constructor(blob) {
    this.#blob = blob;
  }

  async read(count) {
    const [from, to] = [this.#at, Math.min(this.#at + count, this.#blob.size)];
    this.#at = to;
    const bytes = new Uint8Array(await this.#blob.slice(from, to).arrayBuffer());
    return { bytes, last: to >= this.#blob.size };
  }

  rewind() {
    this.#at = 0;
    return true;
  }

  end() {}
}

/** A stream of unknown length, which cannot begin anew. What of a chunk is not wanted yet waits here. */
class StreamSource {
  #reader;
  #rest = new Uint8Array();

  constructor(reader) {
    this.#reader = reader;
  }

  async read(count) {
    if (this.#rest.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return { bytes: this.#rest, last: true };
      this.#rest = viewed(value);
    }
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(bytes.length);
    return { bytes, last: false };
  }

  rewind() {
    return false;
  }

  /** Nothing more is read; a stream that was not read to its end is told why. */
  end(error) {
    this.#rest = new Uint8Array();
    if (error) this.#reader.cancel(error).catch(() => {});
  }
}

function viewed(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError('a stream that is sent gives bytes');
}

/** Bytes that a slow receiver may lag behind a fast one of the same stream. */
const LAG = 1_048_576;

/** One stream for several receivers, read once: no faster than the slowest of them. */
export function shared(stream, count) {
  const reader = stream.getReader();
  const branches = Array.from({ length: count }, () => ({ queue: [], waiting: 0, over: false, wake: undefined }));
  let ended;
  let reading = false;
  const wake = () => branches.forEach((branch) => branch.wake?.());
  const pull = async () => {
    if (reading || ended || branches.some(({ over, waiting }) => !over && waiting > LAG)) return;
    reading = true;
    try {
      const { value, done } = await reader.read();
      if (done) ended = {};
      else {
        const bytes = viewed(value);
        for (const branch of branches.filter(({ over }) => !over)) {
          branch.queue.push(bytes);
          branch.waiting += bytes.length;
        }
      }
    } catch (error) {
      ended = { error };
    }
    reading = false;
    wake();
  };
  return branches.map((branch) => new ReadableStream({
    async pull(controller) {
      while (branch.queue.length === 0 && !ended) {
        const woken = new Promise((resolve) => (branch.wake = resolve));
        pull();
        await woken;
      }
      const bytes = branch.queue.shift();
      if (bytes) {
        branch.waiting -= bytes.length;
        controller.enqueue(bytes);
        wake();
      } else if (ended.error) controller.error(ended.error);
      else controller.close();
    },
    cancel(reason) {
      branch.over = true;
      branch.queue = [];
      wake();
      if (branches.every(({ over }) => over)) return reader.cancel(reason);
      return undefined;
    },
  }, { highWaterMark: 0 }));
}
