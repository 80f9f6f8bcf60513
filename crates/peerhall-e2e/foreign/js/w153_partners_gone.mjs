// While one peer is cut off, everybody else leaves. It comes back to an empty room at once.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

await run('w153 partners gone', 90, async (test) => {
  const server = await startDev(test);
  const proxy = await startProxy(test, server.port);
  test.step('starting the browser');
  const browser = await startBrowser(test, server);
  const page = await browser.openPage();

  test.step('connecting three peers');
  await page.evaluate(async (direct, cuttable) => {
    hall.invite('left-behind', { url: cuttable, token: 'left-behind', meshes: 'later' });
    for (const name of ['x', 'y']) hall.invite(name, { url: direct, token: name, meshes: 'later' });
    for (const guest of hall.guests()) await guest.peer.join('room');
    await Promise.all(hall.guests().map((guest) => guest.talksToAll(2)));
  }, server.url, proxy.url);

  test.step('leaving while it is cut off');
  proxy.refuse(true);
  proxy.cut();
  await page.evaluate(async () => {
    await hall.guest('left-behind').wait('state', { to: 'reconnecting' });
    await hall.guest('x').peer.close();
    await hall.guest('y').peer.close();
  });

  test.step('coming back');
  const reconnected = proxy.nextConnection();
  proxy.refuse(false);
  await reconnected;
  const departed = await page.evaluate(async () => {
    const guest = hall.guest('left-behind');
    const back = () => guest.peer.state === 'joined' && guest.events('peer-left').length === 2;
    await hall.until(back, `back alone: ${guest.summary()}`, 2_000);
    return guest.events('peer-left').map(({ of }) => of).sort();
  });
  assert.deepEqual(departed, ['x', 'y']);
});
