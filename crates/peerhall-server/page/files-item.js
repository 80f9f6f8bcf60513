// One file on its way, as the page shows it.

/** One file to or from one peer. `state` is `waits`, `moves`, `rests`, `paused`, `done` or `failed`. */
export class Item extends EventTarget {
  state = 'waits';
  /** Bytes that have arrived, by the word of the receiver. */
  moved = 0;
  /** Bytes per second, of late. */
  rate = 0;
  /** Milliseconds, where they are known. */
  left;
  /** Why it failed. */
  why = '';
  /** BLAKE3 of all of it, once both sides have found the same. */
  proof = '';

  constructor({ isOwn, peer, name, size }) {
    super();
    Object.assign(this, { isOwn, peer, name, size });
  }

  get isOver() {
    return this.state === 'done' || this.state === 'failed';
  }

  become(state, more = {}) {
    Object.assign(this, { state, ...more });
    this.dispatchEvent(new Event('changed'));
  }
}

/** How often a receiver shows how far it is. */
const SHOWN_EVERY_MS = 100;

/** Weight of the latest moments in the rate. */
const LATEST = 0.2;

/** Bytes per second over the last moments. */
export class Meter {
  #since = performance.now();
  #from;
  #rate = 0;

  constructor(from) {
    this.#from = from;
  }

  /** The rate, when it is time to show it. */
  at(moved) {
    const now = performance.now();
    const passed = now - this.#since;
    if (passed < SHOWN_EVERY_MS) return undefined;
    const latest = ((moved - this.#from) / passed) * 1_000;
    this.#rate = this.#rate > 0 ? this.#rate * (1 - LATEST) + latest * LATEST : latest;
    [this.#since, this.#from] = [now, moved];
    return this.#rate;
  }
}

/** Why something ended, in plain words. */
export const words = (error) => error?.reason || error?.message || String(error);

/** A name that nobody else has. A phone in the network of the server has no `randomUUID`, which is for secure pages. */
export const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
