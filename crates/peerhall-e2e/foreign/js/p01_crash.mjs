// The server dies without a word under a room and is started again on the same port and folder.
// Nobody who comes back is announced as gone: every RemotePeer object stays, every pair connects.
// Usage: node p01_crash.mjs PEERS [camera], the latter with a picture from the first peer to all.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { pause, run } from './lib/run.mjs';
import { createDeployment } from './lib/server.mjs';

const PAGES = 2;
/** How long the server is away: some return at once, some only at their second attempt. */
const DOWN_MS = 1_000;
/** The server's linger for those who have not come back is 15 s; a wrong farewell comes then. */
const LINGER_OVER_MS = 17_000;

const size = Number(process.argv[2]);
const withCamera = process.argv[3] === 'camera';

await run(`p01 crash under ${size} peers`, 180, async (test) => {
  const deployment = await createDeployment(test);
  const server = await deployment.start();
  test.step('starting the browser');
  const browser = await startBrowser(test, server);
  const pages = [];
  for (let i = 0; i < PAGES; i += 1) pages.push(await browser.openPage());
  const all = (body, ...args) => Promise.all(pages.map((page) => page.evaluate(body, ...args)));

  test.step('filling the room');
  await Promise.all(pages.map((page, i) => fill(page, i, server.url)));
  await everyPairTalks(all);
  const before = await snapshot(all);
  assert.equal(before.length, size);

  test.step('killing the server');
  await server.stop('SIGKILL');
  await all(() => Promise.all(hall.guests().map((g) => g.wait('state', { to: 'reconnecting' }))));
  await pause(DOWN_MS);

  test.step('starting it again');
  const restarted = Date.now();
  await deployment.start();
  await all(() => Promise.all(hall.guests().map((g) => g.wait('state', { to: 'joined' }, 2))));
  const back = Date.now() - restarted;

  test.step('talking over every pair again');
  await everyPairTalks(all);
  const connected = Date.now() - restarted;

  test.step('waiting for the end of the linger');
  await pause(Math.max(0, LINGER_OVER_MS - (Date.now() - restarted)));
  assert.deepEqual(await snapshot(all), before, 'same objects, nobody left, nobody new');
  await everyPairTalks(all);
  return `all back after ${back} ms, all pairs connected after ${connected} ms`;
});

function fill(page, index, url) {
  return page.evaluate(async (origin, first, count, camera) => {
    for (let i = first; i < first + count; i += 1) {
      hall.invite(`peer-${i}`, { url: origin, token: `peer-${i}`, meshes: 'later' });
    }
    if (camera && first === 0) await hall.guest('peer-0').addCamera({ role: 'camera' });
    await Promise.all(hall.guests().map(({ peer }) => peer.join('room')));
  }, url, (index * size) / PAGES, size / PAGES, withCamera);
}

/** Every pair's data channel echoes, and with a camera everybody sees its pictures move. */
async function everyPairTalks(all) {
  await all((others, camera) => Promise.all(hall.guests().map(async (guest) => {
    await guest.talksToAll(others);
    if (camera && guest.peer.peerId !== 'peer-0') await guest.seesVideoOf('peer-0');
  })), size - 1, withCamera);
}

async function snapshot(all) {
  const perPage = await all(() => hall.guests().map((guest) => ({
    id: guest.peer.peerId,
    objects: guest.identities(),
    left: guest.events('peer-left'),
    met: guest.events('peer-joined').length,
  })));
  return perPage.flat();
}
