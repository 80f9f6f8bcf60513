// `peerhall dev --lan`: whoever does not come from this machine by a name of its own needs the link of the
// terminal, which works once; the page shows a phone where to go.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { openPage } from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startLan } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 50 };
/** A name that a stranger could have made to point here. */
const NAME = 'hall.test';

await run('console on a LAN', 240, async (test) => {
  const server = await startLan(test);
  const browser = await launch(test, { flags: [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`] });
  const base = `http://${NAME}:${server.port}`;
  const { hash } = new URL(server.console);
  assert.match(hash, /^#token=[0-9a-f]{64}$/);

  test.step('coming without the link');
  const stranger = await openPage(test, browser, `${base}/console`, { forgives: ['401'] });
  await stranger.waitForSelector('#sign-in:not([hidden])', PATIENCE);

  test.step('coming by the link');
  const guest = await openPage(test, browser, `${base}/console${hash}`);
  await guest.waitForSelector('#overview:not([hidden])', PATIENCE);
  assert.ok(!guest.url().includes('token='), guest.url());
  await guest.reload();
  await guest.waitForSelector('#overview:not([hidden])', PATIENCE);

  test.step('coming by the link again');
  const late = await openPage(test, browser, `${base}/console${hash}`, { forgives: ['401'] });
  await late.waitForFunction(() => document.querySelector('#sign-in-note').textContent.includes('used already'), PATIENCE);

  test.step('showing a phone where to go');
  const page = await openPage(test, browser, `http://127.0.0.1:${server.port}/`);
  // A machine without a network has no address to show.
  const hasAddress = new URL(server.page).hostname !== '127.0.0.1';
  assert.equal(await page.$eval('#phone', (section) => section.hidden), !hasAddress);
  if (hasAddress) {
    await page.waitForFunction(() => document.querySelector('#phone-picture').naturalWidth > 0, PATIENCE);
    const shown = await page.$eval('#phone-url', (code) => code.textContent);
    assert.equal(shown, `${server.page}#channel=lobby`);
  }
  await look(test, page, 'page-lan');
});
