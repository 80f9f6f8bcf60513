// The low-level client: its requests, the names of its errors, and its way back after a cut.

import assert from 'node:assert/strict';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { connectedClient, newClient, refusal } from './lib/sdk.mjs';
import { mint, startDev } from './lib/server.mjs';

await run('w149 client', 60, async (test) => {
  const server = await startDev(test);
  const proxy = await startProxy(test, server.port);

  test.step('connecting');
  const a = await connectedClient(test, server, { url: proxy.url });
  const b = await connectedClient(test, server);
  assert.equal(a.welcome.maxMessageSize, 65_536);
  assert.equal(a.welcome.expiresAt, null);
  assert.ok(Math.abs(a.welcome.serverTime - Date.now() / 1_000) < 2, 'serverTime is in seconds');
  assert.notEqual(a.welcome.peerId, b.welcome.peerId);

  test.step('meeting in a channel');
  await b.client.subscribe('lobby');
  // Whoever subscribes before another's snapshot is out may learn of it by news instead.
  await b.seen.wait('presence');
  await a.client.subscribe('lobby');
  const roster = await a.seen.wait('presence', (frame) => frame.channel === 'lobby');
  assert.deepEqual(roster.joined, [{ peerId: b.welcome.peerId }]);
  const news = (frame) => frame.joined.some((peer) => peer.peerId === a.welcome.peerId);
  await b.seen.wait('presence', news);

  test.step('publishing and sending');
  const data = { text: 'grüße \u{1f44b}', number: 1.5, nothing: null };
  await a.client.publish('lobby', data);
  const message = await b.seen.wait('message');
  assert.deepEqual(message, { channel: 'lobby', from: a.welcome.peerId, data });
  await b.client.send(a.welcome.peerId, ['direct', null]);
  const direct = await a.seen.wait('direct');
  assert.deepEqual(direct, { from: b.welcome.peerId, data: ['direct', null] });

  test.step('being refused');
  await errorsHaveTheirNames(test, server, a.client);

  test.step('coming back after a cut');
  const { peerId } = await theClientReturnsToItsChannel(a, b, proxy);

  test.step('unsubscribing');
  await a.client.unsubscribe('lobby');
  a.seen.clear();
  await b.client.publish('lobby', 'nobody home');
  await b.client.send(peerId, 'fence');
  await a.seen.wait('direct', (frame) => frame.data === 'fence');
  assert.deepEqual(a.seen.all('message'), [], 'no message after the ack of unsubscribe');
});

/** Each refusal carries the server's code as its name, and the connection lives on. */
async function errorsHaveTheirNames(test, server, client) {
  const unknown = await refusal(client.send('nobody-here', 1), 'a send to nobody');
  assert.equal(unknown.name, 'peer_not_found');
  const reserved = await refusal(client.subscribe('_metered/x'), 'a reserved channel');
  assert.equal(reserved.name, 'channel_reserved');
  // 200 two-byte characters pass the SDK's own check and break the server's, which counts bytes.
  const long = await refusal(client.subscribe('ö'.repeat(200)), 'a channel of 400 bytes');
  assert.equal(long.name, 'invalid_channel');

  const claims = { channels: ['room-1'], permissions: ['subscribe', 'presence'] };
  const tokenProvider = () => mint(server, 'narrow', claims);
  const narrow = await connectedClient(test, server, { tokenProvider });
  const outside = await refusal(narrow.client.subscribe('room-2'), 'a channel out of scope');
  assert.equal(outside.name, 'channel_not_authorized');
  const silent = await refusal(narrow.client.publish('room-1', 1), 'an action out of scope');
  assert.equal(silent.name, 'action_not_permitted');
  await narrow.client.subscribe('room-1');

  const stranger = newClient(test, server, { apiKey: 'pk_live_00000000000000000000000000000000' });
  const rejected = await refusal(stranger.client.connect(), 'an unknown key');
  assert.equal(rejected.name, 'SignallingConnectError');
  assert.equal(rejected.closeCode, 4001);
  assert.equal(client.state, 'connected');
}

/** Cuts `a`'s socket: it reconnects and is in the channel again. Gives its new welcome. */
async function theClientReturnsToItsChannel(a, b, proxy) {
  b.seen.clear();
  a.seen.clear();
  proxy.cut();
  const loss = await a.seen.wait('disconnected');
  assert.equal(loss.willReconnect, true);
  const old = a.welcome.peerId;
  await b.seen.wait('presence', (frame) => frame.left.some((peer) => peer.peerId === old), 2_000);
  const welcome = await a.seen.wait('connected');
  assert.equal(welcome.isReconnect, true);
  const roster = await a.seen.wait('presence', (frame) => frame.channel === 'lobby');
  assert.deepEqual(roster.joined, [{ peerId: b.welcome.peerId }]);
  await b.client.publish('lobby', 'welcome back');
  const message = await a.seen.wait('message');
  assert.equal(message.data, 'welcome back');
  return welcome;
}
