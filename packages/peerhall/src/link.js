// One peer connection: carries out what the engine asks of it, and reports what it does. Each command has a
// method of its name (`crates/peerhall-wasm/src/command.rs`), each report is read by `rtc.rs` there.

import { words } from './engine.js';
import { numberOf } from './objects.js';
import { sample } from './stats.js';

/**
 * How long a connection that was replaced is kept: longer than a remote peer takes to replace its own. The
 * vendor's Python SDK takes a goodbye that overtakes that for the end of the remote peer, for good.
 */
const GOODBYE_AFTER_MS = 2_000;

const failure = (error) => ({ name: error?.name ?? 'Error', message: words(error) });

export class Link {
  #report;
  #media;
  #pc;
  #listeners = [];
  #senders = new Map();
  #objects = new Map();

  /** `report` takes what the connection reports; `media` has the tracks that are sent. */
  constructor(report, media) {
    this.#report = report;
    this.#media = media;
  }

  /** The browser's connection; undefined when it could not be made. */
  get pc() {
    return this.#pc;
  }

  /** The track, stream or channel of this connection that has a number. */
  object(number) {
    return this.#objects.get(number);
  }

  /** Makes the connection. */
  create(make, { iceServers, policy }) {
    const config = {
      ...(iceServers && { iceServers }),
      ...(policy === 'relay' && { iceTransportPolicy: policy }),
    };
    try {
      this.#pc = make(config);
    } catch (error) {
      this.#later('createFailed', { failure: failure(error) });
      return;
    }
    this.#listen(this.#pc, 'negotiationneeded', () => this.#report('negotiationNeeded'));
    this.#listen(this.#pc, 'icecandidate', ({ candidate }) => this.#candidate(candidate));
    this.#listen(this.#pc, 'connectionstatechange', () => this.#report('state', { state: this.#pc.connectionState }));
    this.#listen(this.#pc, 'iceconnectionstatechange', () => this.#report('ice', { state: this.#pc.iceConnectionState }));
    this.#listen(this.#pc, 'track', (event) => this.#track(event));
    this.#listen(this.#pc, 'datachannel', ({ channel }) => this.#report('dataChannel', { channel: this.#number(channel) }));
  }

  /** Other servers, for what is gathered from now on. */
  setServers({ iceServers }) {
    try {
      this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers });
    } catch {
      // A connection that has ended, or a browser that keeps the servers of the beginning.
    }
  }

  /** Reports nothing any more; the connection ends now, or when the other side has had time to replace its own. */
  close(replaced) {
    for (const [target, type, listener] of this.#listeners) target.removeEventListener?.(type, listener);
    this.#listeners = [];
    this.#report = () => {};
    const end = () => this.#pc?.close();
    if (replaced) setTimeout(end, GOODBYE_AFTER_MS);
    else end();
  }

  createOffer({ iceRestart }) {
    this.#run('offerCreated', async () => {
      const { sdp } = await this.#pc.createOffer(iceRestart ? { iceRestart } : undefined);
      return { sdp };
    });
  }

  createAnswer() {
    this.#run('answerCreated', async () => {
      const { sdp } = await this.#pc.createAnswer();
      return { sdp };
    });
  }

  setLocal({ description }) {
    this.#run('localSet', () => this.#pc.setLocalDescription(description));
  }

  setRemote({ description }) {
    this.#run('remoteSet', async () => {
      const { type, sdp } = description;
      if (type === 'offer' && this.#pc.signalingState === 'have-local-offer' && this.#pc.currentRemoteDescription) {
        // Chromium, which takes its own offer back here, makes what receives pictures anew, and shows those of a
        // source that it knows already no more. So it hears of no source first.
        await this.#pc.setRemoteDescription({ type, sdp: sdp.replace(/^a=ssrc.*\r?\n/gm, '') });
      }
      await this.#pc.setRemoteDescription(description);
    });
  }

  addCandidate({ candidate }) {
    this.#run('candidateAdded', () => this.#pc.addIceCandidate(candidate ?? null));
  }

  attach({ track: number, grouped }) {
    const { track, stream, attach } = this.#media.get(number);
    try {
      const sender = attach
        ? attach(this.#pc)
        : grouped && stream ? this.#pc.addTrack(track, stream) : this.#pc.addTrack(track);
      this.#senders.set(number, sender);
    } catch (error) {
      this.#later('attachFailed', { track: number, failure: failure(error) });
    }
  }

  detach({ track }) {
    const sender = this.#senders.get(track);
    this.#senders.delete(track);
    try {
      if (sender) this.#pc.removeTrack(sender);
    } catch {
      // A connection that has ended sends nothing anyway.
    }
  }

  replace({ old, new: next }) {
    const sender = this.#senders.get(old);
    const replace = async () => {
      if (!sender) throw new Error('nobody sends the track');
      await sender.replaceTrack(next === undefined ? null : this.#media.get(next).track);
      this.#senders.delete(old);
      if (next !== undefined) this.#senders.set(next, sender);
    };
    this.#run('replaced', replace, { old });
  }

  sampleStats() {
    if (this.#pc?.getStats) this.#run('stats', async () => sample(await this.#pc.getStats()));
  }

  /** Reports how a call of the connection ended. */
  async #run(on, call, more) {
    let answer;
    try {
      answer = await call();
    } catch (error) {
      answer = { failure: failure(error) };
    }
    this.#report(on, { ...more, ...answer });
  }

  /** Reports when the present turn of the engine is over. */
  #later(on, more) {
    queueMicrotask(() => this.#report(on, more));
  }

  #listen(target, type, listener) {
    target.addEventListener?.(type, listener);
    this.#listeners.push([target, type, listener]);
  }

  /** The number of an object that came over this connection. */
  #number(object) {
    const number = numberOf(object);
    this.#objects.set(number, object);
    return number;
  }

  #candidate(found) {
    if (!found) {
      this.#report('localCandidate');
      return;
    }
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = found;
    this.#report('localCandidate', { candidate: { candidate, sdpMid, sdpMLineIndex, usernameFragment } });
  }

  #track({ track, streams = [], transceiver }) {
    const known = this.#objects.has(numberOf(track));
    const key = this.#number(track);
    if (!known) this.#listen(track, 'ended', () => this.#report('trackEnded', { track: key }));
    const named = streams.map((stream) => {
      if (!this.#objects.has(numberOf(stream))) this.#watch(stream);
      return { key: this.#number(stream), id: stream.id };
    });
    this.#report('track', { key, id: track.id, mid: transceiver?.mid, kind: track.kind, streams: named });
  }

  /** A sender that takes a track back only mutes it here, but takes it out of its stream. */
  #watch(stream) {
    this.#listen(stream, 'removetrack', ({ track }) =>
      this.#report('trackRemoved', { stream: stream.id, track: numberOf(track) }));
  }
}
