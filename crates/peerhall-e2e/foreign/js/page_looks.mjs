// The page in every state, on phone and desktop, in light and dark: nobody is kept out, nothing moves by
// itself. On the way: chat with one, the screen, "break it" and how that mends, and the smallest call.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look, watchShifts } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** A dead link is noticed after twelve seconds, and what is tried in the dark costs ten more. */
const RECOVERY = { timeout: 60_000, polling: 100 };
/** What was tried while nothing passed counts on the ladder of restarts, whose later steps are 16 and 30 s apart. */
const LADDER = { timeout: 150_000, polling: 50 };
const PATIENCE = { timeout: 60_000, polling: 100 };

await run('page looks', 400, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const ann = await visitor.openPage(test, browser, server.page);
  const shifts = await watchShifts(ann);
  const began = await ann.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd);
  await look(test, ann, 'page-start');

  test.step('joining');
  await visitor.join(ann, 'Ann', 'hall');
  await look(test, ann, 'page-alone');
  const ben = await visitor.openPage(test, browser, server.page);
  await visitor.join(ben, 'Ben', 'hall');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await ann.click('#call');
  await ben.click('#call');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);

  test.step('writing to one');
  await ann.waitForFunction(() => document.querySelectorAll('#to option').length === 2, PATIENCE);
  await ann.evaluate(() => (document.querySelector('#to').selectedIndex = 1));
  await visitor.fill(ann, '#text', 'Only for you');
  await ann.keyboard.press('Enter');
  await visitor.reads(ben, 'Ann', 'Only for you');
  assert.equal(await ben.$eval('#log li:last-child em', (aside) => aside.textContent), 'only to you');

  test.step('muting, and the screen');
  await ann.click('#microphone');
  assert.equal(await ann.$eval('#microphone', (button) => button.textContent), 'Unmute');
  await ben.bringToFront();
  await ben.click('#screen');
  await visitor.seesPictureOf(ann, 'Ben: screen');
  await ann.bringToFront();

  test.step('seeing how well it comes');
  await ann.waitForFunction(() => [...document.querySelectorAll('#tiles .path')].some((badge) => badge.textContent === 'direct'), PATIENCE);
  await ann.waitForFunction(() => document.querySelector('#tiles figure[data-quality="good"], #tiles figure[data-quality="fair"], #tiles figure[data-quality="poor"]'), PATIENCE);
  await look(test, ann, 'page-call');

  test.step('cutting the socket');
  await ann.click('#break summary');
  await ann.click('#break-cut');
  await happened(ann, 'back in the room as the same peer');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);

  test.step('looking for new paths');
  await ann.click('#break-restart');
  await happened(ann, 'you asked for new paths');
  await visitor.seesPictureOf(ann, 'Ben');

  test.step('a delay, and no way at all');
  await ann.click('#break-delay');
  assert.equal(await ann.$eval('#break-delay', (button) => button.getAttribute('aria-pressed')), 'true');
  await ann.click('#break-delay');
  await ann.click('#break-silence');
  await happened(ann, 'the connection to the server was lost', 2);
  await happened(ann, 'back in the room as the same peer', 2);
  await Promise.all([visitor.seesPictureOf(ann, 'Ben', LADDER), visitor.seesPictureOf(ben, 'Ann', LADDER)]);
  await ann.click('#history summary');
  await look(test, ann, 'page-broken');
  const moved = await shifts();
  assert.ok(moved < 0.1, `things moved by ${moved}`);

  test.step('the smallest call');
  const [one, two] = await Promise.all([0, 1].map(() => visitor.openPage(test, browser, `${server.page}minimal`)));
  for (const page of [one, two]) {
    await page.waitForFunction(() => [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length === 2, PATIENCE);
  }
  return `usable ${Math.round(began)} ms after it was asked for`;
});

/** Waits until something is on the time line, for the so-manieth time. */
async function happened(page, text, times = 1) {
  await page.waitForFunction((wanted, count) => document.querySelector('#events').textContent.split(wanted).length > count, RECOVERY, text, times);
}
