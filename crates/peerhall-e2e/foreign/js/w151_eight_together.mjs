// Eight peers join at the same moment: everybody meets everybody, and every pair exchanges
// descriptions although both sides of each pair offer at once.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const PEERS = 8;

await run('w151 eight together', 120, async (test) => {
  const server = await startDev(test);
  test.step('starting the browser');
  const { openPage } = await startBrowser(test, server);
  const page = await openPage();
  const { url, publishableKey: apiKey } = server;

  test.step('joining together');
  await page.evaluate(async (options, count) => {
    for (let i = 0; i < count; i += 1) hall.invite(`p${i}`, options);
    await Promise.all(hall.guests().map(({ peer }) => peer.join('assembly')));
  }, { url, apiKey, meshes: 'everybody' }, PEERS);

  test.step('exchanging descriptions');
  const seen = await page.evaluate(async (others) => {
    const described = ({ pc }) => pc.localDescription && pc.remoteDescription;
    const done = ({ peer: { remotePeers } }) =>
      remotePeers.length === others && remotePeers.every(described);
    const all = hall.guests();
    await hall.until(() => all.every(done), 'descriptions everywhere').catch((late) => {
      throw new Error([late.message, ...all.map((guest) => guest.summary())].join('\n'));
    });
    return all.map((guest) => ({
      id: guest.peer.peerId,
      remotes: guest.peer.remotePeers.map((remote) => remote.id).sort(),
      left: guest.events('peer-left'),
    }));
  }, PEERS - 1);

  const ids = seen.map(({ id }) => id).sort();
  for (const { id, remotes, left } of seen) {
    assert.deepEqual(remotes, ids.filter((other) => other !== id));
    assert.deepEqual(left, []);
  }
  return `${PEERS} peers, ${(PEERS * (PEERS - 1)) / 2} pairs`;
});
