// Runs in Chromium: guests of a room, each one MeteredPeer of the vendor's unchanged SDK (its UMD
// build puts the classes into a global of the same name). Tests reach them through `hall`.

const { MeteredPeer: Peer } = globalThis.MeteredPeer;

const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 20;

/**
 * Waits until `check` gives something truthy and returns it. Patience is counted in looks: a machine that stood still
 * has looked at nothing.
 */
async function until(check, what, patience = PATIENCE_MS) {
  for (let looks = patience / LOOK_EVERY_MS; ; looks -= 1) {
    const found = await check();
    if (found) return found;
    if (looks < 0) throw new Error(`not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

class Guest {
  /** What happened, oldest first: `{ event, of?, … }`, `of` being a remote peer's id. */
  log = [];
  #meshes;
  /** Data channels this side opened, by remote id; the latest one counts. */
  #channels = new Map();
  #pongs = new Set();
  /** What this side sends, by stream id. */
  #streams = new Map();
  #serials = new WeakMap();
  #nextSerial = 1;

  /**
   * `meshes` says to whom data channels are opened, at first sight and after every reset: to
   * `everybody`, or to the `later` ones only, whose id is greater. The latter keeps both sides from
   * offering at the same moment, which Chromium does not always survive: when the polite side rolls
   * its own offer back while it gathers, it may never gather again (seen in a few of a hundred).
   */
  constructor({ url, apiKey, token, jwt, meshes, relayOnly }) {
    const tokenProvider = async () => jwt ?? (await fetch(`/token?peer=${token}`)).text();
    const rtcPeerConnectionFactory = (config) => new RTCPeerConnection({ ...config, iceTransportPolicy: 'relay' });
    this.peer = new Peer({ url, ...(token || jwt ? { tokenProvider } : { apiKey }), ...(relayOnly ? { rtcPeerConnectionFactory } : {}) });
    this.#meshes = meshes;
    for (const event of ['joined', 'left', 'data']) {
      this.peer.on(event, (detail) => this.#note(event, detail));
    }
    this.peer.on('state-change', ({ to }) => this.#note('state', { to }));
    this.peer.on('error', ({ err }) => this.#note('error', { error: err.name }));
    this.peer.on('peer-left', ({ peer }) => this.#note('peer-left', { of: peer.id }));
    this.peer.on('peer-joined', ({ peer }) => this.#meet(peer));
  }

  #note(event, detail) {
    this.log.push({ event, ...detail });
  }

  #meet(remote) {
    const of = remote.id;
    this.#note('peer-joined', { of, metadata: remote.metadata });
    remote.on('stream-added', ({ stream, metadata }) => {
      const kinds = stream.getTracks().map((track) => track.kind).sort();
      this.#note('stream-added', { of, stream: stream.id, kinds, metadata });
      if (kinds.includes('audio')) this.#play(stream);
    });
    remote.on('stream-removed', ({ stream }) => {
      this.#note('stream-removed', { of, stream: stream.id });
    });
    remote.on('negotiation-error', ({ err }) => this.#note('trouble', { of, error: String(err) }));
    remote.on('data-channel', ({ channel }) => this.#echo(of, channel));
    remote.on('connection-reset', () => {
      this.#note('connection-reset', { of });
      this.#mesh(remote);
    });
    this.#mesh(remote);
  }

  /** Chromium decodes no sound unless something plays it. */
  #play(stream) {
    const player = Object.assign(document.createElement('audio'), { srcObject: stream });
    player.play().catch((error) => this.#note('trouble', { error: String(error) }));
    document.body.append(player);
  }

  #mesh(remote) {
    const later = this.#meshes === 'later' && this.peer.peerId < remote.id;
    if (later || this.#meshes === 'everybody') this.openChannel(remote.id);
  }

  openChannel(id) {
    const remote = this.remote(id);
    const channel = remote.pc.createDataChannel('mesh');
    channel.onmessage = ({ data }) => this.#pongs.add(data);
    this.#channels.set(remote.id, channel);
  }

  #echo(of, channel) {
    channel.onmessage = ({ data }) => {
      this.#note('text', { of, text: data });
      channel.send(`echo ${data}`);
    };
  }

  /** The events `event` so far, as far as `where` (members to compare) fits. */
  events(event, where = {}) {
    const fits = (entry) => Object.entries(where).every(([key, value]) => entry[key] === value);
    return this.log.filter((entry) => entry.event === event && fits(entry));
  }

  wait(event, where = {}, count = 1) {
    const enough = () => {
      const found = this.events(event, where);
      return found.length >= count && found;
    };
    return until(enough, `${event} ${JSON.stringify(where)}; ${this.summary()}`);
  }

  remote(id) {
    return this.peer.remotePeers.find((remote) => remote.id === id);
  }

  /** Remote id to a number that stays the same for as long as the object does. */
  identities() {
    const number = (remote) => {
      if (!this.#serials.has(remote)) this.#serials.set(remote, this.#nextSerial++);
      return this.#serials.get(remote);
    };
    const pairs = this.peer.remotePeers.map((remote) => [remote.id, number(remote)]);
    return Object.fromEntries(pairs.sort());
  }

  /** Waits for `count` remote peers and talks to those whose channel this side opens. */
  async talksToAll(count) {
    await until(() => this.peer.remotePeers.length === count, `${count} remotes; ${this.summary()}`);
    await Promise.all([...this.#channels.keys()].map((id) => this.talksTo(id)));
  }

  /** Sends a text over the channel to `id`, which echoes it. */

  async talksTo(id) {
    const text = `hello ${crypto.randomUUID()}`;
    let sentOn;
    const echoed = () => {
      // A reset replaces the channel, and what was sent on the old one is lost with it.
      const channel = this.#channels.get(id);
      if (channel?.readyState === 'open' && channel !== sentOn) {
        channel.send(text);
        sentOn = channel;
      }
      return this.#pongs.delete(`echo ${text}`);
    };
    await until(echoed, `an echo from ${id}; ${this.summary()}`);
  }

  /** Adds the fake camera, and the fake microphone with `audio`. Gives the stream's id. */
  async addCamera(metadata, { audio = false, width = 160, height = 120, frameRate = 10 } = {}) {
    const video = { width, height, frameRate };
    return this.#show(await navigator.mediaDevices.getUserMedia({ audio, video }), metadata);
  }

  /** Adds this tab's picture as a second stream. */
  async addScreen(metadata) {
    const wanted = { video: { frameRate: 5 }, preferCurrentTab: true };
    return this.#show(await navigator.mediaDevices.getDisplayMedia(wanted), metadata);
  }

  /** Adds a drawing that changes ten times a second. Needs no camera, so any number may be added. */
  addCanvas(metadata) {
    return this.#show(new MediaStream([drawing()]), metadata);
  }

  #show(stream, metadata) {
    this.#streams.set(stream.id, stream);
    this.peer.addStream(stream, metadata);
    return stream.id;
  }

  removeStream(id) {
    this.peer.removeStream(this.#streams.get(id));
    this.#streams.delete(id);
  }

  /** Puts a drawing in the place of a stream's picture. */
  async replacePicture(id) {
    const stream = this.#streams.get(id);
    const [old] = stream.getVideoTracks();
    const track = drawing();
    await this.peer.replaceTrack(old, track);
    // The SDK removes the tracks that the stream has then.
    stream.removeTrack(old);
    stream.addTrack(track);
    old.stop();
  }

  /** Waits until `count` video tracks of remote `id` have pictures decoded on this connection. */
  async seesVideoOf(id, count = 1) {
    const moving = (s) => s.kind === 'video' && s.framesDecoded > 2;
    await this.#receives(id, moving, count, 'moving pictures');
  }

  /** Waits until `count` more pictures of remote `id` have been decoded than now. */
  async seesMoreOf(id, count = 5) {
    const decoded = async () => {
      const inbound = await this.#inbound(id);
      return inbound.reduce((sum, { framesDecoded = 0 }) => sum + framesDecoded, 0);
    };
    const before = await decoded();
    await until(async () => (await decoded()) >= before + count, `more pictures of ${id}; ${this.summary()}`);
  }

  /** Waits until something other than silence is heard from remote `id`. */
  async hears(id) {
    await this.#receives(id, (s) => s.kind === 'audio' && s.totalAudioEnergy > 0.001, 1, 'sounds');
  }

  async #receives(id, alive, count, what) {
    const enough = async () => (await this.#inbound(id)).filter(alive).length >= count;
    await until(enough, `${count} ${what} of ${id}; ${this.summary()}`);
  }

  /** Statistics of what is received from remote `id` on the connection of this moment. */
  async #inbound(id) {
    const report = await this.remote(id)?.pc.getStats();
    return [...(report?.values() ?? [])].filter(({ type }) => type === 'inbound-rtp');
  }

  /** The ICE user names in use with remote `id`, own and theirs: a restart changes both. */
  iceNames(id) {
    const { localDescription, remoteDescription } = this.remote(id).pc;
    const name = (description) => /a=ice-ufrag:(\S+)/.exec(description?.sdp)?.[1];
    return [name(localDescription), name(remoteDescription)];
  }

  /** Waits until ICE with remote `id` has been restarted since the names were `before`, and works. */
  async iceRestarted(id, before) {
    const done = () => {
      const { signalingState, connectionState } = this.remote(id).pc;
      const changed = this.iceNames(id).every((name, side) => name !== before[side]);
      return changed && signalingState === 'stable' && connectionState === 'connected';
    };
    await until(done, `a restart of ICE with ${id}; ${this.summary()}`);
  }

  /** One line about this guest for failure messages. */
  summary() {
    const remotes = this.peer.remotePeers.map(
      ({ id, state, pc }) => `${id}=${state}/${pc.connectionState}/${pc.signalingState}`,
    );
    const last = JSON.stringify(this.log.slice(-8));
    return `${this.peer.peerId} ${this.peer.state} [${remotes.join(' ')}] last: ${last}`;
  }
}

/** A track whose picture changes ten times a second. */
function drawing() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
  const pen = canvas.getContext('2d');
  let turns = 0;
  const draw = () => {
    pen.fillStyle = `hsl(${(turns += 37) % 360} 80% 50%)`;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };
  draw();
  const [track] = canvas.captureStream(10).getVideoTracks();
  const timer = setInterval(() => {
    if (track.readyState === 'ended') clearInterval(timer);
    else draw();
  }, 100);
  return track;
}

const guests = new Map();

globalThis.hall = {
  until,
  /** Makes a guest known by `name`; it joins when told. */
  invite(name, options) {
    guests.set(name, new Guest(options));
  },
  guest: (name) => guests.get(name),
  guests: () => [...guests.values()],
};
