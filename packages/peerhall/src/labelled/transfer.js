// Messages on their way out: a stream of how far they are, and a promise of their arrival.

import { BroadcastError } from './errors.js';

/**
 * A stream of progress that keeps the newest only, and a promise; the two do not exclude each other. Who stops reading
 * the stream does not stop the message.
 */
class Progress extends ReadableStream {
  #latest = new Map();
  #wake;
  #watch;
  #over;
  #settled;
  #resolve;
  #reject;

  constructor() {
    super({ pull: (controller) => this.#pull(controller) }, { highWaterMark: 0 });
    this.#settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not wait for the end does not want to know how it was.
    this.#settled.catch(() => {});
  }

  then(...handlers) {
    return this.#settled.then(...handlers);
  }

  catch(handler) {
    return this.#settled.catch(handler);
  }

  finally(handler) {
    return this.#settled.finally(handler);
  }

  /** Has items shown to somebody else, too. */
  watch(watch) {
    this.#watch = watch;
  }

  /** Shows an item; one of the same receiver that nobody has read gives way. */
  show(item) {
    this.#watch?.(item);
    this.#latest.delete(item.id);
    this.#latest.set(item.id, item);
    this.#wake?.();
  }

  succeed(value) {
    this.#over = {};
    this.#resolve(value);
    this.#wake?.();
  }

  fail(error) {
    this.#over = { error };
    this.#reject(error);
    this.#wake?.();
  }

  async #pull(controller) {
    while (this.#latest.size === 0 && !this.#over) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    const [next] = this.#latest;
    if (next) {
      this.#latest.delete(next[0]);
      controller.enqueue(next[1]);
    } else if ('error' in this.#over) controller.error(this.#over.error);
    else controller.close();
  }
}

/** A message to one peer; resolves to `{bytes, proof}` when the receiver has read it and its proof is right. */
export class Transfer extends Progress {
  #calls;

  /** `calls` are those of the layer: `abort(reason)` and `pause(paused)`. */
  constructor(calls) {
    super();
    this.#calls = calls;
  }

  /** Gives it up; the receiver learns of it at once. */
  abort(reason) {
    this.#calls.abort(reason);
  }

  /** Holds it back; the receiver goes on waiting. */
  pause() {
    this.#calls.pause(true);
  }

  /** Goes on with it. */
  resume() {
    this.#calls.pause(false);
  }
}

/** A message to several peers; resolves to a list of `{id, receipt}`, and rejects when it did not reach all. */
export class Broadcast extends Progress {
  /** The message to each, by the peer's id. */
  transfers;

  constructor(transfers) {
    super();
    this.transfers = new Map(transfers);
    this.#follow();
  }

  /** Gives it up for all. */
  abort(reason) {
    for (const transfer of this.transfers.values()) transfer.abort(reason);
  }

  async #follow() {
    const results = await Promise.all([...this.transfers].map(([id, transfer]) => {
      transfer.watch((item) => this.show(item));
      return transfer.then((receipt) => ({ id, receipt }), (error) => ({ id, error }));
    }));
    if (results.every(({ error }) => !error)) this.succeed(results);
    else this.fail(new BroadcastError(results));
  }
}
