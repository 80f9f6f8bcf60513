// What people see when five are in a room, when there is no camera, when the key is not taken, and when the
// server goes away.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { createDeployment, startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 100 };
const NAMES = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve'];
/** What a browser complains of when the server is gone. */
const forgives = ['ERR_', 'WebSocket connection'];

await run('page states', 430, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test, { flags: ['--use-fake-device-for-media-stream=fps=2'] });
  const pages = [];
  for (const name of NAMES) {
    const page = await visitor.openPage(test, browser, server.page, { forgives });
    await visitor.join(page, name, 'circle');
    if (pages.length > 0) await page.evaluate(showLittle);
    pages.push(page);
  }
  const [ann] = pages;
  await visitor.seesPeople(ann, ['Ann (you)', ...NAMES.slice(1)]);

  test.step('having no camera');
  await ann.evaluate(() => {
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia;
    mediaDevices.getUserMedia = async () => {
      mediaDevices.getUserMedia = ask;
      throw new DOMException('', 'NotAllowedError');
    };
  });
  await ann.click('#call');
  await ann.waitForSelector('#status.bad', PATIENCE);
  assert.match(await ann.$eval('#status', (status) => status.textContent), /allow it in the address bar/);
  await look(test, ann, 'page-no-camera');

  test.step('calling all together');
  for (const [place, page] of pages.entries()) {
    await page.click('#call');
    await visitor.seesTiles(page, place + 1);
  }
  assert.equal(await ann.$eval('#status', (status) => status.className), 'good', 'what went wrong is forgotten');
  for (const name of NAMES.slice(1)) await visitor.seesPictureOf(ann, name);
  const last = pages.at(-1);
  for (const name of NAMES.slice(0, -1)) await visitor.seesPictureOf(last, name);
  await ann.waitForFunction(() => document.querySelectorAll('#tiles .path:not([hidden])').length === 4, PATIENCE);
  await look(test, ann, 'page-five');

  test.step('seeing five on the console');
  const console = await visitor.openPage(test, browser, server.console, { forgives });
  await console.waitForFunction(() => document.querySelectorAll('.room .peer').length === 5 && document.querySelectorAll('.room line.direct').length === 10, PATIENCE);
  await console.waitForFunction(() => [...document.querySelectorAll('.room .facts')].filter((facts) => /connected directly, .*B\/s/.test(facts.textContent)).length === 10, PATIENCE);
  await console.click('.room summary');
  await look(test, console, 'console-five');

  test.step('losing the server');
  await server.stop('SIGKILL');
  await ann.waitForFunction(() => document.querySelector('#status').textContent.includes('Coming back'), PATIENCE);
  await visitor.seesPictureOf(ann, 'Ben');
  await ann.click('#history summary');
  await look(test, ann, 'page-reconnecting');
  await console.waitForSelector('#live.lost', PATIENCE);
  await look(test, console, 'console-away');

  test.step('coming with a key that is not taken');
  const other = await (await createDeployment(test)).start();
  const eve = await visitor.openPage(test, browser, `http://${other.listen}/`);
  await visitor.fill(eve, '#key', 'pk_live_00000000000000000000000000000000');
  await eve.click('#join');
  await eve.waitForSelector('#status.bad', PATIENCE);
  await look(test, eve, 'page-error');
});

/** Runs in a page: small pictures without sound, because five who all see each other are twenty streams. */
function showLittle() {
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = () => ask({ video: { width: 320, height: 240, frameRate: 2 } });
}
