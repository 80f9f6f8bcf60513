// One page shows its camera, then its screen, to another: streams, their metadata, presence, data,
// and a kick. The vendor's SDK keys metadata by the sender's track id, which a receiving Chromium
// keeps only while media goes one way; two-way calls lose it inside the SDK.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { rest, startDev } from './lib/server.mjs';

await run('w152 one way', 120, async (test) => {
  const server = await startDev(test);
  test.step('starting the browser');
  const browser = await startBrowser(test, server, { claims: { peerMetadata: { seat: 7 } } });
  const [stage, stall] = [await browser.openPage(), await browser.openPage()];

  test.step('joining');
  const join = async (name, url, meshes) => {
    hall.invite(name, { url, token: name, meshes });
    await hall.guest(name).peer.join('theatre');
  };
  await stall.evaluate(join, 'viewer', server.url, null);
  await stage.evaluate(join, 'actor', server.url, 'everybody');
  const [entry] = await stall.evaluate(() => hall.guest('viewer').wait('peer-joined'));
  assert.deepEqual(entry, { event: 'peer-joined', of: 'actor', metadata: { seat: 7 } });

  test.step('showing the camera');
  const camera = await stage.evaluate(() =>
    hall.guest('actor').addCamera({ role: 'camera' }, { audio: true }));
  await theViewerSees(stall, camera, { role: 'camera' }, 1);

  test.step('showing the screen');
  const screen = await stage.evaluate(() =>
    hall.guest('actor').addScreen({ role: 'screen', label: 'Slides' }));
  await theViewerSees(stall, screen, { role: 'screen', label: 'Slides' }, 2);

  test.step('exchanging data');
  await dataFlows(stage, stall);

  test.step('kicking the actor');
  await rest(server, 'DELETE', '/v1/peers/actor');
  await stage.evaluate(async () => {
    await hall.guest('actor').wait('error', { error: 'admin_disconnect' });
    await hall.guest('actor').wait('state', { to: 'closed' });
  });
  await stall.evaluate(() => hall.guest('viewer').wait('peer-left', { of: 'actor' }));
});

async function theViewerSees(stall, stream, metadata, pictures) {
  const [added] = await stall.evaluate(
    (id) => hall.guest('viewer').wait('stream-added', { of: 'actor', stream: id }), stream);
  assert.deepEqual(added.metadata, metadata);
  await stall.evaluate((count) => hall.guest('viewer').seesVideoOf('actor', count), pictures);
}

async function dataFlows(stage, stall) {
  await stage.evaluate(() => hall.guest('actor').talksTo('viewer'));
  await stage.evaluate(async () => {
    await hall.guest('actor').peer.send({ to: 'everybody' });
    await hall.guest('actor').remote('viewer').send({ to: 'you' });
  });
  const data = await stall.evaluate(async () => {
    await hall.guest('viewer').wait('data', {}, 2);
    return hall.guest('viewer').events('data');
  });
  assert.deepEqual(data.map(({ kind, data: { to } }) => [kind, to]),
    [['broadcast', 'everybody'], ['direct', 'you']]);
  assert.ok(data.every(({ senderPeerId }) => senderPeerId === 'actor'));
}
