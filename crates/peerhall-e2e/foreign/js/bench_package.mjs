// The npm package beside the vendor's, in one Chromium on one server: from `join()` to the first picture, cold and warm,
// and what stays in memory after a hundred calls. Fails on ratios, never on times. Run by
// `cargo xtask bench --package`, on a machine that does nothing else.

import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** Calls of each, taken in turns: the median of fourteen moved by a fifth from run to run. */
const ROUNDS = 61;

/** Calls that are made and ended for the figure of memory, after as many as make everything there that stays. */
const [CYCLES, WARM_UP] = [100, 10];

/** What is asked for: no slower than the vendor's; memory flat, but for what collecting it leaves now and then. */
const [SLOWEST, LARGEST] = [1, 1.1];

await run('bench of the package', 540, async (test) => {
  const server = await startDev(test);
  const options = { url: server.url, apiKey: server.publishableKey };
  const pages = {};
  for (const name of ['vendor', 'ours']) pages[name] = await (await startBrowser(test, server, { sdk: name })).openPage();
  const times = { vendor: [], ours: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of round % 2 ? ['ours', 'vendor'] : ['vendor', 'ours']) {
      test.step(`round ${round} of ${name}`);
      times[name].push(await pages[name].evaluate(firstPicture, options, `${name}-${round}`));
    }
  }
  const cold = { vendor: times.vendor[0], ours: times.ours[0] };
  const warm = { vendor: median(times.vendor.slice(1)), ours: median(times.ours.slice(1)) };

  test.step('memory');
  const before = await cycles(pages.ours, options, WARM_UP);
  const after = await cycles(pages.ours, options, CYCLES);
  const lines = [
    `from making a peer and join() to the first picture, first round of a page: ours ${cold.ours.toFixed(0)} ms, vendor ${cold.vendor.toFixed(0)} ms`,
    `later rounds, median of ${ROUNDS - 1}: ours ${warm.ours.toFixed(0)} ms, vendor ${warm.vendor.toFixed(0)} ms, ratio ${(warm.ours / warm.vendor).toFixed(2)} (at most ${SLOWEST})`,
    `memory of a page after ${WARM_UP} calls ${kib(before.bytes)}, after ${CYCLES} more ${kib(after.bytes)}, ratio ${(after.bytes / before.bytes).toFixed(2)} (at most ${LARGEST}); peers that stay: ${after.peers}`,
  ];
  for (const line of lines) console.log(line);
  if (warm.ours > SLOWEST * warm.vendor) throw new Error('a call takes longer than on the vendor\'s package');
  if (after.bytes > LARGEST * before.bytes || after.peers > 0) throw new Error('calls that have ended stay in memory');
});

function median(list) {
  return list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
}

function kib(bytes) {
  return `${Math.round(bytes / 1_024)} KiB`;
}

/** One who shows, and one who comes: milliseconds from its making to the first picture. */
async function firstPicture(options, room) {
  const { MeteredPeer } = globalThis.MeteredPeer;
  const shows = (globalThis.shows ??= (() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
    const pen = canvas.getContext('2d');
    setInterval(() => {
      pen.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
      pen.fillRect(0, 0, 160, 120);
    }, 20);
    return canvas.captureStream(30);
  })());
  const video = document.body.appendChild(Object.assign(document.createElement('video'), { muted: true, autoplay: true }));
  const stage = new MeteredPeer(options);
  stage.addStream(shows, { role: 'canvas' });
  await stage.join(room);
  const began = performance.now();
  const looks = new MeteredPeer(options);
  const shown = new Promise((resolve) => video.requestVideoFrameCallback(() => resolve(performance.now() - began)));
  looks.on('peer-joined', ({ peer }) => peer.on('stream-added', ({ stream }) => (video.srcObject = stream)));
  await looks.join(room);
  const took = await shown;
  await Promise.all([looks.close(), stage.close()]);
  video.remove();
  return took;
}

/** Calls of two that connect and end; then what is left. */
async function cycles(page, options, count) {
  await page.evaluate(async (own, times) => {
    const { MeteredPeer } = globalThis.MeteredPeer;
    for (let turn = 0; turn < times; turn += 1) {
      const [one, other] = [new MeteredPeer(own), new MeteredPeer(own)];
      const met = new Promise((resolve) => one.on('peer-joined', ({ peer }) =>
        peer.on('state-change', ({ to }) => to === 'connected' && resolve())));
      one.addStream(globalThis.shows);
      await Promise.all([one.join('cycle'), other.join('cycle')]);
      await met;
      await Promise.all([one.close(), other.close()]);
    }
    // Connections that were replaced are kept for two seconds.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }, options, count);
  const session = await page.createCDPSession();
  for (let turn = 0; turn < 3; turn += 1) await session.send('HeapProfiler.collectGarbage');
  const { JSHeapUsedSize: bytes } = await page.metrics();
  const prototype = await page.evaluateHandle(() => globalThis.MeteredPeer.MeteredPeer.prototype);
  const found = await page.queryObjects(prototype);
  const peers = await page.evaluate((list) => list.length, found);
  await session.detach();
  return { bytes, peers };
}
