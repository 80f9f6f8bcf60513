// Messages on their way in: a stream of their bytes, and a promise of what they were before they became bytes.

import { LabelledError } from './errors.js';

/** Bytes of a blob that are put together at a time, so that the browser may keep them outside of memory. */
const PART = 4 * 1_048_576;

/** Bytes that are read before the sender's side is told, unless they are the last; that tells the sender no sooner. */
const READ_STEP = 262_144;

/**
 * A message that comes. Its bytes wait with the sender until they are read here, but for 1 MiB for each label. It is
 * read as a stream of `Uint8Array`, or awaited as what it was.
 */
export class Incoming extends ReadableStream {
  #offer;
  #calls;
  #limit;
  #chunks = [];
  /** Bytes that were read and not told. */
  #read = 0;
  #end;
  #wake;
  #accepted;
  #receipt;
  #whole;

  /** `calls` are those of the layer; `limit` is how many bytes are put together for a promise. */
  constructor(offer, calls, limit) {
    super({ pull: (controller) => this.#pull(controller), cancel: (reason) => this.#cancel(reason) }, { highWaterMark: 0 });
    this.#offer = offer;
    this.#calls = calls;
    this.#limit = limit;
    this.#accepted = !offer.waits;
  }

  /** `text`, `json`, `blob` or `bytes`. */
  get kind() {
    return this.#offer.kind;
  }

  /** Its bytes; undefined for a stream of unknown length. */
  get total() {
    return this.#offer.total;
  }

  /** Name of a file, made safe: one part of a path, on every system. */
  get fileName() {
    return this.#offer.fileName;
  }

  /** MIME type of a blob, by the word of the sender. */
  get mimeType() {
    return this.#offer.mimeType;
  }

  /** What it is a copy of, by the word of the sender: a later attempt has the same. */
  get content() {
    return this.#offer.content;
  }

  /** `{bytes, proof}` once all of it is here. */
  get receipt() {
    return this.#receipt;
  }

  /** Goes on after what an earlier attempt has left here; only before reading, and only when there is `content`. */
  async goOn(blob) {
    if (this.#accepted) throw new LabelledError('begun', 'the message has begun to come');
    this.#accepted = true;
    for (let at = 0; at < blob.size; at += PART) {
      this.#calls.had(new Uint8Array(await blob.slice(at, at + PART).arrayBuffer()));
    }
    this.#calls.accept();
  }

  /** Does not want it, or no more of it; the sender learns of it at once. */
  reject(reason) {
    this.#calls.cancel(String(reason ?? ''));
  }

  then(...handlers) {
    this.#whole ??= this.#collect();
    return this.#whole.then(...handlers);
  }

  catch(handler) {
    return this.then(undefined, handler);
  }

  finally(handler) {
    return this.then().finally(handler);
  }

  /** Bytes came. */
  push(bytes) {
    this.#chunks.push(bytes);
    this.#wake?.();
  }

  /** All bytes came, or no more come: `{receipt}` or `{error}`. */
  over(end) {
    this.#end ??= end;
    this.#receipt = this.#end.receipt;
    this.#tell();
    this.#wake?.();
  }

  async #pull(controller) {
    if (!this.#accepted) {
      this.#accepted = true;
      this.#calls.accept();
    }
    while (this.#chunks.length === 0 && !this.#end) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    const chunk = this.#chunks.shift();
    if (chunk) {
      controller.enqueue(chunk);
      this.#read += chunk.length;
      this.#tell();
    } else if (this.#end.error) controller.error(this.#end.error);
    else controller.close();
  }

  /** Tells what was read when it is enough, or all. */
  #tell() {
    const isAll = this.#end && this.#chunks.length === 0;
    if (this.#read === 0 || (this.#read < READ_STEP && !isAll)) return;
    this.#calls.read(this.#read);
    this.#read = 0;
  }

  #cancel(reason) {
    this.#chunks = [];
    if (!this.#end) this.#calls.cancel(reason instanceof Error ? reason.message : String(reason ?? ''));
  }

  async #collect() {
    const reader = this.getReader();
    let [parts, held, size] = [[], 0, 0];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > this.#limit) {
        const error = new LabelledError('too_large', `the message has more than ${this.#limit} bytes`);
        await reader.cancel(error);
        throw error;
      }
      parts.push(value);
      held += value.length;
      if (this.kind === 'blob' && held >= PART) [parts, held] = [[new Blob(parts)], 0];
    }
    return this.#typed(parts, size);
  }

  #typed(parts, size) {
    if (this.kind === 'blob') return new Blob(parts, { type: this.mimeType ?? '' });
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    if (this.kind === 'bytes') return bytes.buffer;
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return this.kind === 'json' ? JSON.parse(text) : text;
  }
}
