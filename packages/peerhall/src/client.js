import { EventEmitter } from './emitter.js';
import { Engine } from './engine.js';
import { CLASSES } from './errors.js';
import { plain } from './json.js';

/** One connection to the server, and the channels that are held over it (sdk-behaviour, section 3). */
export class SignallingClient {
  #engine;
  #events;
  #state = 'idle';

  constructor(options) {
    this.#engine = new Engine(options, { classes: CLASSES, outputs: { emit: (output) => this.#emit(output) } });
    const { logger } = this.#engine;
    this.#events = new EventEmitter({
      onListenerError: (error, event) => logger.error('listener threw', { error, event }),
      onListenerWarn: (message, context) => logger.warn(message, context),
    });
  }

  get state() {
    return this.#state;
  }

  async connect() {
    return this.#engine.ask({ do: 'connect' });
  }

  async close(code = 1000, reason = 'client requested close') {
    return this.#engine.ask({ do: 'close', code, reason });
  }

  async subscribe(channel, { includeSenderMetadata = false } = {}) {
    return this.#engine.ask({ do: 'subscribe', channel, includeSenderMetadata });
  }

  async unsubscribe(channel) {
    return this.#engine.ask({ do: 'unsubscribe', channel });
  }

  async publish(channel, data) {
    return this.#engine.ask({ do: 'publish', channel, data: plain(data) });
  }

  async send(toPeerId, data) {
    return this.#engine.ask({ do: 'send', to: toPeerId, data: plain(data) });
  }

  on(event, handler) {
    this.#events.on(event, handler);
    return this;
  }

  off(event, handler) {
    this.#events.off(event, handler);
    return this;
  }

  once(event, handler) {
    this.#events.once(event, handler);
    return this;
  }

  toJSON() {
    return { state: this.#state };
  }

  #emit({ event, detail, error }) {
    if (event === 'state-change') this.#state = detail.to;
    if (error) detail.err = this.#engine.error(error);
    this.#events.emit(event, detail);
  }
}
