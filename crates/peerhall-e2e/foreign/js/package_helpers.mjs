// `peerhall/helpers` in Chromium with its pretended devices: what people build around a call.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const dist = (name) => readFile(new URL(`../../../../packages/peerhall/dist/${name}`, import.meta.url), 'utf8');

await run('helpers', 180, async (test) => {
  const server = await startDev(test);
  const page = await (await startBrowser(test, server)).openPage();
  await page.evaluate(async (texts) => {
    const load = (text) => import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
    const [sdk, helpers] = await Promise.all(texts.map(load));
    Object.assign(globalThis, { sdk, helpers });
  }, await Promise.all(['peerhall.js', 'helpers.js'].map(dist)));

  test.step('opening devices');
  const devices = await page.evaluate(async () => {
    globalThis.camera = await helpers.openDevices();
    const { cameras, microphones, speakers } = await helpers.listDevices();
    const missing = await helpers.openDevices({ video: { deviceId: { exact: 'nowhere' } } }).catch((error) => error);
    return [cameras.length > 0 && cameras[0].label !== '', microphones.length > 0, speakers.length > 0,
      missing instanceof helpers.MediaError, missing.name, missing.reason, missing.message, missing.cause.name];
  });
  assert.deepEqual(devices, [true, true, true, true, 'MediaError', 'missing', 'No connected device can do what was asked for.', 'OverconstrainedError']);
  assert.deepEqual(await page.evaluate(() => ['NotAllowedError', 'NotReadableError', 'SecurityError', 'Unheard'].map((name) =>
    helpers.explainMediaError({ name }).reason)), ['denied', 'busy', 'insecure', 'failed']);

  test.step('calling');
  await page.evaluate(async (options) => {
    const make = () => new sdk.MeteredPeer({ ...options, statsIntervalMs: 200 });
    globalThis.ann = make();
    globalThis.ben = make();
    globalThis.seen = { views: [], speakers: [], streams: [], gone: [] };
    globalThis.stops = [
      helpers.connectionQuality(ann, ({ state, quality, path }) => seen.views.push({ state, quality, path })),
      helpers.activeSpeaker(ann, (remote) => seen.speakers.push(remote?.id)),
    ];
    ann.on('peer-joined', ({ peer }) => {
      globalThis.remote = peer;
      peer.on('stream-added', ({ stream, metadata }) => {
        seen.streams.push([stream.id, metadata.role]);
        // Chromium hands on no sound of a remote peer that nothing plays.
        document.body.append(Object.assign(document.createElement('video'), { srcObject: stream, autoplay: true }));
      });
      peer.on('stream-removed', ({ stream }) => seen.gone.push(stream.id));
    });
    ben.addStream(camera, { role: 'camera' });
    await Promise.all([ann.join('call'), ben.join('call')]);
    await hall.until(() => seen.views.some(({ state, quality, path }) => state === 'connected' && quality && path === 'direct'), 'quality and path');
    await hall.until(() => seen.speakers.includes(ben.peerId), 'the one who speaks');
  }, { url: server.url, apiKey: server.publishableKey });

  test.step('loudness');
  await page.evaluate(async () => {
    const levels = [];
    const stop = helpers.audioLevel(camera.getAudioTracks()[0], (level) => levels.push(level));
    await hall.until(() => levels.some((level) => level > 0.02), 'sound');
    stop();
    if (!levels.every((level) => level >= 0 && level <= 1)) throw new Error(`levels ${levels}`);
  });

  test.step('another camera');
  const switched = await page.evaluate(async () => {
    const [track] = camera.getVideoTracks();
    const next = await helpers.switchDevice(ben, track, track.getSettings().deviceId);
    const inbound = async () => [...(await remote.pc.getStats()).values()].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video').framesDecoded;
    const before = await inbound();
    await hall.until(async () => (await inbound()) > before + 5, 'pictures of the new camera');
    return [track.readyState, next.readyState, ben.getTrackMetadata(next)];
  });
  assert.deepEqual(switched, ['ended', 'live', { role: 'camera' }]);

  test.step('the screen');
  await page.evaluate(async () => {
    for (const end of ['stop', 'browser']) {
      const screen = await helpers.shareScreen(ben, { preferCurrentTab: true });
      await hall.until(() => seen.streams.some(([id, role]) => id === screen.stream.id && role === 'screen'), `the screen (${end})`);
      if (end === 'stop') screen.stop();
      // What the browser's own bar does.
      else screen.stream.getVideoTracks()[0].dispatchEvent(new Event('ended'));
      await screen.ended;
      await hall.until(() => seen.gone.includes(screen.stream.id), `its end (${end})`);
    }
  });

  test.step('autoplay');
  await page.evaluate(() => {
    globalThis.plays = [];
    const element = {
      ownerDocument: document,
      play: async () => {
        plays.push(navigator.userActivation.isActive);
        if (plays.length === 1) throw new DOMException('not yet', 'NotAllowedError');
      },
    };
    helpers.unlockAutoplay(element, { onBlocked: () => plays.push('blocked') });
  });
  await page.waitForFunction(() => plays.includes('blocked'));
  await page.mouse.click(5, 5);
  await page.waitForFunction(() => plays.length === 3);
  await page.mouse.click(5, 5);
  assert.deepEqual(await page.evaluate(() => plays.slice(1)), ['blocked', true], 'once, at the first gesture');

  test.step('leaving');
  const after = await page.evaluate(async () => {
    for (const stop of stops) stop();
    const counts = ['peer-joined', 'peer-left'].map((event) => ann.listenerCount(event));
    await Promise.all([ann.close(), ben.close()]);
    return counts;
  });
  assert.deepEqual(after, [1, 0], 'no listener of a helper is left');
});
