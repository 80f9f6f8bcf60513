// A graceful restart on the same port: clients are told, come back, and are in their channel.

import assert from 'node:assert/strict';
import { run } from './lib/run.mjs';
import { connectedClient, newPeer } from './lib/sdk.mjs';
import { createDeployment, mint } from './lib/server.mjs';

await run('w117 restart', 90, async (test) => {
  const deployment = await createDeployment(test);
  let server = await deployment.start();
  const token = (id) => ({ tokenProvider: () => mint(server, id) });

  test.step('joining');
  const client = await connectedClient(test, server);
  await client.client.subscribe('hall');
  const a = newPeer(test, server, token('a'));
  const b = newPeer(test, server, token('b'));
  await a.peer.join('hall');
  await b.peer.join('hall');
  await a.seen.wait('peer-joined', ({ peer }) => peer.id === 'b');
  await b.seen.wait('peer-joined', ({ peer }) => peer.id === 'a');
  const [bSeenByA] = a.peer.remotePeers.filter((remote) => remote.id === 'b');

  test.step('stopping the server');
  await server.stop();
  const warning = await client.seen.wait('going-away');
  assert.ok(Number.isInteger(warning.retryAfterMs) && warning.retryAfterMs > 0);
  const loss = await client.seen.wait('disconnected');
  assert.deepEqual([loss.code, loss.willReconnect], [1001, true]);

  test.step('starting it again');
  server = await deployment.start();
  const welcome = await client.seen.wait('connected', ({ isReconnect }) => isReconnect);
  for (const { seen } of [a, b]) await seen.wait('state-change', ({ from }) => from === 'reconnecting');

  test.step('talking again');
  assert.deepEqual([a.peer.state, b.peer.state], ['joined', 'joined']);
  // The first one that named a is from before the restart; a message that is sent too early is lost.
  await client.seen.waitCount('presence', 2, ({ joined }) => joined.some(({ peerId }) => peerId === 'a'));
  await a.peer.send('back');
  await b.seen.wait('data', ({ data }) => data === 'back');
  await client.seen.wait('message', ({ data }) => data === 'back');
  await client.client.send('b', 'direct');
  const ids = ({ peer }) => ['a', 'b'].includes(peer.id);
  for (const { seen } of [a, b]) assert.deepEqual(seen.all('peer-left', ids), [], 'nobody left');
  assert.equal(a.peer.remotePeers.find((remote) => remote.id === 'b'), bSeenByA);
  assert.equal(typeof welcome.peerId, 'string');
});
