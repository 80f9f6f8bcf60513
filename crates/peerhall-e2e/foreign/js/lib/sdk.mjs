// The vendor's SDK as an application in Node uses it: unchanged, with `ws` as its socket.

import { MeteredPeer, SignallingClient } from '@metered-ca/realtime';
import WebSocket from 'ws';
import { InertConnection } from './inert_connection.mjs';
import { Recorder } from './recorder.mjs';

const CLIENT_EVENTS = [
  'connected', 'disconnected', 'state-change', 'message', 'direct', 'presence', 'server-error',
  'going-away', 'token-provider-error',
];
const PEER_EVENTS = ['joined', 'left', 'state-change', 'peer-joined', 'peer-left', 'data', 'error'];

const inNode = { webSocketFactory: (url) => new WebSocket(url) };

function credential(server, options) {
  return options.tokenProvider ? {} : { apiKey: server.publishableKey };
}

/** A `SignallingClient` with a recorder of all its events; `options` go to the constructor. */
export function newClient(test, server, options = {}) {
  const base = { url: server.url, ...credential(server, options), ...inNode };
  const client = new SignallingClient({ ...base, ...options });
  test.defer(() => client.close());
  return { client, seen: new Recorder(client, CLIENT_EVENTS) };
}

/** The same, connected; `welcome` is the payload of its first `connected` event. */
export async function connectedClient(test, server, options) {
  const made = newClient(test, server, options);
  await made.client.connect();
  return { ...made, welcome: await made.seen.wait('connected') };
}

/** A `MeteredPeer` whose peer connections do nothing: Node has no WebRTC. */
export function newPeer(test, server, options = {}) {
  const base = { url: server.url, ...credential(server, options), ...inNode };
  const rtc = { rtcPeerConnectionFactory: () => new InertConnection() };
  const peer = new MeteredPeer({ ...base, ...rtc, ...options });
  test.defer(() => peer.close());
  return { peer, seen: new Recorder(peer, PEER_EVENTS) };
}

/** Resolves with what `promise` was rejected with; rejects when it was fulfilled. */
export async function refusal(promise, what) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what} was not refused`);
}
