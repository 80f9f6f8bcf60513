import { EventEmitter } from './emitter.js';
import { Engine } from './engine.js';
import { plain } from './json.js';
import { Link } from './link.js';
import { LocalMedia, described, numberOf } from './objects.js';
import { PEER_CLASSES, needed } from './peer-errors.js';
import { RemotePeer } from './remote-peer.js';

/**
 * A member of one channel, connected to everybody else in it (sdk-behaviour, section 4). Made with `labels`, those of
 * `peerhall/labelled`, it has labelled streams and channels as well (labelled-peer, section 7.1).
 */
export class MeteredPeer extends EventEmitter {
  #engine;
  #makeConnection;
  #layer;
  #media = new LocalMedia();
  #state = 'idle';
  /** Peer connections by number, each with the remote peer that it leads to. */
  #links = new Map();
  /** Remote peers by number: what is shown, and what is known of it. */
  #remotes = new Map();

  constructor({ rtcPeerConnectionFactory = platformConnection, labels, collectLimit, ...options }) {
    super();
    if (labels && !labels.Layer) throw new TypeError("labels are those of 'peerhall/labelled'");
    this.#makeConnection = rtcPeerConnectionFactory;
    const outputs = {
      emit: (output) => this.#emitted(output),
      peerJoined: ({ info }) => this.#peerJoined(info),
      peerLeft: ({ info }) => this.#peerLeft(info),
      remote: (output) => this.#remoteEvent(output),
      rtc: (output) => this.#command(output),
    };
    this.#engine = new Engine({ ...options, labelled: Boolean(labels) }, {
      room: true,
      wasm: labels?.engines(),
      classes: { ...PEER_CLASSES, ...labels?.classes },
      outputs,
    });
    if (labels) {
      const layer = new labels.Layer(this, this.#engine, this.#media, (key) => this.#remotes.get(key)?.view.link, collectLimit);
      this.#layer = layer;
      outputs.label = (output) => layer.told(output);
    }
  }

  get state() {
    return this.#state;
  }

  get peerId() {
    return this.#engine.look({ do: 'self' }).peerId;
  }

  get channel() {
    return this.#engine.look({ do: 'self' }).channel;
  }

  get remotePeers() {
    const present = [...this.#remotes.values()].filter(({ view }) => view.state !== 'closed');
    return present.map(({ remote }) => remote);
  }

  get labelled() {
    return needed(this.#layer).asRoom();
  }

  async join(channel, { includeSenderMetadata = false } = {}) {
    return this.#engine.ask({ do: 'join', channel, includeSenderMetadata });
  }

  async close(reason) {
    return this.#engine.ask({ do: 'close', reason });
  }

  async send(data) {
    return this.#engine.ask({ do: 'send', data: plain(data) });
  }

  async sendTo(peerId, data) {
    return this.#engine.ask({ do: 'sendTo', to: peerId, data: plain(data) });
  }

  openChannel(given) {
    needed(this.#layer).open(given);
  }

  closeChannel(given) {
    needed(this.#layer).close(given);
  }

  share(stream) {
    return needed(this.#layer).shares.share(stream);
  }

  unshare(stream) {
    return needed(this.#layer).shares.unshare(stream);
  }

  transfer(message, given) {
    return needed(this.#layer).send(message, given);
  }

  addStream(stream, metadata) {
    for (const track of stream.getTracks()) this.addTrack(track, stream, metadata);
  }

  addTrack(track, stream, metadata) {
    const known = this.#media.has(track);
    this.#media.keep(track, stream);
    try {
      this.#engine.tell({
        do: 'addTrack',
        ...described(track),
        ...(stream && { stream: numberOf(stream), streamId: stream.id }),
        metadata: plain(metadata),
      });
    } catch (error) {
      if (!known) this.#media.forget(track);
      throw error;
    }
  }

  removeStream(stream) {
    this.#engine.tell({ do: 'removeStream', stream: numberOf(stream) });
    this.#media.forgetStream(stream);
  }

  removeTrack(track) {
    this.#engine.tell({ do: 'removeTrack', key: numberOf(track) });
    this.#media.forget(track);
  }

  async replaceTrack(oldTrack, newTrack) {
    const known = newTrack && this.#media.has(newTrack);
    if (newTrack) this.#media.keep(newTrack, oldTrack && this.#media.get(numberOf(oldTrack)).stream);
    try {
      await this.#engine.ask({
        do: 'replaceTrack',
        ...(oldTrack && { old: numberOf(oldTrack) }),
        ...(newTrack && { new: described(newTrack) }),
      });
    } catch (error) {
      if (newTrack && !known && !error.succeeded?.length) this.#media.forget(newTrack);
      throw error;
    }
    if (oldTrack !== newTrack) this.#media.forget(oldTrack);
  }

  getTrackMetadata(track) {
    return copied(this.#engine.look({ do: 'trackMetadata', key: numberOf(track) }));
  }

  getStreamMetadata(stream) {
    return copied(this.#engine.look({ do: 'streamMetadata', stream: numberOf(stream) }));
  }

  /** Tells that the network is back, or another one: what waits for a moment is tried at once. */
  networkAvailable() {
    this.#engine.tell({ do: 'network' });
  }

  /** Drops the connection to the server and makes it anew, to try what an application does then. */
  dropConnection() {
    this.#engine.tell({ do: 'drop' });
  }

  /** Replaces the connections to all remote peers. */
  resetConnections() {
    this.#engine.tell({ do: 'reset' });
  }

  /** Over which paths connections that are made from now on may go: `all` or `relay`. */
  setTransportPolicy(policy) {
    this.#engine.tell({ do: 'policy', policy });
  }

  toJSON() {
    const { state, peerId, channel } = this;
    return { state, peerId, channel };
  }

  #emitted({ event, detail, error }) {
    if (event === 'state-change') {
      this.#state = detail.to;
      if (detail.to === 'closed') this.#media.clear();
    }
    if (error) detail.err = this.#engine.error(error);
    this.emit(event, detail);
  }

  #peerJoined(info) {
    const view = {};
    this.#refresh(view, info);
    const { key } = info;
    const remote = new RemotePeer(view, {
      send: (data) => this.#engine.ask({ do: 'sendToRemote', key, data: plain(data) }),
      restartIce: () => this.#engine.tell({ do: 'restartIce', key }),
    });
    this.#remotes.set(key, { remote, view });
    this.#layer?.joined(key, remote, view);
    this.emit('peer-joined', { peer: remote });
  }

  #peerLeft({ key }) {
    const { remote, view } = this.#remotes.get(key);
    this.#remotes.delete(key);
    view.state = 'closed';
    this.#layer?.left(key);
    remote.removeAllListeners();
    this.emit('peer-left', { peer: remote });
  }

  /** Takes over what the engine knows of a remote peer at this moment. */
  #refresh(view, { id, metadata, state, polite, link }) {
    Object.assign(view, { id, metadata, polite, link: this.#links.get(link)?.link });
    view.state ??= state;
  }

  #remoteEvent({ key, event, detail = {}, error, metadata, ...numbers }) {
    const { remote, view } = this.#remotes.get(key) ?? {};
    if (!remote) return;
    if (event === 'state-change') view.state = detail.to;
    if (event === 'connection-reset') this.#refresh(view, this.#engine.look({ do: 'remote', key }) ?? view);
    const { track, streams, stream, channel } = numbers;
    const object = (number) => view.link?.object(number);
    if (channel && this.#layer?.takes(key, object(channel))) return;
    remote.emit(event, {
      ...detail,
      ...(error && { err: this.#engine.error(error) }),
      ...(track && { track: object(track) }),
      ...(streams && { streams: streams.map(object) }),
      ...(stream && { stream: object(stream) }),
      ...(channel && { channel: object(channel) }),
      ...(metadata && { metadata }),
    });
  }

  #command({ link: number, command, remote, ...order }) {
    if (command === 'create') {
      const report = (on, more) => this.#engine.tell({ do: 'rtc', link: number, on, ...more });
      const link = new Link(report, this.#media);
      this.#links.set(number, { link, remote });
      link.create(this.#makeConnection, order);
      return;
    }
    const known = this.#links.get(number);
    if (!known) return;
    if (command === 'close') {
      this.#links.delete(number);
      // A remote peer that is still here has another connection instead.
      known.link.close(this.#engine.look({ do: 'remote', key: known.remote }) !== undefined);
      return;
    }
    known.link[command](order);
  }
}

const copied = (metadata) => metadata && { ...metadata };

function platformConnection(config) {
  const { RTCPeerConnection } = globalThis;
  if (!RTCPeerConnection) {
    throw new Error('this platform has no RTCPeerConnection; give an rtcPeerConnectionFactory');
  }
  return new RTCPeerConnection(config);
}
