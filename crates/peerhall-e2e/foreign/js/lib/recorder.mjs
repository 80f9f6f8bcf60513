// Keeps every event of an emitter, so that a test can wait for one that may have come already.

import { inspect } from 'node:util';
import { pause } from './run.mjs';

/** What a wait allows by default; far above anything a healthy server needs. */
const PATIENCE_MS = 15_000;

export class Recorder {
  #entries = [];
  #waiters = new Set();

  /** Records the events `names` of `emitter`, an object with `on(name, handler)`. */
  constructor(emitter, names) {
    for (const name of names) emitter.on(name, (payload) => this.#add(name, payload));
  }

  #add(name, payload) {
    this.#entries.push({ name, payload, at: Date.now() });
    for (const waiter of this.#waiters) waiter();
  }

  /** Every recorded payload of event `name` that `where` accepts, oldest first. */
  all(name, where = () => true) {
    return this.#entries.filter((e) => e.name === name && where(e.payload)).map((e) => e.payload);
  }

  /** Names of the recorded events in the order they came. */
  order() {
    return this.#entries.map((entry) => entry.name);
  }

  clear() {
    this.#entries = [];
  }

  /** The first payload of `name` that `where` accepts, recorded already or still to come. */
  wait(name, where = () => true, patience = PATIENCE_MS) {
    return this.waitCount(name, 1, where, patience).then((payloads) => payloads[0]);
  }

  /** Resolves with the payloads once there are `count` of them. */
  waitCount(name, count, where = () => true, patience = PATIENCE_MS) {
    return new Promise((resolve, reject) => {
      const done = (settle) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle();
      };
      const look = () => {
        const found = this.all(name, where);
        if (found.length >= count) done(() => resolve(found));
      };
      const late = () => {
        const seen = inspect(this.#entries.slice(-12), { depth: 4, breakLength: 200 });
        reject(new Error(`no '${name}' (${count}) as expected in ${patience} ms; seen: ${seen}`));
      };
      const timer = setTimeout(() => done(late), patience);
      this.#waiters.add(look);
      look();
    });
  }

  /** Fails when an event `name` that `where` accepts is recorded before `ms` have passed. */
  async silence(name, ms, where = () => true) {
    const before = this.all(name, where).length;
    await pause(ms);
    const now = this.all(name, where);
    if (now.length > before) {
      throw new Error(`'${name}' came where silence was due: ${inspect(now.slice(before))}`);
    }
  }
}
