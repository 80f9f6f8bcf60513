// Firefox and Chromium on the page see, hear and read each other, and the console in Firefox shows both.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { checkAccess } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 100 };

await run('page in Firefox', 240, async (test) => {
  const server = await startDev(test);
  const firefox = await launchFirefox(test);
  const fox = await visitor.openPage(test, firefox, server.page);
  const ann = await visitor.openPage(test, await launch(test), server.page);

  test.step('meeting');
  await visitor.join(fox, 'Fox', 'den');
  await visitor.join(ann, 'Ann', 'den');
  await visitor.seesPeople(fox, ['Ann', 'Fox (you)']);

  test.step('calling');
  await fox.click('#call');
  await visitor.seesPictureOf(ann, 'Fox');
  await ann.click('#call');
  await visitor.seesPictureOf(fox, 'Ann');
  await checkAccess(fox, 'the page in Firefox');

  test.step('talking');
  await visitor.fill(fox, '#text', 'Hello from Firefox');
  await fox.keyboard.press('Enter');
  await visitor.reads(ann, 'Fox', 'Hello from Firefox');

  test.step('coming back');
  await fox.click('#break summary');
  await fox.click('#break-cut');
  await fox.waitForFunction(() => document.querySelector('#events').textContent.includes('back in the room as the same peer'), PATIENCE);
  await Promise.all([visitor.seesPictureOf(ann, 'Fox'), visitor.seesPictureOf(fox, 'Ann')]);

  test.step('looking at the console');
  const console = await visitor.openPage(test, firefox, server.console);
  await console.waitForFunction(() => document.querySelectorAll('.room .peer').length === 2, PATIENCE);
  await console.waitForFunction(() => document.querySelector('.graph path').getAttribute('d'), PATIENCE);
  assert.equal(await console.$eval('#live', (live) => live.textContent), 'live');
  await console.waitForSelector('.room line.direct', PATIENCE);
  await checkAccess(console, 'the console in Firefox');

  test.step('looking into a connection');
  await console.click('#nav a[href="#connections"]');
  await visitor.fill(console, '#filter', 'den');
  await console.waitForFunction(() => document.querySelectorAll('#connections-list tbody tr').length === 2, PATIENCE);
  await console.click('#connections-list tbody button');
  await console.waitForSelector('#inspect:not([hidden])', PATIENCE);
  // Frames show from the moment the server has begun; until then what is said goes by unseen.
  for (let times = 0; times < 40 && !(await console.$('#rungs b')); times += 1) {
    await visitor.fill(ann, '#text', `line ${times}`);
    await ann.keyboard.press('Enter');
    await console.waitForSelector('#rungs b', { timeout: 1_000 }).catch(() => null);
  }
  assert.ok(await console.$('#rungs b'), 'no frame shows');
  await checkAccess(console, 'the inspector in Firefox');

  test.step('making a key and asking what it may');
  await console.click('#nav a[href="#keys"]');
  await visitor.fill(console, '#new-channels', 'den');
  await console.click('#create-form button.primary');
  await console.waitForSelector('#created:not([hidden])', PATIENCE);
  await visitor.fill(console, '#check-credential', await console.$eval('#created code', (code) => code.textContent));
  await visitor.fill(console, '#check-channel', 'hall');
  await console.click('#check-form button.primary');
  await console.waitForFunction(() => document.querySelector('#verdict').textContent.startsWith('No: no pattern'), PATIENCE);
  await checkAccess(console, 'the keys in Firefox');
});
