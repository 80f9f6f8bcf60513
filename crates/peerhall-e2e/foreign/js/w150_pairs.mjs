// Two peers with default settings find each other, whichever of them joins first.

import assert from 'node:assert/strict';
import { run, within } from './lib/run.mjs';
import { newPeer } from './lib/sdk.mjs';
import { startDev } from './lib/server.mjs';

const RUNS = 100;

await run('w150 pairs', 150, async (test) => {
  const server = await startDev(test);
  for (let i = 0; i < RUNS; i += 1) {
    test.step(`pair ${i + 1} of ${RUNS}`);
    const a = newPeer(test, server);
    const b = newPeer(test, server);
    await join(a.peer, b.peer, `pair-${i}`, i % 3);
    await meets(a, b);
    await meets(b, a);
    await within(Promise.all([a.peer.close(), b.peer.close()]), 5_000, 'both peers closed');
  }
  return `${RUNS} of ${RUNS} pairs`;
});

/** One first, the other first, or both at the same time. */
async function join(a, b, channel, order) {
  if (order === 0) await a.join(channel).then(() => b.join(channel));
  else if (order === 1) await b.join(channel).then(() => a.join(channel));
  else await Promise.all([a.join(channel), b.join(channel)]);
}

async function meets(one, other) {
  const { peer } = await one.seen.wait('peer-joined', undefined, 5_000);
  assert.equal(peer.id, other.peer.peerId);
  assert.deepEqual(one.peer.remotePeers.map((remote) => remote.id), [other.peer.peerId]);
}
