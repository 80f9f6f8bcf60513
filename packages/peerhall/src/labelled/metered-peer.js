import { MeteredPeer as PlainPeer, layers } from '../metered-peer.js';
import { Layer } from './layer.js';
import { Room } from './room.js';

/** Bytes that are put together for a promise (labelled-peer, section 7.4). */
const COLLECT_LIMIT = 64 * 1_048_576;

/** A member of one channel, with labels beside everything that such a member has: `send` goes through the server. */
export class MeteredPeer extends PlainPeer {
  constructor({ collectLimit = COLLECT_LIMIT, ...options }) {
    if (!(collectLimit >= 0)) throw new TypeError('collectLimit must be a number of at least 0');
    const emit = (event, detail) => this.emit(event, detail);
    super({ ...options, labelled: true, layer: (engine, link) => new Layer(engine, link, collectLimit, emit) });
  }

  /** The same peer with the calls and events of the third seed. */
  get labelled() {
    return layers.get(this).room ?? new Room(this);
  }

  openChannel(given) {
    layers.get(this).open(given);
  }

  closeChannel(given) {
    layers.get(this).close(given);
  }

  share(stream) {
    return layers.get(this).shares.share(stream);
  }

  unshare(stream) {
    return layers.get(this).shares.unshare(stream);
  }

  transfer(message, given) {
    return layers.get(this).send(message, given);
  }
}
