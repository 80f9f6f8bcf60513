// Offers of our package that meet: while the first connection comes about, and later. Chromium, made to take its own
// back, may show nothing of what it receives from there on.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** Who comes with nothing to show, round after round. Who gives way when offers meet differs by chance. */
const QUIET = [null, 'ann', 'ben', null, 'ann', 'ben'];

await run('collisions of ours', 120, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  for (const [round, quiet] of QUIET.entries()) {
    test.step(`meeting, round ${round}, quiet: ${quiet}`);
    const page = await browser.newPage();
    await page.goto(`http://${server.listen}/health`);
    const settings = { url: server.url, key: server.publishableKey, channel: `room-${round}`, quiet };
    for (const { after, wanted, seen } of await page.evaluate(collide, settings)) assert.deepEqual(seen, wanted, after);
    await page.close();
  }
});

/** Runs in a page. Gives the pictures of the other one that each of two peers sees move, after each step. */
async function collide({ url, key, channel, quiet }) {
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

  const make = (name) => {
    const peer = new MeteredPeer({ url, apiKey: key, webSocketFactory: socket, rtcPeerConnectionFactory: connection });
    const made = { peer, own: {}, shows: new Map() };
    peer.on('peer-joined', ({ peer: remote }) => {
      remote.on('stream-added', ({ stream, metadata: { role } }) => made.shows.set(role, stream));
      remote.on('stream-removed', ({ stream }) => {
        for (const [role, shown] of made.shows) if (shown === stream) made.shows.delete(role);
      });
    });
    made.add = (role) => peer.addStream((made.own[role] = picture()), { role });
    made.remove = (role) => peer.removeStream(made.own[role]);
    if (name !== quiet) made.add('camera');
    return made;
  };

  const until = async (check) => {
    const end = performance.now() + 15_000;
    while (!check() && performance.now() < end) await new Promise((resolve) => requestAnimationFrame(resolve));
  };
  const [ann, ben] = [make('ann'), make('ben')];
  const found = [];
  /** What each sees move once it is what the other one shows. */
  const look = async (after) => {
    const names = (of) => Object.keys(of.own).sort();
    const wanted = { ann: names(ben), ben: names(ann) };
    const shown = () => ({ ann: [...ann.shows.keys()].sort(), ben: [...ben.shows.keys()].sort() });
    await until(() => JSON.stringify(shown()) === JSON.stringify(wanted));
    const seen = { ann: [], ben: [] };
    for (const [name, { shows }] of Object.entries({ ann, ben })) {
      for (const [role, stream] of shows) moves(stream).then(() => seen[name].push(role));
    }
    await until(() => ['ann', 'ben'].every((name) => seen[name].length === wanted[name].length));
    found.push({ after, wanted, seen: { ann: seen.ann.sort(), ben: seen.ben.sort() } });
  };
  /** Has both do something for which their offers meet. */
  const meet = async (act) => {
    const pcs = [ann, ben].map(({ peer }) => peer.remotePeers[0].pc);
    const rest = (pc) => new Promise((resolve) => {
      const check = () => pc.signalingState === 'stable' && resolve();
      pc.addEventListener('signalingstatechange', check);
      check();
    });
    await Promise.all(pcs.map(rest));
    [held, hasLeft] = [[], false];
    for (const side of [ann, ben]) act(side);
  };

  await ann.peer.join(channel);
  await ben.peer.join(channel);
  if (quiet) openWays();
  await until(() => (quiet === 'ben' || ann.shows.size > 0) && (quiet === 'ann' || ben.shows.size > 0));
  if (quiet) await look('the first one shows something');
  await meet(({ add }) => add('screen'));
  await look('both show something more');
  await meet(({ add }) => add('window'));
  await look('both show something more, again');
  await meet(({ own, remove }) => {
    remove('screen');
    delete own.screen;
  });
  await look('both take something back');
  await Promise.all([ann, ben].map(({ peer }) => peer.close()));
  return found;
}
