import { EventEmitter } from './emitter.js';
import { needed } from './peer-errors.js';

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

  /** The same remote peer with the calls and events of the third seed. */
  get labelled() {
    return needed(this.#view.labelled);
  }

  /** Inbound streams by label. A new map each time. */
  get streams() {
    return this.labelled.streams;
  }

  /** Data channels by label. A new map each time. */
  get channels() {
    return this.labelled.channels;
  }

  openChannel(given) {
    this.labelled.open(given);
  }

  closeChannel(given) {
    this.labelled.close(given);
  }

  share(stream) {
    return this.labelled.share(stream);
  }

  unshare(stream) {
    return this.labelled.unshare(stream);
  }

  transfer(message, given) {
    return this.labelled.send(message, given);
  }

  /** Labels take part in what is told, without a listener that the application could count or take away. */
  emit(event, detail) {
    this.#view.labelled?.told(event, detail);
    return super.emit(event, detail);
  }

  toJSON() {
    return { id: this.id, state: this.state };
  }
}
