// Two pages exchange their cameras. Metadata is not asserted here: the vendor's SDK looks it up by
// the track id of the sender, which Chromium does not give the receiving track of a two-way call.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

await run('w152 two way', 90, async (test) => {
  const server = await startDev(test);
  test.step('starting the browser');
  const browser = await startBrowser(test, server);
  const pages = { ann: await browser.openPage(), ben: await browser.openPage() };
  for (const [name, page] of Object.entries(pages)) {
    await page.evaluate(async (who, url) => {
      hall.invite(who, { url, token: who });
      await hall.guest(who).peer.join('call');
    }, name, server.url);
  }

  // One after the other: offers that collide stall in Chromium now and then (see pages/peer.js).
  await show(test, pages, 'ann', 'ben');
  await show(test, pages, 'ben', 'ann');
  test.step('looking once more');
  await pages.ben.evaluate(() => hall.guest('ben').seesVideoOf('ann'));
});

async function show(test, pages, from, to) {
  test.step(`showing ${from} to ${to}`);
  const stream = await pages[from].evaluate((who) =>
    hall.guest(who).addCamera({ role: 'camera' }, { audio: true }), from);
  const [added] = await pages[to].evaluate((who, of) =>
    hall.guest(who).wait('stream-added', { of }), to, from);
  assert.equal(added.stream, stream);
  await pages[to].evaluate((who, of) => hall.guest(who).seesVideoOf(of), to, from);
}
