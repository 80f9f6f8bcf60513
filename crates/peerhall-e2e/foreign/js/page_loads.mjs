// The page by itself: complete, quiet, without a request to anywhere else, and readable on every screen.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { openPage } from './lib/page.mjs';
import { run, within } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';
import WebSocket from 'ws';

const SCREENS = [320, 390, 768, 1280, 1920];

await run('page loads', 240, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);

  test.step('reading how to connect');
  const page = await openPage(test, browser, server.page);
  assert.equal(await page.title(), 'Peerhall');
  assert.equal(await text(page, '#url'), server.url);
  assert.equal(await text(page, '#dev-key'), server.publishableKey);
  for (const snippet of ['#javascript-code', '#python-code', '#websocket-code']) {
    const code = await text(page, snippet);
    assert.ok(code.includes(server.url) && code.includes(server.publishableKey), snippet);
    assert.doesNotMatch(code, /[{](url|key|channel)[}]/, snippet);
  }

  test.step('running the snippet for a plain WebSocket');
  const types = await within(frameTypes(test, await text(page, '#websocket-code')), 10_000, 'frames');
  assert.deepEqual(types.slice(0, 2), ['welcome', 'ack']);
  // The snapshot comes 20 ms after the first ack; the second may come before or after it.
  assert.deepEqual(types.slice(2).sort(), ['ack', 'presence']);

  test.step('losing a script on the way');
  const { page: lame, mend } = await openWithout(browser, server.page, '/dom.js');
  assert.ok(await lame.$eval('#join', (button) => button.disabled), 'a button that does nothing');
  await lame.waitForFunction(() => getComputedStyle(document.querySelector('#stalled')).visibility === 'visible');
  assert.match(await text(lame, '#stalled'), /not come in full yet.*reload it/);
  mend();
  await lame.reload();
  await lame.waitForFunction(() => !document.querySelector('#stalled') && !document.querySelector('#join').disabled);
  await lame.close();

  test.step('losing the script that joins');
  const { page: late } = await openWithout(browser, server.page, '/room.js');
  await late.click('#join');
  await late.waitForFunction(() => /has not come. Load the page again/.test(document.querySelector('#status').textContent));
  assert.ok(await late.$eval('#join', (button) => !button.disabled));
  await late.close();

  for (const scheme of ['light', 'dark']) {
    for (const width of SCREENS) {
      test.step(`looking at ${width} px in ${scheme}`);
      const media = [{ name: 'prefers-color-scheme', value: scheme }];
      const screen = await openPage(test, browser, server.page, { media, viewport: { width, height: 800 } });
      const wide = await screen.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px wider than the screen of ${width}`);
      await screen.close();
    }
  }
});

/** Opens the page on a network that loses one of its files until `mend()`. */
async function openWithout(browser, url, lost) {
  const page = await browser.newPage();
  await page.setRequestInterception(true);
  let isMended = false;
  page.on('request', (request) => {
    if (!isMended && new URL(request.url()).pathname === lost) request.abort('connectionreset');
    else request.continue();
  });
  await page.goto(url);
  return { page, mend: () => (isMended = true) };
}

function text(page, selector) {
  return page.$eval(selector, (element) => element.textContent);
}

/** Runs the snippet as it stands; gives the types of the four frames that it prints. */
function frameTypes(test, code) {
  return new Promise((resolve) => {
    const types = [];
    const log = ({ type }) => {
      types.push(type);
      if (types.length === 4) resolve(types);
    };
    const socket = new Function('WebSocket', 'console', `${code}\nreturn socket;`)(WebSocket, { log });
    test.defer(() => socket.close());
  });
}
