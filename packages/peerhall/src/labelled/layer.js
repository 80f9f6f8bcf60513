import { Incoming } from './incoming.js';
import { RemotePeer, channelOf, sendingOf } from './remote-peer.js';
import { Room } from './room.js';
import { Shares } from './shares.js';
import { Side } from './side.js';
import { shared } from './sources.js';
import { Broadcast } from './transfer.js';

/** Bytes that are put together for a promise (labelled-peer, section 7.4). */
const COLLECT_LIMIT = 64 * 1_048_576;

const layers = new WeakMap();

/** The layer of a peer that has one. */
export const layerOf = (peer) => layers.get(peer);

/** What a peer has in common with the others by labels: one for each peer, whoever asks for it. */
export class Layer {
  /** What is shared with everybody. */
  shares;
  /** What is opened with everybody, by label. */
  opened = new Map();
  /** Who is told of everything, if anybody asked for a room. */
  room;
  #peer;
  #engine;
  #media;
  #link;
  #limit;
  #sides = new Map();

  /**
   * `media` are the tracks that the peer sends; `link` gives the connection to a remote peer; `limit` is how many bytes are
   * put together for a promise.
   *
   * Throws a TypeError when the limit cannot work.
   */
  constructor(peer, engine, media, link, limit = COLLECT_LIMIT) {
    if (!(limit >= 0)) throw new TypeError('collectLimit must be a number of at least 0');
    layers.set(peer, this);
    this.#peer = peer;
    this.#engine = engine;
    this.#media = media;
    this.#link = link;
    this.#limit = limit;
    this.shares = new Shares(engine, media);
  }

  /** The same peer with the calls and events of the third seed; one room for each peer. */
  asRoom() {
    return this.room ?? new Room(this.#peer);
  }

  /** Who is here. */
  get remotes() {
    return [...this.#sides.values()].map(({ remote }) => remote);
  }

  open(given) {
    const { label, options } = channelOf(given);
    this.#engine.tell({ do: 'label', call: 'open', label, options });
    this.opened.set(label, options);
  }

  close(given) {
    const { label } = channelOf(given);
    this.opened.delete(label);
    this.#engine.tell({ do: 'label', call: 'close', label });
  }

  send(message, given) {
    const options = sendingOf(given);
    const { remotes } = this;
    const copies = message instanceof ReadableStream && remotes.length > 1
      ? shared(message, remotes.length)
      : remotes.map(() => message);
    return new Broadcast(remotes.map((remote, place) => [remote.id, remote.send(copies[place], options)]));
  }

  /** What the engine tells of the layer. */
  told(output) {
    this.#sides.get(output.key)?.side[output.what](output);
  }

  /** Takes a channel that a remote peer opened, if it is a labelled one. */
  takes(key, channel) {
    return this.#sides.get(key)?.side.takes(channel) ?? false;
  }

  /** Somebody has come, and is about to be shown; `view` is what its maker knows of it. */
  joined(key, plain, view) {
    const [engine, media, room] = [this.#engine, this.#media, this.#engine.look({ do: 'self' }).channel];
    const side = new Side(engine, key, () => this.#link(key), this.#limit, (...event) => remote.hear(...event));
    const hear = (...event) => this.#hear(plain, ...event);
    const remote = new RemotePeer(plain, { engine, media, key, side, room, hear });
    this.#sides.set(key, { remote, side });
    view.labelled = remote;
    remote.hear('connection', 'new', { state: remote.state });
  }

  left(key) {
    const { remote } = this.#sides.get(key);
    this.#sides.delete(key);
    remote.left();
  }

  /** Shows an event about a remote peer; says whether somebody has seen it. */
  #hear(peer, group, name, event) {
    const seen = [this.room?.hear(group, name, event)];
    if (event.data instanceof Incoming) {
      const { label, data, info } = event;
      const came = { peer, label, data, info };
      seen.push(peer.emit('transfer', came), this.#peer.emit('transfer', came));
    }
    return seen.includes(true);
  }
}
