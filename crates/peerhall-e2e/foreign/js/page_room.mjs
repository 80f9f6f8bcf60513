// Two people on the page meet in a room, talk and call each other; names made of markup stay text.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const ANN = '<img src=x onerror=fail()><b>Ann</b>';
const BEN = '"><script>fail()</script> Ben';
const LINE = '<svg onload=fail()>&lt;hi&gt; {url}';

await run('page room', 240, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const ann = await visitor.openPage(test, browser, server.page);
  const ben = await visitor.openPage(test, browser, server.page);

  test.step('meeting');
  await visitor.join(ann, ANN, '<i>lobby</i>');
  await visitor.join(ben, BEN, '<i>lobby</i>');
  await visitor.seesPeople(ann, [`${ANN} (you)`, BEN]);
  await visitor.seesPeople(ben, [`${BEN} (you)`, ANN]);

  test.step('talking');
  await visitor.fill(ann, '#text', LINE);
  await ann.keyboard.press('Enter');
  await visitor.reads(ben, ANN, LINE);
  await visitor.reads(ann, ANN, LINE);
  await visitor.fill(ben, '#text', 'Hello Ann');
  await ben.keyboard.press('Enter');
  await visitor.reads(ann, BEN, 'Hello Ann');

  test.step('calling');
  await ann.click('#call');
  await visitor.seesPictureOf(ben, ANN);
  await ben.click('#call');
  await visitor.seesPictureOf(ann, BEN);
  await visitor.seesTiles(ann, 2);
  await visitor.seesTiles(ben, 2);
  for (const page of [ann, ben]) {
    const markup = await page.$$eval('#room img, #room b, #room script, #room svg:not(#timeline), #room i:not(.mark), #status *',
      (elements) => elements.map((element) => element.outerHTML));
    assert.deepEqual(markup, [], 'what others wrote became markup');
  }

  test.step('hanging up');
  await ann.click('#call');
  await visitor.seesTiles(ann, 1);
  await visitor.seesTiles(ben, 1);
  await visitor.seesPictureOf(ann, BEN);

  test.step('calling at the same moment');
  await ben.click('#call');
  await visitor.seesTiles(ann, 0);
  await Promise.all([ann.click('#call'), ben.click('#call')]);
  await Promise.all([visitor.seesPictureOf(ann, BEN), visitor.seesPictureOf(ben, ANN)]);

  test.step('leaving');
  await ben.click('#leave');
  await visitor.seesPeople(ann, [`${ANN} (you)`]);
  await visitor.seesTiles(ann, 1);
  assert.equal(await ben.$eval('#join-form', (form) => form.hidden), false);
});
