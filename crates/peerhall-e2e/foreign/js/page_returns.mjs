// The page comes back by itself: after a cut connection it is in its room as the same peer, and the
// call goes on. A key that the server does not take is told of, once.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import * as visitor from './lib/page.mjs';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { createDeployment, startDev } from './lib/server.mjs';

await run('page returns', 240, async (test) => {
  const server = await startDev(test);
  const proxy = await startProxy(test, server.port);
  const browser = await launch(test);
  const ann = await visitor.openPage(test, browser, `${proxy.url.replace('ws:', 'http:')}/`);
  const ben = await visitor.openPage(test, browser, server.page);
  await visitor.join(ann, 'Ann', 'room');
  await visitor.join(ben, 'Ben', 'room');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await ann.click('#call');
  await ben.click('#call');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);
  const own = () => ann.$eval('#people .own', (item) => item.title);
  const before = await own();

  test.step('cutting the connection');
  const isLost = ann.waitForSelector('#status.bad');
  proxy.cut();
  await isLost;
  await ann.waitForSelector('#status.good');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await visitor.seesPeople(ben, ['Ann', 'Ben (you)']);
  assert.equal(await own(), before, 'the id is the same');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);

  test.step('joining with a key that there is not');
  const deployment = await createDeployment(test);
  const real = await deployment.start();
  const eve = await visitor.openPage(test, browser, `http://${real.listen}/`);
  assert.equal(await eve.$eval('meta[name=publishable-key]', (meta) => meta.content), '');
  assert.equal(await eve.$eval('#key-row', (row) => row.hidden), true);
  await visitor.fill(eve, '#key', 'pk_live_00000000000000000000000000000000');
  await eve.click('#join');
  await eve.waitForSelector('#status.bad');
  assert.equal(await eve.$eval('#status', (status) => status.textContent), 'The server does not accept this key.');
  await visitor.fill(eve, '#key', deployment.publishableKey);
  await visitor.join(eve, 'Eve', 'room');
  await visitor.seesPeople(eve, ['Eve (you)']);
});
