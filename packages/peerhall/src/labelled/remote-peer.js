import { GroupEmitter } from './emitter.js';
import { Shares } from './shares.js';

/** What the third seed calls the states of a connection. */
const STATES = { idle: 'new', connecting: 'connecting', connected: 'connected', reconnecting: 'disconnected', closed: 'closed' };

/** The channel that a call means: its label and options. */
export function channelOf(given) {
  const { label = 'default', ...options } = typeof given === 'string' ? { label: given } : given ?? {};
  return { label, options };
}

/** The options of `send`. */
export const sendingOf = (given) => (typeof given === 'string' ? { label: given } : given);

/** Somebody else in the room; made by the layer of a peer. The object stays the same across reconnects. */
export class RemotePeer extends GroupEmitter {
  #plain;
  #side;
  #shares;
  #heard;
  #state;
  #way = 'connection';
  #streams = new Map();
  #channels = new Map();
  /** Labels that were opened here. */
  #opened = new Map();
  #disposed = false;

  /** `plain` is the remote peer below; `hear` shows an event to the room as well. */
  constructor(plain, { engine, media, key, side, room, hear }) {
    super();
    this.#plain = plain;
    this.#side = side;
    this.#heard = hear;
    this.#shares = new Shares(engine, media, key);
    this.#state = STATES[plain.state];
    Object.defineProperty(this, 'room', { value: room, enumerable: true });
  }

  /** The same remote peer with the calls and events of the first seed, which sends through the server. */
  get remote() {
    return this.#plain;
  }

  get id() {
    return this.#plain.id;
  }

  get metadata() {
    return this.#plain.metadata;
  }

  get state() {
    return this.#state;
  }

  get connection() {
    return this.#plain.pc;
  }

  /** Which way messages go: `connection` or `server`. */
  get way() {
    return this.#way;
  }

  /** Inbound streams by label. A new map each time. */
  get streams() {
    return new Map(this.#streams);
  }

  /** Data channels by label. A new map each time. */
  get channels() {
    return new Map(this.#channels);
  }

  share(stream) {
    this.#mustLive();
    return this.#shares.share(stream);
  }

  unshare(stream) {
    return this.#shares.unshare(stream);
  }

  open(given) {
    this.#mustLive();
    const { label, options } = channelOf(given);
    this.#side.ask('open', { label, options });
    this.#opened.set(label, options);
  }

  close(given) {
    const { label } = channelOf(given);
    this.#opened.delete(label);
    this.#side.ask('close', { label });
  }

  send(message, given) {
    return this.#side.send(this.id, message, sendingOf(given));
  }

  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#shares.end();
    this.#side.ask('end');
    this.#opened.clear();
    this.#streams.clear();
    this.#becomes('closed');
    this.clear();
  }

  toJSON() {
    const { id, room, metadata, state } = this;
    return { id, room, metadata, state, streams: [...this.#shares.labels.keys()], channels: [...this.#opened.keys()] };
  }

  /** Takes part in what the remote peer below tells. */
  told(event, detail) {
    if (event === 'state-change') this.#becomes(STATES[detail.to]);
    if (event === 'unreachable') this.#becomes('failed');
    if (event === 'track') this.#trackCame(detail);
    if (event === 'stream-removed') this.#streamGone(detail.stream);
    if (event === 'connection-reset') this.#side.reset();
    if (event === 'negotiation-error') this.#failed('NEGOTIATION_ERROR', detail.err);
    if (event === 'ice-candidate-error') this.#failed('ICECANDIDATE_ERROR', detail.err);
  }

  /** Shows an event of the layer; says whether somebody has seen it. */
  hear(group, name, detail) {
    if (group === 'way') this.#way = detail.way;
    if (name === 'new' && group === 'channel' && detail.channel) this.#channels.set(detail.label, detail.channel);
    const channel = detail.channel ?? this.#channels.get(detail.label);
    const event = { id: this.id, name, ...detail, ...(group === 'channel' && channel && { channel }) };
    if (name === 'close') this.#channels.delete(detail.label);
    const seen = [this.emit(group, event), this.emit(`${group}:${name}`, event), this.#heard(group, name, { ...event, remote: this })];
    return seen.includes(true);
  }

  /** The remote peer has left. */
  left() {
    this.#becomes('closed');
  }

  #becomes(state) {
    if (state === undefined || state === this.#state || this.#state === 'closed') return;
    this.#state = state;
    this.hear('connection', state, { state });
  }

  #trackCame({ track, streams, metadata }) {
    for (const stream of streams) {
      const label = metadata?.label ?? stream.id;
      const known = this.#streams.get(label);
      this.#streams.set(label, stream);
      if (known !== stream) {
        this.hear('stream', 'add', { stream, label });
        stream.addEventListener?.('removetrack', ({ track: gone }) => this.#trackGone(gone, stream, label));
      }
      this.hear('track', 'add', { track, stream, label });
      track.addEventListener?.('ended', () => this.#trackGone(track, stream, label));
    }
  }

  #trackGone(track, stream, label) {
    if (this.#streams.get(label) === stream) this.hear('track', 'remove', { track, stream, label });
  }

  #streamGone(stream) {
    for (const [label, known] of [...this.#streams]) {
      if (known !== stream) continue;
      this.#streams.delete(label);
      this.hear('stream', 'remove', { stream, label });
    }
  }

  #failed(code, { name, message }) {
    this.hear('error', 'error', { error: { name, message, code } });
  }

  #mustLive() {
    if (this.#disposed || this.#state === 'closed') throw new Error('the remote peer is closed');
  }
}
