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
