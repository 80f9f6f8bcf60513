// A call whose signalling sockets are cut: who comes back keeps its RemotePeer objects, never hears
// that the other left, and the picture moves again. Media goes one way, so that only one side
// offers after a return (see pages/peer.js).

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

await run('w152 cut', 120, async (test) => {
  const server = await startDev(test);
  const sockets = { actor: await startProxy(test, server.port), viewer: await startProxy(test, server.port) };
  test.step('starting the browser');
  const browser = await startBrowser(test, server);
  const stage = await join(browser, sockets, 'actor');
  const stall = await join(browser, sockets, 'viewer');

  test.step('calling');
  await stage.page.evaluate(() => hall.guest('actor').addCamera({ role: 'camera' }, { audio: true }));
  await theCallIsUp(stage, stall, 1);

  test.step('cutting the socket of the one who shows');
  await cut(sockets, [stage]);
  await theCallIsUp(stage, stall, 2);
  // The vendor's SDK refuses a new connection from a peer it still holds, so the one who stayed is
  // told of the drop and of the return.
  await stall.departures(['actor']);

  test.step('cutting the socket of the one who looks');
  await cut(sockets, [stall]);
  await theCallIsUp(stage, stall, 3);
  await stage.departures(['viewer']);

  test.step('cutting both sockets at once');
  await cut(sockets, [stage, stall]);
  await theCallIsUp(stage, stall, 4);
  await stage.departures(['viewer']);
  await stall.departures(['actor']);
});

async function join(browser, sockets, name) {
  const page = await browser.openPage();
  const meshes = name === 'actor' ? 'everybody' : undefined;
  await page.evaluate(async (who, options) => {
    hall.invite(who, options);
    await hall.guest(who).peer.join('call');
  }, name, { url: sockets[name].url, token: name, meshes });
  return {
    name,
    page,
    identities: () => page.evaluate((who) => hall.guest(who).identities(), name),
    /** Whom this one was told to have left, in the whole test. */
    departures: async (expected) => assert.deepEqual(
      await page.evaluate((who) => hall.guest(who).events('peer-left').map(({ of }) => of), name),
      expected,
    ),
  };
}

/** Cuts off `guests`, waits for their return, and finds them with the same remote peer objects. */
async function cut(sockets, guests) {
  const before = await Promise.all(guests.map((guest) => guest.identities()));
  const count = (guest) => guest.page.evaluate((who) => {
    const of = (to) => hall.guest(who).events('state', { to }).length;
    return [of('reconnecting'), of('joined')];
  }, guest.name);
  const counts = await Promise.all(guests.map(count));
  for (const guest of guests) sockets[guest.name].cut();
  await Promise.all(guests.map((guest, i) => guest.page.evaluate(async (who, [gone, back]) => {
    await hall.guest(who).wait('state', { to: 'reconnecting' }, gone + 1);
    await hall.guest(who).wait('state', { to: 'joined' }, back + 1);
  }, guest.name, counts[i])));
  assert.deepEqual(await Promise.all(guests.map((guest) => guest.identities())), before);
}

/** The viewer was given the camera for the `times`th time, it moves, and the channel echoes. */
async function theCallIsUp(stage, stall, times) {
  const added = await stall.page.evaluate((count) =>
    hall.guest('viewer').wait('stream-added', { of: 'actor' }, count), times);
  assert.deepEqual(added.at(-1), { ...added[0], kinds: ['audio', 'video'], metadata: { role: 'camera' } });
  await stall.page.evaluate(() => hall.guest('viewer').seesVideoOf('actor'));
  await stage.page.evaluate(() => hall.guest('actor').talksTo('viewer'));
}
