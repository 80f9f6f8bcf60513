// "Force relay" on the page: the call goes on over the server's own relay, the badge says so, and the console
// shows path, rate and bytes; without it the call is direct again.

import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 100 };

await run('page over a relay', 240, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const [ann, ben] = [await visitor.openPage(test, browser, server.page), await visitor.openPage(test, browser, server.page)];
  await visitor.join(ann, 'Ann', 'hall');
  await visitor.join(ben, 'Ben', 'hall');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await ann.click('#call');
  await ben.click('#call');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);
  await goes(ann, 'direct');

  test.step('seeing it on the console');
  const console = await visitor.openPage(test, browser, server.console);
  await shows(console, 'direct', 'direct');
  await console.waitForFunction(() => [...document.querySelectorAll('.room text')].some((name) => name.textContent === 'Ann'), PATIENCE);

  test.step('forcing the relay');
  await ann.click('#break summary');
  await ann.click('#break-relay');
  await goes(ann, 'relay');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);
  await goes(ben, 'relay');
  await look(test, ann, 'page-relay');
  await shows(console, 'relayed', 'relayed');
  await look(test, console, 'console-relay');

  test.step('going without it again');
  await ann.click('#break-relay');
  await goes(ann, 'direct');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);
  await shows(console, 'direct', 'direct');
});

/** Waits for the badge of the other's picture. */
async function goes(page, path) {
  await page.waitForFunction((wanted) => [...document.querySelectorAll('#tiles .path:not([hidden])')].some((badge) => badge.textContent === wanted), PATIENCE, path);
}

/** Waits until the room has a line of this kind with a rate, and the graph of calls a figure of this name. */
async function shows(console, kind, name) {
  await console.bringToFront();
  await console.waitForFunction((wanted) => {
    const line = document.querySelector(`.room line.${wanted}`);
    return line && /B\/s$/.test(document.querySelector('.room text.rate').textContent);
  }, PATIENCE, kind);
  await console.waitForFunction((wanted) => {
    const value = [...document.querySelectorAll('.graph:last-child .value')].find((one) => one.querySelector('small').textContent === wanted);
    return /^[1-9].*B/.test(value.querySelector('span').textContent);
  }, PATIENCE, name);
}
