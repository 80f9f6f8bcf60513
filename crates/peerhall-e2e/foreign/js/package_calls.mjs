// Calls of our package as the contract tells of them: both sides attached before they join, a room of five, a picture
// that was replaced for whoever comes later, markup in place of names, a cut, and a killed server.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { startProxy } from './lib/proxy.mjs';
import { run } from './lib/run.mjs';
import { createDeployment } from './lib/server.mjs';

/** Nothing of this may be taken for anything but data. `JSON.parse` makes the dangerous member an own one. */
const HOSTILE = JSON.parse(`{"role": "camera", "label": "<img src=x onerror='globalThis.hacked = 1'>",
  "__proto__": {"hacked": 1}, "constructor": null, "nested": {"toString": "x", "then": 7}}`);

/** What the other side is told of a stream: what crosses from the page to this test leaves `__proto__` out. */
const labelled = (of) => {
  const { role, label, nested } = HOSTILE;
  return { role, label, constructor: null, nested, of };
};

const LOOKERS = ['cleo', 'dora', 'emil'];

await run('calls of ours', 400, async (test) => {
  const deployment = await createDeployment(test);
  const server = await deployment.start();
  const proxy = await startProxy(test, deployment.port);
  test.step('starting the browser');
  const start = process.argv.includes('--firefox') ? { start: launchFirefox } : {};
  const browser = await startBrowser(test, server, { claims: { peerMetadata: HOSTILE }, ...start });
  const page = await browser.openPage();
  const room = await furnish(page, server.url, proxy.url);

  test.step('joining, both sides attached before');
  // As text, because what drives the browsers stumbles over some of its members.
  const streams = await page.evaluate(async (metadata) => {
    const streams = {};
    for (const name of ['ann', 'ben']) streams[name] = hall.guest(name).addCanvas({ ...JSON.parse(metadata), of: name });
    await Promise.all(hall.guests().map(({ peer }) => peer.join('room')));
    return streams;
  }, JSON.stringify(HOSTILE));
  for (const [from, stream] of Object.entries(streams)) {
    for (const to of room.names.filter((name) => name !== from)) {
      assert.deepEqual(await room.added(to, from), [stream, labelled(from)], `${from} at ${to}`);
      await room.sees(to, from);
    }
  }

  test.step('looking at hostile metadata');
  const looked = await page.evaluate(() => {
    const [met] = hall.guest('ann').events('peer-joined', { of: 'ben' });
    const plain = Object.getPrototypeOf(hall.guest('ann').remote('ben').metadata) === Object.prototype;
    return { metadata: JSON.stringify(met.metadata), polluted: 'hacked' in {}, ran: 'hacked' in globalThis, plain };
  });
  assert.deepEqual(looked, { metadata: JSON.stringify(HOSTILE), polluted: false, ran: false, plain: true });
  await page.evaluate(async () => {
    const { peer } = hall.guest('cleo');
    for (const said of [null, [], 'text', 7, { metadata: [1] }, { trackId: 'x', metadata: 'text' }, { trackId: ['x'], metadata: {} }]) {
      await peer.sendTo('ann', { __meteredTrackMeta: said });
    }
    await peer.sendTo('ann', { kind: 'rtc-description', sdp: 7 });
    await peer.sendTo('ann', 'the last one');
    await hall.guest('ann').wait('data', { data: 'the last one' });
  });
  assert.equal(await page.evaluate(() => hall.guest('ann').events('data').filter(({ data }) => data?.__meteredTrackMeta !== undefined).length), 0);

  test.step('replacing the picture');
  await page.evaluate((stream) => hall.guest('ann').replacePicture(stream), streams.ann);
  await page.evaluate(() => hall.guest('cleo').seesMoreOf('ann'));
  await room.invite('late', server.url);
  await page.evaluate(() => hall.guest('late').peer.join('room'));
  assert.deepEqual(await room.added('late', 'ann'), [streams.ann, labelled('ann')]);
  await room.sees('late', 'ann');

  test.step('cutting one socket');
  const before = await room.identities();
  proxy.cut();
  await page.evaluate(async () => {
    await hall.guest('ann').wait('state', { to: 'reconnecting' });
    await hall.guest('ann').wait('state', { to: 'joined' }, 2);
  });
  await room.everybodySees(streams);
  assert.deepEqual(await room.identities(), before, 'the same remote peers after a cut');

  test.step('killing the server');
  await server.stop('SIGKILL');
  await page.evaluate((turns) => Promise.all(hall.guests().map((guest) =>
    guest.wait('state', { to: 'reconnecting' }, guest.peer.peerId === 'ann' ? turns + 1 : turns))), 1);
  await deployment.start();
  await page.evaluate(() => Promise.all(hall.guests().map((guest) =>
    guest.wait('state', { to: 'joined' }, guest.peer.peerId === 'ann' ? 3 : 2))));
  await room.everybodySees(streams);
  assert.deepEqual(await room.identities(), before, 'the same remote peers after a crash');
  assert.deepEqual(await page.evaluate(() => hall.guests().flatMap((guest) => guest.events('peer-left'))), [], 'nobody left');
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
});

/** Five guests, of whom Ann goes to the server by a way that can be cut. */
async function furnish(page, url, cuttable) {
  const names = [];
  const invite = async (name, way) => {
    names.push(name);
    await page.evaluate((who, to) => hall.invite(who, { url: to, token: who }), name, way);
  };
  await invite('ann', cuttable);
  for (const name of ['ben', ...LOOKERS]) await invite(name, url);
  const sees = (to, from) => page.evaluate((who, of) => hall.guest(who).seesMoreOf(of), to, from);
  return {
    names,
    invite,
    sees,
    /** Id and label of the first stream that one guest was given by another. */
    added: async (to, from) => JSON.parse(await page.evaluate(async (who, of) => {
      const [{ stream, metadata: { __proto__: _, ...metadata } }] = await hall.guest(who).wait('stream-added', { of });
      return JSON.stringify([stream, metadata]);
    }, to, from)),
    identities: () => page.evaluate(() => hall.guests().map((guest) => guest.identities())),
    async everybodySees(streams) {
      for (const from of Object.keys(streams)) {
        for (const to of names.filter((name) => name !== from)) {
          await page.evaluate((who, of) => hall.until(() => hall.guest(who).remote(of)?.state === 'connected', `${of} at ${who}`), to, from);
          await sees(to, from);
        }
      }
    },
  };
}
