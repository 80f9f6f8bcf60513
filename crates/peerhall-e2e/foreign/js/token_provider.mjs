// Tokens minted over REST: who the peer is, what others see of it, and a fresh one when it ends.

import assert from 'node:assert/strict';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { connectedClient, newPeer } from './lib/sdk.mjs';
import { mint, startDev } from './lib/server.mjs';

await run('token provider', 60, async (test) => {
  const server = await startDev(test);
  const proxy = await startProxy(test, server.port);

  test.step('joining with a token');
  let minted = 0;
  const tokenProvider = () => {
    minted += 1;
    return mint(server, 'alice', { channels: ['desk'], peerMetadata: { name: 'Alice' } });
  };
  const alice = newPeer(test, server, { tokenProvider, url: proxy.url });
  const bob = newPeer(test, server);
  await bob.peer.join('desk', { includeSenderMetadata: true });
  await alice.peer.join('desk');
  assert.equal(alice.peer.peerId, 'alice');
  const { peer: remote } = await bob.seen.wait('peer-joined');
  assert.deepEqual([remote.id, remote.metadata], ['alice', { name: 'Alice' }]);

  test.step('talking with metadata');
  await alice.seen.wait('peer-joined');
  await alice.peer.send('to all');
  await alice.peer.sendTo(bob.peer.peerId, 'to one');
  for (const kind of ['broadcast', 'direct']) {
    const { senderMetadata } = await bob.seen.wait('data', (event) => event.kind === kind);
    assert.deepEqual(senderMetadata, { name: 'Alice' }, `metadata of a ${kind}`);
  }

  test.step('coming back with a new token and the same id');
  proxy.cut();
  await alice.seen.wait('state-change', ({ from, to }) => from === 'reconnecting' && to === 'joined');
  assert.deepEqual([alice.peer.peerId, minted], ['alice', 2]);
  assert.deepEqual(alice.seen.all('peer-left'), []);

  await anEndingTokenIsReplaced(test, server);
});

/** The server closes with 4002 just before the end of a token; the SDK asks for the next one. */
async function anEndingTokenIsReplaced(test, server) {
  test.step('outliving a token of three seconds');
  const lives = [3, 3_600];
  const tokenProvider = () => mint(server, 'carol', { expiresInSec: lives.shift() });
  const { seen, welcome } = await connectedClient(test, server, { tokenProvider });
  const { code } = await seen.wait('disconnected');
  assert.equal(code, 4002);
  const ended = Date.now() / 1_000;
  const off = ended - welcome.expiresAt;
  assert.ok(off > -0.6 && off < 0.5, `closed ${off.toFixed(2)} s after the end of the token`);
  const next = await seen.wait('connected', ({ isReconnect }) => isReconnect);
  assert.equal(next.peerId, 'carol');
  assert.ok(next.expiresAt > ended + 3_000);
}
