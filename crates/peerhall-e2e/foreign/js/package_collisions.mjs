// Offers of our package that meet while the first connection comes about. Chromium, made to take its own back then,
// shows nothing of what it receives from there on.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const ROUNDS = 4;

await run('collisions of ours', 120, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  for (let round = 1; round <= ROUNDS; round++) {
    test.step(`meeting, ${round} of ${ROUNDS}`);
    const page = await browser.newPage();
    await page.goto(`http://${server.listen}/health`);
    const seen = await page.evaluate(collide, { url: server.url, key: server.publishableKey, channel: `room-${round}` });
    assert.deepEqual(seen, { ann: ['camera', 'screen'], ben: ['camera', 'screen'] });
    await page.close();
  }
});

/** Runs in a page. Gives the pictures of the other one that each of two peers has seen move. */
async function collide({ url, key, channel }) {
  const { MeteredPeer } = await import('/peerhall.js');
  const once = () => {
    let done;
    return [new Promise((resolve) => (done = resolve)), done];
  };

  // Nothing gets through from one to the other before an offer has arrived that meets another.
  const [ways, openWays] = once();
  const connection = () => {
    const pc = new RTCPeerConnection();
    const add = pc.addIceCandidate.bind(pc);
    // One that is of no use any more by then is refused, as always.
    pc.addIceCandidate = async (candidate) => void ways.then(() => add(candidate)).catch(() => {});
    return pc;
  };

  // What is offered next leaves a while later, so that it arrives at somebody who has made an offer, too, or would have.
  let held = null;
  let hasLeft = false;
  const isOffer = (frame) => frame.includes('"rtc-description"') && JSON.parse(frame).data.description.type === 'offer';
  const leave = () => {
    hasLeft = true;
    held.forEach((go) => go());
    held = null;
  };
  const socket = (address) => {
    const made = new WebSocket(address);
    const send = made.send.bind(made);
    made.send = (frame) => {
      if (!held || !isOffer(frame)) return send(frame);
      if (held.push(() => send(frame)) === 1) setTimeout(leave, 250);
      return undefined;
    };
    made.addEventListener('message', ({ data }) => hasLeft && isOffer(data) && setTimeout(openWays));
    return made;
  };

  const picture = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
    const context = canvas.getContext('2d');
    setInterval(() => {
      context.fillStyle = `hsl(${performance.now() / 5} 60% 50%)`;
      context.fillRect(0, 0, 160, 120);
    }, 50);
    return canvas.captureStream(20);
  };

  /** Resolves when a stream moves. */
  const moves = (stream) => new Promise((resolve) => {
    const video = Object.assign(document.createElement('video'), { srcObject: stream, autoplay: true, muted: true });
    document.body.append(video);
    let frames = 0;
    const count = () => (++frames > 3 ? resolve() : video.requestVideoFrameCallback(count));
    video.requestVideoFrameCallback(count);
  });

  const make = () => {
    const peer = new MeteredPeer({ url, apiKey: key, webSocketFactory: socket, rtcPeerConnectionFactory: connection });
    const seen = [];
    const [hasCamera, showCamera] = once();
    peer.on('peer-joined', ({ peer: remote }) => {
      remote.on('stream-added', ({ stream, metadata: { role } }) => {
        if (role === 'camera') showCamera();
        moves(stream).then(() => seen.push(role));
      });
    });
    peer.addStream(picture(), { role: 'camera' });
    return { peer, seen, hasCamera };
  };

  const [ann, ben] = [make(), make()];
  await ann.peer.join(channel);
  await ben.peer.join(channel);
  await Promise.all([ann.hasCamera, ben.hasCamera]);
  const pcs = [ann, ben].map(({ peer }) => peer.remotePeers[0].pc);
  const rests = (pc) => new Promise((resolve) => {
    const look = () => pc.signalingState === 'stable' && resolve();
    pc.addEventListener('signalingstatechange', look);
    look();
  });
  await Promise.all(pcs.map(rests));
  held = [];
  for (const { peer } of [ann, ben]) peer.addStream(picture(), { role: 'screen' });

  const until = performance.now() + 15_000;
  const all = () => [ann, ben].every(({ seen }) => seen.length === 2);
  while (!all() && performance.now() < until) await new Promise((resolve) => requestAnimationFrame(resolve));
  const found = { ann: ann.seen.sort(), ben: ben.seen.sort() };
  await Promise.all([ann, ben].map(({ peer }) => peer.close()));
  return found;
}
