import { MeteredPeer } from '../metered-peer.js';
import { GroupEmitter } from './emitter.js';
import { RemotePeer, channelOf, sendingOf } from './remote-peer.js';
import { SharedMedia, Shares } from './shares.js';
import { Side } from './side.js';
import { shared } from './sources.js';
import { Broadcast } from './transfer.js';

/** Bytes that are put together for a promise (labelled-peer, section 7.4). */
const COLLECT_LIMIT = 64 * 1_048_576;

/** A member of a room, with labelled streams and channels to everybody in it (labelled-peer, section 2.1). */
export class Room extends GroupEmitter {
  #peer;
  #engine;
  #link;
  #collectLimit;
  #media = new SharedMedia();
  #shares;
  #remotes = new Map();
  #opened = new Map();

  constructor({ collectLimit = COLLECT_LIMIT, ...options }) {
    super();
    if (!(collectLimit >= 0)) throw new TypeError('collectLimit must be a number of at least 0');
    this.#collectLimit = collectLimit;
    this.#peer = new MeteredPeer({ ...options, labelled: true, layer: (engine, link) => this.#layer(engine, link) });
    this.#peer.on('error', ({ err: { name, message } }) => this.#hear('error', 'error', { error: { name, message, code: 'SIGNALING_ERROR' } }));
  }

  /** The peer below, which sends through the server. */
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
    return new Map([...this.#remotes.values()].map(({ remote }) => [remote.id, remote]));
  }

  /** What is shared with everybody, by label. A new map each time. */
  get streams() {
    return this.#shares.labels;
  }

  /** What is opened with everybody, by label. A new map each time. */
  get channels() {
    return new Map(this.#opened);
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
    return this.#shares.share(stream);
  }

  unshare(stream) {
    return this.#shares.unshare(stream);
  }

  open(given) {
    const { label, options } = channelOf(given);
    this.#engine.tell({ do: 'label', call: 'open', label, options });
    this.#opened.set(label, options);
  }

  close(given) {
    const { label } = channelOf(given);
    this.#opened.delete(label);
    this.#engine.tell({ do: 'label', call: 'close', label });
  }

  send(message, given) {
    const options = sendingOf(given);
    const remotes = [...this.connections];
    const copies = message instanceof ReadableStream && remotes.length > 1
      ? shared(message, remotes.length)
      : remotes.map(() => message);
    return new Broadcast(remotes.map(([id, remote], place) => [id, remote.send(copies[place], options)]));
  }

  toJSON() {
    const { id, room, active } = this;
    return { id, room, active, connections: [...this.connections.keys()], streams: [...this.streams.keys()], channels: [...this.#opened.keys()] };
  }

  /** What the peer below tells of the layer. */
  #layer(engine, link) {
    this.#engine = engine;
    this.#link = link;
    this.#shares = new Shares(engine, this.#media);
    return {
      media: this.#media,
      told: ({ key, what, ...detail }) => this.#remotes.get(key)?.side[what](detail),
      takes: (key, channel) => this.#remotes.get(key)?.side.takes(channel) ?? false,
      joined: (key, plain) => this.#joined(key, plain),
      left: (key) => this.#left(key),
    };
  }

  #joined(key, plain) {
    const [engine, media, room] = [this.#engine, this.#media, this.room];
    const hear = (group, name, event) => this.#hear(group, name, event);
    const side = new Side(engine, key, () => this.#link(key), this.#collectLimit, (...event) => remote.hear(...event));
    const remote = new RemotePeer(plain, { engine, media, key, side, room, hear });
    this.#remotes.set(key, { remote, side });
    remote.hear('connection', 'new', { state: remote.state });
  }

  #left(key) {
    const { remote } = this.#remotes.get(key);
    this.#remotes.delete(key);
    remote.left();
  }

  #hear(group, name, event) {
    const all = event.name === undefined ? { id: this.id, name, ...event } : event;
    return [this.emit(group, all), this.emit(`${group}:${name}`, all)].includes(true);
  }
}
