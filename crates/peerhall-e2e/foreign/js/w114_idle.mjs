// Five minutes of silence: neither the client's watchdog nor the server's cuts the connection.

import assert from 'node:assert/strict';
import { run, pause } from './lib/run.mjs';
import { connectedClient, newPeer } from './lib/sdk.mjs';
import { startDev } from './lib/server.mjs';

const IDLE_MS = 5 * 60 * 1_000;

await run('w114 idle', IDLE_MS / 1_000 + 60, async (test) => {
  const server = await startDev(test);
  const { client, seen } = await connectedClient(test, server);
  await client.subscribe('quiet');
  const other = newPeer(test, server);
  await other.peer.join('quiet');
  await seen.wait('presence', ({ joined }) => joined.length === 1);
  const before = seen.order().length;

  test.step('being idle');
  const lost = seen.wait('disconnected', undefined, 2 * IDLE_MS).then((how) => {
    throw new Error(`the connection was lost: ${JSON.stringify(how)}`);
  });
  await Promise.race([pause(IDLE_MS), lost]);

  assert.deepEqual(seen.order().slice(before), [], 'nothing happened to the client');
  assert.deepEqual(other.seen.all('state-change', ({ from }) => from === 'joined'), []);
  test.step('talking after the silence');
  await client.publish('quiet', 'still here');
  await other.seen.wait('data', ({ data }) => data === 'still here');
});
