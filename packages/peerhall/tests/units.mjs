// The package in Node.js, without a server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as labelled from '../dist/labelled.js';
import * as peerhall from '../dist/peerhall.js';
import { jsonBytes, utf8Bytes } from '../src/json.js';

const { FileCode, LabelledError, Room } = labelled;
const { ConsoleLogger, DataChannel, DataChannelOverflowError, MeteredPeer, SignallingClient } = peerhall;
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/** A socket that nobody answers on. */
class MuteSocket extends EventTarget {
  readyState = 0;
  send() {}
  close(code, reason) {
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}

const options = { url: 'ws://localhost:1', apiKey: 'pk_live_secret', webSocketFactory: () => new MuteSocket() };

function refused(change, pattern = /./) {
  for (const Class of [SignallingClient, MeteredPeer]) {
    assert.throws(() => new Class({ ...options, ...change }), { name: 'TypeError', message: pattern }, JSON.stringify(change));
  }
}

/** A data channel whose buffer empties when it is told to. */
class FakeChannel extends EventTarget {
  label = 'fake';
  readyState = 'open';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  sent = [];

  send(data) {
    if (data === 'refused') throw new Error('refused');
    this.sent.push(data);
    this.bufferedAmount += data.length ?? data.byteLength;
  }

  drain() {
    this.bufferedAmount = 0;
    this.dispatchEvent(new Event('bufferedamountlow'));
  }

  close() {
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
  }
}

/** Labels on the one object that `made` gives for further options. */
async function oneObject(made) {
  const peer = made({ stallMs: 5_000, collectLimit: 10 });
  const { labelled: room } = peer;
  assert.ok(room instanceof Room);
  assert.deepEqual([room.peer === peer, peer.labelled === room], [true, true]);
  const other = new Room(options);
  assert.ok(other.peer instanceof labelled.MeteredPeer);
  assert.deepEqual([other.peer.labelled === other, other.peer === peer], [true, false]);
  // One state, whichever of the two is asked.
  peer.openChannel('files');
  peer.openChannel({ label: 'game', ordered: false });
  peer.openChannel();
  room.open('chat');
  peer.closeChannel('files');
  room.close('default');
  assert.deepEqual([...room.channels], [['game', { ordered: false }], ['chat', {}]]);
  assert.throws(() => peer.openChannel('__mine'), (error) => error instanceof LabelledError && error.code === 'bad_label');
  assert.deepEqual([...room.channels.keys()], ['game', 'chat'], 'what was refused is not open');
  assert.deepEqual(await peer.transfer('to nobody', 'chat'), []);
  // `send` is the peer's own, and so is what is told of it.
  await assert.rejects(peer.send('x'), { name: 'MeteredPeerSendError', code: 'not_joined' });
  assert.deepEqual(JSON.parse(JSON.stringify(peer)), { state: 'idle', peerId: null, channel: null });
  for (const wrong of [{ collectLimit: -1 }, { collectLimit: NaN }, { stallMs: -1 }, { maxMessage: NaN }, { url: 'http://h' }]) {
    for (const make of [made, (more) => new Room({ ...options, ...more })]) assert.throws(() => make(wrong), TypeError, JSON.stringify(wrong));
  }
  const unlabelled = made({});
  for (const event of ['error', 'peer-joined', 'state-change']) assert.equal(unlabelled.listenerCount(event), 0, event);
  for (const one of [peer, other.peer, unlabelled]) await one.close();
}

export default {
  options() {
    for (const url of [undefined, '', 'h', 'http://h', 'ws://h', 'ws://127.0.0.2', 'wss://h/path', 'wss://h?x', 'wss://h#x', 'wss://u:p@h', 7]) refused({ url });
    for (const url of ['wss://h', 'wss://h/', 'WSS://H:443', 'ws://localhost:1', 'ws://127.0.0.1', 'ws://[::1]:7', ['wss://a', 'wss://b']]) {
      new MeteredPeer({ ...options, url });
    }
    new MeteredPeer({ ...options, url: 'ws://192.168.0.7', allowInsecure: true });
    refused({ apiKey: undefined });
    refused({ apiKey: '' });
    refused({ tokenProvider: async () => 'x' });
    refused({ apiKey: undefined, tokenProvider: 'x' });
    for (const reconnect of [
      { multiplier: 0.5 }, { multiplier: NaN }, { multiplier: Infinity }, { initialDelayMs: -1 }, { initialDelayMs: Infinity },
      { maxDelayMs: -1 }, { maxDelayMs: NaN }, { jitterRatio: 1.1 }, { jitterRatio: -0.1 }, { maxAttempts: 0 },
      { maxAttempts: 1.5 }, { maxAttempts: NaN }, { maxAttempts: '3' },
    ]) refused({ reconnect });
    for (const reconnect of [false, {}, { maxAttempts: Infinity }, { initialDelayMs: 0, maxDelayMs: 0, jitterRatio: 0, multiplier: 1 }]) {
      new SignallingClient({ ...options, reconnect });
    }
    assert.throws(() => new MeteredPeer({ ...options, autoResubscribe: false }), TypeError);
    new SignallingClient({ ...options, autoResubscribe: false });
    for (const tokenProviderTimeoutMs of [0, -1, NaN, Infinity]) refused({ tokenProviderTimeoutMs });
  },

  r08() {
    refused({ inactivityTimeoutMs: NaN }, /inactivityTimeoutMs/);
    refused({ inactivityTimeoutMs: '60000' }, /inactivityTimeoutMs/);
    for (const inactivityTimeoutMs of [0, -1, Infinity, -Infinity, 1_000]) new SignallingClient({ ...options, inactivityTimeoutMs });
  },

  r13() {
    const code = `
      delete globalThis.WebSocket;
      const { MeteredPeer, SignallingClient } = await import(${JSON.stringify(`file://${DIST}peerhall.js`)});
      for (const Class of [MeteredPeer, SignallingClient]) {
        try {
          new Class({ url: 'wss://h', apiKey: 'x' });
        } catch (error) {
          if (error.constructor === Error && /webSocketFactory/.test(error.message)) continue;
          throw error;
        }
        throw new Error('made without a socket');
      }`;
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
  },

  r23() {
    const client = new SignallingClient(options);
    const peer = new MeteredPeer(options);
    for (const emitter of [client, peer]) {
      let calls = 0;
      const count = () => (calls += 1);
      assert.equal(emitter.once('state-change', count).on('state-change', count).off('state-change', count), emitter);
      emitter.connect?.().catch(() => {});
      emitter.join?.('room').catch(() => {});
      // The registration by `once` came first and is the one that was removed; the other one counts.
      assert.equal(calls, 1);
      emitter.off('state-change', count).off('state-change', count);
      emitter.close();
      assert.equal(calls, 1);
    }
    const order = [];
    peer.once('data', () => order.push('once'));
    peer.on('data', () => order.push('on'));
    peer.emit('data', {});
    peer.emit('data', {});
    assert.deepEqual(order, ['once', 'on', 'on']);
    assert.equal(peer.listenerCount('data'), 1);
  },

  r42() {
    const encoder = new TextEncoder();
    for (const text of ['', 'abc', 'ü', '€', '𝄞', 'a𝄞ü€', '\ud800', '\udc00', 'x\ud834', '\udd1e\ud834', '\ud834\ud834\udd1e']) {
      assert.equal(utf8Bytes(text), encoder.encode(text).length, JSON.stringify(text));
    }
    assert.equal(utf8Bytes('\ud800'), 3);
    assert.equal(jsonBytes('x'.repeat(65_535)), 65_537);
    // No text encoder is asked for on the way of a payload.
    const { TextEncoder: kept, TextDecoder: keptToo } = globalThis;
    delete globalThis.TextEncoder;
    delete globalThis.TextDecoder;
    const client = new SignallingClient(options);
    globalThis.TextEncoder = kept;
    globalThis.TextDecoder = keptToo;
    return assert.rejects(client.publish('room', '€'.repeat(30_000)), { name: 'OversizedPayloadError', size: 90_002, cap: 65_536 });
  },

  r80() {
    const peer = new MeteredPeer(options);
    const lines = [];
    const { error } = console;
    console.error = (...line) => lines.push(line);
    const calls = [];
    peer.on('state-change', () => { throw new Error('on purpose'); });
    peer.on('state-change', ({ to }) => calls.push(to));
    peer.join('room').catch(() => {});
    console.error = error;
    assert.deepEqual(calls, ['joining']);
    assert.equal(lines.length, 1);

    const logged = [];
    const logger = { ...ConsoleLogger, error: (message) => logged.push(message) };
    const client = new SignallingClient({ ...options, logger });
    client.on('state-change', () => { throw new Error('on purpose'); }).on('state-change', ({ to }) => calls.push(to));
    client.connect().catch(() => {});
    assert.deepEqual(calls, ['joining', 'connecting']);
    assert.deepEqual(logged, ['listener threw']);
  },

  secrets() {
    const peer = new MeteredPeer(options);
    const client = new SignallingClient(options);
    assert.deepEqual(JSON.parse(JSON.stringify([peer, client])), [{ state: 'idle', peerId: null, channel: null }, { state: 'idle' }]);
  },

  async states() {
    const peer = new MeteredPeer(options);
    await assert.rejects(peer.send(1), { name: 'MeteredPeerSendError', code: 'not_joined' });
    await assert.rejects(peer.join('_Metered/x'), { name: 'MeteredPeerSendError', code: 'reserved_channel' });
    await assert.rejects(peer.join(''), TypeError);
    await assert.rejects(peer.replaceTrack(null, null), TypeError);
    const joining = peer.join('room');
    await assert.rejects(peer.join('room'), { name: 'MeteredPeerStateError', code: 'invalid_state', method: 'join', currentState: 'joining' });
    const left = [];
    peer.on('left', (payload) => left.push(payload));
    await peer.close('enough');
    await assert.rejects(joining, { name: 'SignallingConnectError', closeCode: 1000 });
    assert.deepEqual(left, [{ peerId: null, channel: null, reason: 'enough' }]);
    const track = { id: 't', kind: 'audio' };
    assert.throws(() => peer.addTrack(track), { name: 'MeteredPeerStateError', method: 'addTrack', currentState: 'closed' });
  },

  media() {
    const peer = new MeteredPeer(options);
    const track = { id: 't', kind: 'video' };
    const [one, other] = [{ id: 's1', getTracks: () => [track] }, { id: 's2', getTracks: () => [track] }];
    const metadata = { role: 'camera', more: { n: 1 } };
    peer.addStream(one, metadata);
    peer.addStream(one, { role: 'again' });
    assert.deepEqual(peer.getStreamMetadata(one), metadata);
    assert.deepEqual(peer.getTrackMetadata(track), metadata);
    assert.throws(() => peer.addStream(other), { name: 'MeteredPeerStateError', code: 'track_already_attached', method: 'addTrack' });
    peer.removeStream(one);
    assert.equal(peer.getStreamMetadata(one), undefined);
    assert.throws(() => peer.addTrack(track, one, { big: 'x'.repeat(70_000) }), { name: 'MeteredPeerOversizedError', cap: 65_536 });
    assert.equal(peer.getTrackMetadata(track), undefined);
  },

  async channel() {
    const raw = new FakeChannel();
    const channel = new DataChannel(raw, { maxBufferedAmount: 10, maxQueuedSends: 3 });
    const outcomes = [];
    const send = (data) => channel.send(data).then(() => outcomes.push(data), (error) => outcomes.push(error.name));
    await send('12345678');
    const waiting = [send('refused'), send('abc'), send('de')];
    await assert.rejects(channel.send('x'), DataChannelOverflowError);
    await assert.rejects(channel.send('x'.repeat(11)), Error);
    raw.drain();
    await Promise.all(waiting);
    assert.deepEqual(outcomes, ['12345678', 'Error', 'abc', 'de']);
    assert.deepEqual(raw.sent, ['12345678', 'abc', 'de']);
    const stuck = channel.send('123456');
    channel.close();
    await assert.rejects(stuck, Error);
    await assert.rejects(channel.send('x'), Error);
    for (const bounds of [{ maxBufferedAmount: 0 }, { bufferedAmountLowThreshold: 0 }, { maxBufferedAmount: 4, bufferedAmountLowThreshold: 5 }, { maxQueuedSends: 0 }]) {
      assert.throws(() => new DataChannel(new FakeChannel(), bounds), TypeError);
    }
  },

  code() {
    const description = (...prints) => ({ sdp: ['v=0', ...prints.map((print) => `a=fingerprint:${print}`), ''].join('\r\n') });
    const print = (byte) => `sha-256 ${Array(32).fill(byte).join(':')}`;
    const between = (own, others) => ({ currentLocalDescription: description(own), currentRemoteDescription: description(...others) });
    const [here, there] = [between(print('A1'), [print('B2'), print('B2')]), between(print('B2'), [print('A1')])];
    const code = new FileCode('7K3M 9qxt2h5w-8vbn');
    assert.equal(code.code, '7k3m-9qxt-2h5w-8vbn');
    // As native programs have it (`crates/peerhall-labelled/src/file_code.rs`).
    assert.equal(code.channel, 'send-0w845tmj72qbzr9p9sr4');
    const proof = code.proof('receiver', here);
    assert.equal(proof, 'e32e2343890df77937792b93fa45105d101a7e74b469d7ed15d287e31250d51b');
    assert.equal(code.proves('receiver', there, proof), true);
    assert.equal(code.proves('sender', there, proof), false);
    assert.equal(code.proves('receiver', here, proof), false, 'its own words come back');
    for (const given of [undefined, null, 7, {}, '', proof.slice(1)]) assert.equal(code.proves('receiver', there, given), false);
    const open = [
      undefined, {}, { ...here, currentRemoteDescription: null },
      between(print('A1'), [print('B2'), print('C3')]), between(print('A1'), ['sha-1 B2']),
    ];
    for (const connection of open) {
      assert.equal(code.proof('receiver', connection), undefined);
      assert.equal(code.proves('sender', connection, proof), false);
    }
    for (const wrong of ['', '7k3m', '7k3m-9qxt-2h5w-8vbu', 'https://h/#code=7k3m-9qxt-2h5w-8vbn', undefined, {}]) {
      assert.throws(() => new FileCode(wrong), { name: 'LabelledError', code: 'bad_code' });
    }
  },

  async oneObject() {
    await oneObject((more) => new labelled.MeteredPeer({ ...options, ...more }));
    await oneObject((more) => new MeteredPeer({ ...options, ...more, labels: labelled.labels }));
  },

  async withoutLabels() {
    const peer = new MeteredPeer(options);
    const remote = new peerhall.RemotePeer({ id: 'ann' }, {});
    const calls = [
      (at) => at.openChannel('files'), (at) => at.closeChannel('files'), (at) => at.share({}), (at) => at.unshare('camera'),
      (at) => at.transfer('x', 'files'), (at) => at.labelled,
    ];
    const all = [...calls.flatMap((call) => [() => call(peer), () => call(remote)]), () => remote.streams, () => remote.channels];
    for (const call of all) {
      assert.throws(call, (error) => error instanceof peerhall.MeteredPeerStateError && error.code === 'invalid_state' && /peerhall\/labelled/.test(error.message));
    }
    for (const labels of [true, {}, 'files', () => {}]) assert.throws(() => new MeteredPeer({ ...options, labels }), { name: 'TypeError', message: /peerhall\/labelled/ });
    await peer.close();
  },

  imports() {
    // A host with nothing in it: whoever looks for anything while the package loads, fails.
    const code = `
      for (const name of ['WebAssembly', 'WebSocket', 'RTCPeerConnection', 'performance', 'atob', 'setTimeout', 'queueMicrotask',
        'FinalizationRegistry', 'navigator', 'console', 'AudioContext', 'MediaStream', 'document', 'crypto']) delete globalThis[name];
      for (const entry of ['peerhall', 'signalling', 'labelled', 'helpers']) await import('file://${DIST}' + entry + '.js');`;
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
    execFileSync(process.execPath, ['-e', `for (const entry of ['peerhall', 'signalling', 'labelled', 'helpers']) require('${DIST}' + entry + '.cjs')`], { stdio: 'inherit' });
  },
};
