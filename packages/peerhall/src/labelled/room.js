import { GroupEmitter } from './emitter.js';
import { layerOf } from './layer.js';
import { MeteredPeer } from './metered-peer.js';

/** A member of a room, with labelled streams and channels to everybody in it (labelled-peer, section 2.1). */
export class Room extends GroupEmitter {
  #peer;
  #layer;

  /** `given` is what a peer is made with, or a peer with labels that has no room yet. */
  constructor(given) {
    super();
    this.#peer = layerOf(given) ? given : new MeteredPeer(given);
    this.#layer = layerOf(this.#peer);
    this.#layer.room = this;
    this.#peer.on('error', ({ err: { name, message } }) => {
      this.hear('error', 'error', { id: this.id, name: 'error', error: { name, message, code: 'SIGNALING_ERROR' } });
    });
  }

  /** The same peer under the calls and events of the entry `peerhall`, which sends through the server. */
  get peer() {
    return this.#peer;
  }

  get active() {
    return this.#peer.state === 'joined' || this.#peer.state === 'reconnecting';
  }

  get id() {
    return this.#peer.peerId;
  }

  get room() {
    return this.#peer.channel;
  }

  /** Who is here, by id. A new map each time. */
  get connections() {
    return new Map(this.#layer.remotes.map((remote) => [remote.id, remote]));
  }

  /** What is shared with everybody, by label. A new map each time. */
  get streams() {
    return this.#layer.shares.labels;
  }

  /** What is opened with everybody, by label. A new map each time. */
  get channels() {
    return new Map(this.#layer.opened);
  }

  /** Joins a room. Does nothing when it is in one. */
  async join(given) {
    if (this.active) return;
    const { room = 'default' } = typeof given === 'string' ? { room: given } : given ?? {};
    await this.#peer.join(room);
  }

  /** Leaves for good. */
  async leave() {
    await this.#peer.close('left');
  }

  share(stream) {
    return this.#peer.share(stream);
  }

  unshare(stream) {
    return this.#peer.unshare(stream);
  }

  open(given) {
    this.#peer.openChannel(given);
  }

  close(given) {
    this.#peer.closeChannel(given);
  }

  send(message, given) {
    return this.#peer.transfer(message, given);
  }

  toJSON() {
    const { id, room, active } = this;
    return { id, room, active, connections: [...this.connections.keys()], streams: [...this.streams.keys()], channels: [...this.channels.keys()] };
  }

  /** Shows an event; says whether somebody has seen it. */
  hear(group, name, event) {
    return [this.emit(group, event), this.emit(`${group}:${name}`, event)].includes(true);
  }
}
