import { EventEmitter } from './emitter.js';

/**
 * Somebody else in the channel; made by a `MeteredPeer` (sdk-behaviour, section 5). `view` is what is known of
 * it and is kept up to date by its maker, `calls` is what it can do.
 */
export class RemotePeer extends EventEmitter {
  #view;
  #calls;

  constructor(view, calls) {
    super();
    this.#view = view;
    this.#calls = calls;
  }

  get id() {
    return this.#view.id;
  }

  get metadata() {
    return this.#view.metadata;
  }

  get state() {
    return this.#view.state;
  }

  get polite() {
    return this.#view.polite;
  }

  get pc() {
    return this.#view.link?.pc;
  }

  async send(data) {
    return this.#calls.send(data);
  }

  /** Looks for a new path while data goes on flowing over the present one. */
  restartIce() {
    this.#calls.restartIce();
  }

  toJSON() {
    return { id: this.id, state: this.state };
  }
}
