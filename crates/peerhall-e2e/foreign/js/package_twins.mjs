// One scenario on the vendor's package, on ours, and on ours with the peers of `peerhall/labelled`: the same events in the same
// order, with payloads of the same shape, and the same refusals.

import assert from 'node:assert/strict';
import * as theirs from '@metered-ca/realtime';
import WebSocket from 'ws';
import { InertConnection } from './lib/inert_connection.mjs';
import { Recorder } from './lib/recorder.mjs';
import { run } from './lib/run.mjs';
import { createDeployment, mint, rest } from './lib/server.mjs';
import { MeteredPeer } from '../../../../packages/peerhall/dist/labelled.js';
import * as ours from '../../../../packages/peerhall/dist/peerhall.js';

const CLIENT_EVENTS = ['connected', 'disconnected', 'state-change', 'message', 'direct', 'presence', 'server-error', 'going-away', 'token-provider-error'];
const PEER_EVENTS = ['joined', 'left', 'state-change', 'peer-joined', 'peer-left', 'data', 'error'];

/** What a payload is made of, without what differs from run to run. */
function shape(value) {
  if (value instanceof Error) return { error: value.name };
  if (Array.isArray(value)) return value.map(shape);
  if (value && typeof value === 'object') {
    if (typeof value.on === 'function') return { remote: value.id, state: value.state, json: value.toJSON() };
    return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined).sort().map(([key, inner]) => [key, shape(inner)]));
  }
  return typeof value === 'number' && value > 100_000 ? 'number' : value;
}

/** An emitter whose events are kept as `[who, event, shape]`. */
function watched(log, who, emitter, events) {
  for (const event of events) emitter.on(event, (payload) => log.push([who, event, shape(payload)]));
  return new Recorder(emitter, events);
}

/** What a promise is rejected with, as far as programs look at it. */
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    const { name, code, method, currentState, size, cap, closeCode } = error;
    return { name, code, method, currentState, size, cap, closeCode, is: error instanceof TypeError ? 'TypeError' : 'Error' };
  }
  return 'nothing';
}

async function scenario({ SignallingClient, MeteredPeer }, deployment) {
  let server = await deployment.start();
  const log = [];
  const tokens = new Map();
  // One for the whole run: the server that would give another is down for a while.
  const token = async (peer) => {
    if (!tokens.has(peer)) tokens.set(peer, await mint(server, peer, { peerMetadata: { name: peer } }));
    return tokens.get(peer);
  };
  const options = (peer, more) => ({
    url: server.url, webSocketFactory: (url) => new WebSocket(url), reconnect: { initialDelayMs: 200, jitterRatio: 0 },
    tokenProvider: () => token(peer), ...more,
  });
  const client = new SignallingClient(options('client'));
  const seen = watched(log, 'client', client, CLIENT_EVENTS);
  const make = (name) => new MeteredPeer(options(name, { rtcPeerConnectionFactory: () => new InertConnection() }));
  const [ann, ben] = [make('ann'), make('ben')];
  const [atAnn, atBen] = [watched(log, 'ann', ann, PEER_EVENTS), watched(log, 'ben', ben, PEER_EVENTS)];
  const refusals = {};

  refusals.publishWhileIdle = await refusal(() => client.publish('room', 1));
  refusals.sendWhileIdle = await refusal(() => ann.send(1));
  refusals.reserved = await refusal(() => ann.join('_internal/x'));
  refusals.noUrl = await refusal(async () => new MeteredPeer({ ...options('x'), url: 'http://x' }));
  refusals.both = await refusal(async () => new MeteredPeer({ ...options('x'), apiKey: 'pk_live_x' }));
  refusals.jitter = await refusal(async () => new MeteredPeer({ ...options('x'), reconnect: { jitterRatio: 2 } }));
  refusals.resubscribe = await refusal(async () => new MeteredPeer({ ...options('x'), autoResubscribe: false }));

  await client.connect();
  await client.subscribe('room', { includeSenderMetadata: true });
  await seen.wait('presence');
  await ann.join('room');
  await seen.waitCount('presence', 2);
  await ben.join('room', { includeSenderMetadata: true });
  await seen.waitCount('presence', 3);
  await Promise.all([atAnn.wait('peer-joined', ({ peer }) => peer.id === 'ben'), atBen.wait('peer-joined', ({ peer }) => peer.id === 'ann')]);
  await ann.send({ text: 'to all' });
  await Promise.all([seen.wait('message'), atBen.wait('data')]);
  await ben.sendTo('ann', ['to one']);
  await atAnn.wait('data');
  await client.send('ben', { kind: 'direct' });
  await atBen.waitCount('data', 2);

  refusals.unknownPeer = await refusal(() => ann.sendTo('nobody', 1));
  refusals.toSelf = await refusal(() => ann.sendTo('ann', 1));
  refusals.nothing = await refusal(() => ann.send(undefined));
  refusals.oversized = await refusal(() => ann.send('x'.repeat(70_000)));
  refusals.oversizedClient = await refusal(() => client.publish('room', 'x'.repeat(70_000)));
  refusals.joinTwice = await refusal(() => ann.join('other'));
  refusals.noTrack = await refusal(() => ann.replaceTrack(null, null));
  refusals.emptyChannel = await refusal(() => client.subscribe(''));

  await ben.close('enough');
  await Promise.all([atBen.wait('left'), atAnn.wait('peer-left'), seen.waitCount('presence', 4)]);
  refusals.closed = await refusal(async () => ben.addTrack({ id: 't', kind: 'audio' }));
  await rest(server, 'DELETE', '/v1/peers/ann');
  await Promise.all([atAnn.wait('left'), seen.waitCount('presence', 5)]);
  await server.stop('SIGKILL');
  await seen.wait('disconnected');
  server = await deployment.start();
  await seen.waitCount('connected', 2);
  await seen.waitCount('presence', 6);
  await client.close();
  await seen.waitCount('disconnected', 2);
  await server.stop();
  return { by: (who) => inAnyOrder(log.filter(([of]) => of === who).map(([, ...rest]) => rest)), refusals };
}

/** Sorts events of one name that follow each other: a list of members comes in any order. */
function inAnyOrder(events) {
  const runs = [];
  for (const event of events) {
    if (runs.at(-1)?.[0][0] === event[0]) runs.at(-1).push(event);
    else runs.push([event]);
  }
  const text = (event) => JSON.stringify(event);
  return runs.flatMap((run) => (run[0][0].startsWith('peer-') ? run.sort((a, b) => (text(a) < text(b) ? -1 : 1)) : run));
}

await run('twins', 120, async (test) => {
  const told = {};
  for (const [whose, sdk] of Object.entries({ theirs, ours, labelled: { ...ours, MeteredPeer } })) {
    test.step(`the scenario on ${whose}`);
    // The vendor's loses the members of a room that it is told of in the same turn as its join is acknowledged
    // (sdk-behaviour, X4); on a machine that stands still for a moment that happens.
    const isClient = ([name, detail]) => name === 'peer-joined' && detail.peer.remote === 'client';
    const isWhole = () => whose !== 'theirs' || told.theirs.by('ann').some(isClient);
    for (let tries = 0; tries < 5 && !(told[whose] && isWhole()); tries += 1) told[whose] = await scenario(sdk, await createDeployment(test));
  }
  assert.ok(told.theirs.by('client').length > 15 && told.theirs.by('ann').length > 8, 'the scenario is told of');
  for (const whose of ['ours', 'labelled']) {
    assert.deepEqual(told[whose].refusals, told.theirs.refusals, whose);
    for (const who of ['client', 'ann', 'ben']) assert.deepEqual(told[whose].by(who), told.theirs.by(who), `${who}, ${whose}`);
  }
});
