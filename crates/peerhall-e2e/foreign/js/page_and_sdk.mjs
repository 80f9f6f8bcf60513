// The page and the vendor's SDK in one room: both see each other's camera and read each other's words.

import { launch, startBrowser } from './lib/chromium.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

await run('page and SDK', 90, async (test) => {
  const server = await startDev(test);
  const ann = await visitor.openPage(test, await launch(test), server.page);
  await visitor.join(ann, 'Ann', 'call');

  test.step('joining with the SDK');
  const guests = await (await startBrowser(test, server)).openPage();
  await guests.evaluate(async (url) => {
    hall.invite('ben', { url, token: 'ben' });
    await hall.guest('ben').peer.join('call');
  }, server.url);
  await visitor.seesPeople(ann, ['Ann (you)', 'Peer ben']);
  const annId = await ann.$eval('#people .own', (item) => item.title);

  test.step('showing the page to the SDK');
  await ann.click('#call');
  await guests.evaluate((id) => hall.guest('ben').seesVideoOf(id), annId);

  test.step('showing the SDK to the page');
  await guests.evaluate(() => hall.guest('ben').addCamera({ role: 'camera' }, { audio: true }));
  await visitor.seesPictureOf(ann, 'Peer ben');

  test.step('talking');
  await guests.evaluate(() => hall.guest('ben').peer.send({ text: 'Hello from the SDK' }));
  await visitor.reads(ann, 'Peer ben', 'Hello from the SDK');
  await visitor.fill(ann, '#text', 'Hello from the page');
  await ann.keyboard.press('Enter');
  await guests.evaluate((id) => hall.until(
    () => hall.guest('ben').events('data', { senderPeerId: id }).some(({ data }) => data.text === 'Hello from the page'),
    'the line of the page',
  ), annId);
});
