// Runs in a page of the tests: peers with labels that use nothing but the one object, of the package's entry
// `peerhall/labelled`, or of its main entry. Tests import it beside the guests of `peer.js`, and reach what it exports.

import { MeteredPeer, Room, labels as given } from '/labelled.js';
import { until } from '/labels.js';
import { MeteredPeer as MainPeer, RemotePeer as MainRemotePeer } from '/peerhall.js';

export { MainPeer, MainRemotePeer, MeteredPeer, Room };
export { digest, noise, streamed, until } from '/labels.js';

/** One peer, with what came to it. */
export class Member {
  /** Messages by label, oldest first, each with the objects that told of it: the peer, the remote peer. */
  messages = [];
  /** Payloads of `data`, oldest first. */
  data = [];
  /** What is known of streams: `{ event, of, label }`. */
  streams = [];
  /** Remote peers as they were shown first, by id. */
  met = new Map();

  /** `main`: by the main entry, which is given its labels. */
  constructor({ url, name, labels = [], takes = true, main = false }) {
    const options = { url, tokenProvider: async () => (await fetch(`/token?peer=${name}`)).text() };
    this.peer = main ? new MainPeer({ ...options, labels: given }) : new MeteredPeer(options);
    labels.forEach((label) => this.peer.openChannel(label));
    this.peer.on('data', (event) => this.data.push(event));
    this.peer.on('peer-joined', ({ peer: remote }) => this.#meet(remote));
    if (takes) this.take();
  }

  /** Takes what comes from now on. */
  take() {
    this.peer.on('transfer', (event) => void this.#receive(event));
  }

  #meet(remote) {
    const of = remote.id;
    this.met.set(of, remote);
    remote.on('stream-added', ({ stream, metadata }) => this.streams.push({ event: 'added', of, label: metadata?.label, role: metadata?.role, stream: stream.id }));
    remote.on('stream-removed', ({ stream }) => this.streams.push({ event: 'removed', of, stream: stream.id }));
    remote.on('data-channel', ({ channel }) => this.streams.push({ event: 'data-channel', of, label: channel.label }));
  }

  async #receive({ peer: remote, label, data, info }) {
    const message = { from: remote.id, same: remote === this.met.get(remote.id), label, info, kind: data.kind, total: data.total };
    this.messages.push(message);
    message.value = await data.catch((error) => error);
    message.receipt = data.receipt;
    message.over = true;
  }

  remote(id) {
    return this.peer.remotePeers.find((remote) => remote.id === id);
  }

  /** Waits for a remote peer with whom a label is open. */
  reaches(id, label = 'chat') {
    return until(() => this.remote(id)?.channels.get(label)?.readyState === 'open' && this.remote(id), `${label} with ${id}`);
  }

  /** The message with this number, once all of it is here. */
  async ended(place) {
    return until(() => this.messages[place]?.over && this.messages[place], `message ${place} of ${JSON.stringify(this.messages)}`, 120_000);
  }
}

/** What is seen of a remote peer: the label of each of its streams with how wide its pictures are, and how many sounds it has. */
export async function seen(remote) {
  const streams = [...remote.streams].map(async ([label, stream]) =>
    [label, await Promise.all(stream.getVideoTracks().map(width)), stream.getAudioTracks().length]);
  return (await Promise.all(streams)).sort();
}

async function width(track) {
  const screen = Object.assign(document.createElement('video'), { muted: true, srcObject: new MediaStream([track]) });
  await screen.play();
  const { videoWidth } = screen;
  screen.srcObject = null;
  return videoWidth;
}

/** A stream whose picture changes all the time. */
export function drawing(width = 32) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height: 24 });
  const pen = canvas.getContext('2d');
  let turns = 0;
  setInterval(() => {
    pen.fillStyle = `hsl(${(turns += 37) % 360} 80% 50%)`;
    pen.fillRect(0, 0, width, 24);
  }, 50);
  return canvas.captureStream(20);
}
