// A room as the page sees it: one `MeteredPeer`, the files that go to and fro, the names that people give themselves,
// and what goes wrong in plain words. Everything else about channels, recovery and connections is the SDK's.

import { Room as Labels } from './labelled.js';
import { faultySocket } from './faults.js';
import { Files } from './files.js';
import { watchRestarts } from './restarts.js';

export { codeIn } from './code.js';
export { prepare } from './labelled.js';

/** What the server closes with when it does not want a client, by number. */
const REFUSALS = {
  4001: 'The server does not accept this key.',
  4003: 'This key does not reach the channel.',
  4010: 'The server has as many connections as it may.',
  4012: 'The app of this key is suspended.',
  4020: 'An administrator closed the connection.',
};

/**
 * Events (`detail`): `state` ({ state }), `came` and `went` ({ remote }), `named` ({ id }), `line` ({ from, text,
 * isPrivate }), `way` ({ id, way }: how files go), `happened` ({ id, kind, text }: something for the time line) and
 * `ended` ({ reason }).
 */
export class Room extends EventTarget {
  /** Whose greeting was answered. */
  #introduced = new Set();
  #labels;
  #names = new Map();
  #ownName;
  #isOver = false;

  /** With the `code` of `peerhall send` it is the room of that code, and files only come. */
  constructor({ url, key, channel, name, code }) {
    super();
    this.#ownName = name;
    this.channel = channel;
    // Half a minute of silence is long for somebody who looks at the page.
    const labels = new Labels({
      url,
      apiKey: key,
      allowInsecure: true,
      inactivityTimeoutMs: 12_000,
      webSocketFactory: (address) => faultySocket(address),
      // Who knows a code wants the files between the two and nobody else.
      fallback: !code,
    });
    this.peer = labels.peer;
    this.files = new Files(labels, code);
    labels.on('way', ({ id, way }) => {
      const words = way === 'server' ? 'through the server, for want of a connection' : 'over the connection again';
      this.#mark(id, 'path', `files for ${this.nameOf(id)} go ${words}`);
      this.#tell('way', { id, way });
    });
    this.#labels = labels;
    this.#listen();
    this.peer.join(channel).then(() => this.#greet(), (error) => this.#end(words(error)));
  }

  get selfId() {
    return this.peer.peerId;
  }

  nameOf(id) {
    if (id === this.selfId) return this.#ownName;
    return this.#names.get(id) ?? `Peer ${id.slice(0, 8)}`;
  }

  /** Whether files for somebody go through the server, because no connection can be made. */
  goesThroughServer(id) {
    return this.#labels.connections.get(id)?.way === 'server';
  }

  /** A line of chat for everybody, or for one. */
  async say(text, to = null) {
    const line = { name: this.#ownName, text };
    await (to ? this.peer.sendTo(to, line) : this.peer.send(line));
  }

  async leave() {
    this.#isOver = true;
    await this.peer.close('left');
    this.#tell('ended', { reason: 'You left.' });
  }

  #listen() {
    const { peer } = this;
    let before = 'idle';
    peer.on('state-change', ({ to }) => {
      if (to === 'reconnecting') this.#mark(null, 'lost', 'the connection to the server was lost');
      if (to === 'joined') this.#mark(null, 'back', before === 'reconnecting' ? 'back in the room as the same peer' : 'joined the room');
      if (to === 'joined' && before === 'reconnecting') this.#greet();
      before = to;
      this.#tell('state', { state: to });
    });
    peer.on('peer-joined', ({ peer: remote }) => this.#meet(remote));
    peer.on('peer-left', ({ peer: remote }) => {
      this.#mark(remote.id, 'left', `${this.nameOf(remote.id)} left`);
      this.#introduced.delete(remote.id);
      this.#tell('went', { remote });
    });
    peer.on('data', ({ senderPeerId, data, kind }) => this.#read(senderPeerId, data, kind));
    peer.on('error', ({ err }) => this.#mark(null, 'lost', words(err)));
    peer.on('left', ({ reason }) => {
      if (!this.#isOver) this.#end(reason ? `The server ended the connection: ${reason}` : 'The connection ended.');
    });
  }

  #meet(remote) {
    const { id } = remote;
    const mark = (kind, text) => this.#mark(id, kind, text);
    const name = () => this.nameOf(id);
    mark('came', `${name()} joined`);
    this.#introduce(id);
    remote.on('state-change', ({ from, to }) => {
      if (to === 'connected') mark('back', from === 'reconnecting' ? `connected with ${name()} again` : `connected with ${name()}`);
      if (to === 'reconnecting') mark('lost', `the connection with ${name()} was lost`);
    });
    watchRestarts(remote, () => mark('restart', `new paths to ${name()} were looked for`));
    remote.on('stream-added', () => mark('track', `${name()} shows or says something`));
    remote.on('stream-removed', () => mark('track', `${name()} stopped showing something`));
    remote.on('connection-reset', () => mark('restart', `a new connection with ${name()} is being made`));
    remote.on('path', ({ path }) => mark('path', `${name()} is reached ${path === 'relay' ? 'over a relay' : 'directly'}`));
    remote.on('negotiation-error', ({ err }) => mark('lost', `negotiation with ${name()}: ${err.message}`));
    this.#tell('came', { remote });
  }

  /** `{ name }` alone is this page's greeting; other data is a line of chat. */
  #read(from, data, kind) {
    const isObject = typeof data === 'object' && data !== null;
    const isNew = isObject && typeof data.name === 'string' && !this.#names.has(from);
    if (isObject && typeof data.name === 'string') this.#names.set(from, data.name.slice(0, 40));
    if (isNew) this.#tell('named', { id: from });
    if (isObject && typeof data.name === 'string' && data.text === undefined) {
      // Whoever greets knows us by now, which it may not have when we greeted first. Once, or two would greet each
      // other for ever.
      if (!this.#introduced.has(from)) {
        this.#introduced.add(from);
        this.#introduce(from);
      }
      return;
    }
    const text = typeof data?.text === 'string' ? data.text : JSON.stringify(data);
    this.#tell('line', { from, text, isPrivate: kind === 'direct' });
  }

  #introduce(id) {
    this.peer.sendTo(id, { name: this.#ownName }).catch(() => {});
  }

  #greet() {
    // Whoever misses it learns the name with the next line of chat.
    this.peer.send({ name: this.#ownName }).catch(() => {});
  }

  #end(reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.peer.close().catch(() => {});
    this.#tell('ended', { reason });
  }

  #mark(id, kind, text) {
    this.#tell('happened', { id: id ?? 'self', kind, text });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function words(error) {
  if (error.name === 'invalid_token') return REFUSALS[4001];
  return REFUSALS[error.code] ?? REFUSALS[error.closeCode] ?? error.message;
}
