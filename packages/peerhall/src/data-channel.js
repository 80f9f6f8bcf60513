import { EventEmitter } from './emitter.js';
import { utf8Bytes } from './json.js';

/** How often a full buffer is looked at: browsers tell only when it crosses the low mark. */
const RECHECK_MS = 100;

/** Too many sends wait. */
export class DataChannelOverflowError extends Error {
  name = 'DataChannelOverflowError';

  constructor(queued, cap) {
    super(`${queued} sends wait already, ${cap} may`);
    this.queued = queued;
    this.cap = cap;
  }
}

/** A data channel that does not let its buffer grow without end (sdk-behaviour, section 7). */
export class DataChannel extends EventEmitter {
  #raw;
  #ceiling;
  #mostQueued;
  #queued = 0;
  #last = Promise.resolve();
  #over = false;
  #wakes = new Set();
  #listeners;

  constructor(channel, { maxBufferedAmount = 1_048_576, bufferedAmountLowThreshold = maxBufferedAmount / 2, maxQueuedSends = 256 } = {}) {
    super();
    const fits = maxBufferedAmount > 0 && bufferedAmountLowThreshold >= 1 && bufferedAmountLowThreshold <= maxBufferedAmount;
    if (!fits || !(maxQueuedSends >= 1)) {
      throw new TypeError('a data channel needs a ceiling above 0, a low mark of 1 up to the ceiling, and room for 1 send');
    }
    this.#raw = channel;
    this.#ceiling = maxBufferedAmount;
    this.#mostQueued = maxQueuedSends;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = bufferedAmountLowThreshold;
    this.#listeners = Object.entries({
      open: () => this.emit('open'),
      close: () => this.#end(true),
      error: (event) => this.emit('error', { err: event?.error ?? new Error('the data channel failed') }),
      message: ({ data }) => this.emit('message', { data }),
      bufferedamountlow: () => this.#wake(),
    });
    for (const [type, listener] of this.#listeners) channel.addEventListener(type, listener);
  }

  get label() {
    return this.#raw.label;
  }

  get readyState() {
    return this.#raw.readyState;
  }

  get bufferedAmount() {
    return this.#raw.bufferedAmount;
  }

  /** Sends in order; waits while too much waits to go out. One that fails does not fail the next. */
  async send(data) {
    this.#mustBeOpen();
    if (this.#queued >= this.#mostQueued) throw new DataChannelOverflowError(this.#queued, this.#mostQueued);
    const size = typeof data === 'string' ? utf8Bytes(data) : data.byteLength;
    if (!(size <= this.#ceiling)) {
      throw new RangeError(`${size} bytes never fit into a buffer of ${this.#ceiling}`);
    }
    this.#queued += 1;
    const turn = this.#last.then(() => this.#sendNow(data, size));
    this.#last = turn.then(() => {}, () => {});
    try {
      await turn;
    } finally {
      this.#queued -= 1;
    }
  }

  /** Closes the channel; sends that wait fail, and nothing is told any more. */
  close() {
    if (this.#over) return;
    this.#end(false);
    this.#raw.close();
  }

  async #sendNow(data, size) {
    this.#mustBeOpen();
    while (this.#raw.bufferedAmount + size > this.#ceiling) {
      await this.#room();
      this.#mustBeOpen();
    }
    this.#raw.send(data);
  }

  #mustBeOpen() {
    if (this.#over || this.#raw.readyState !== 'open') throw new Error(`the data channel is ${this.#over ? 'closed' : this.#raw.readyState}`);
  }

  #room() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RECHECK_MS);
      this.#wakes.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake() {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }

  #end(told) {
    this.#over = true;
    for (const [type, listener] of this.#listeners) this.#raw.removeEventListener(type, listener);
    this.#wake();
    if (told) this.emit('close');
    this.removeAllListeners();
  }
}
