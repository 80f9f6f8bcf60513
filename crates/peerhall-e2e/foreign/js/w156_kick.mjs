// An administrator's kick over REST ends the session for good and says so.

import assert from 'node:assert/strict';
import { run } from './lib/run.mjs';
import { newPeer } from './lib/sdk.mjs';
import { mint, rest, startDev } from './lib/server.mjs';

await run('w156 kick', 60, async (test) => {
  const server = await startDev(test);
  const kicked = newPeer(test, server, { tokenProvider: () => mint(server, 'troll') });
  const other = newPeer(test, server);
  test.step('joining');
  await other.peer.join('hall');
  await kicked.peer.join('hall');
  await other.seen.wait('peer-joined', ({ peer }) => peer.id === 'troll');

  test.step('kicking');
  const answer = await rest(server, 'DELETE', '/v1/peers/troll');
  assert.ok(Object.values(answer).includes(1), `one connection closed: ${JSON.stringify(answer)}`);

  const { err } = await kicked.seen.wait('error');
  assert.equal(err.name, 'admin_disconnect');
  await kicked.seen.wait('left');
  assert.equal(kicked.peer.state, 'closed');
  await other.seen.wait('peer-left', ({ peer }) => peer.id === 'troll', 2_000);

  test.step('kicking a peer that is gone');
  const again = await rest(server, 'DELETE', '/v1/peers/troll');
  assert.ok(Object.values(again).includes(0), `nothing to close: ${JSON.stringify(again)}`);
});
