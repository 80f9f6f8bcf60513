// Messages of labels between two pages of one Chromium, beside a bare data channel of the same connection with a
// back-pressure loop of its own, and beside PeerJS, which cuts messages into chunks as well. They take turns, and a ratio
// is the median of pairs of one turn, since the machine is faster in one minute than in the next. Fails on
// ratios, never on times. Run by `cargo xtask bench --labelled`, on a machine that does nothing else.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** Bytes of a message, and messages of each, taken in turns. */
const [BULK, ROUNDS] = [50_000_000, 15];

/** Messages of the bare channel: as large as ours, and as the largest that every browser takes. */
const MESSAGES = [16_384, 65_536];

/** What is asked for: this much of the bare channel's bytes of a second, and more than PeerJS. */
const [OF_BARE, OF_PEERJS] = [0.9, 1];

await run('bench of labels', 900, async (test) => {
  const server = await startDev(test);
  const peerJs = await startPeerServer(test);
  const browser = await startBrowser(test, server);
  const [ann, ben] = [await browser.openPage(), await browser.openPage()];
  for (const [page, name] of [[ann, 'ann'], [ben, 'ben']]) {
    await page.addScriptTag({ path: peerJs.script });
    await page.evaluate(async (url, id) => {
      globalThis.labels = await import('/labels.js');
      labels.take('stream');
      await labels.enter({ url, name: id });
    }, server.url, name);
  }
  await ben.evaluate(takeEverything, peerJs.port);
  await ann.evaluate(openEverything, peerJs.port, BULK);

  const ways = { ours: sendOurs, ...Object.fromEntries(MESSAGES.map((size) => [`bare ${size}`, sendBare])), peerjs: sendPeerJs };
  const speeds = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, send] of Object.entries(ways)) {
      test.step(`round ${round} of ${name}`);
      const milliseconds = await ann.evaluate(send, Number(name.split(' ')[1]));
      speeds[name].push(BULK / 1e3 / milliseconds);
    }
  }
  const found = Object.fromEntries(Object.entries(speeds).map(([name, list]) => [name, median(list)]));
  const failed = Object.keys(ways).slice(1).filter((name) => {
    const [ratio, asked] = [median(speeds.ours.map((speed, round) => speed / speeds[name][round])), name === 'peerjs' ? OF_PEERJS : OF_BARE];
    console.log(`${ratio >= asked ? 'PASS' : 'FAIL'} a message of ${BULK / 1e6} MB in Chromium: ${found.ours.toFixed(1)} MB/s, ${ratio.toFixed(2)} x ${name}'s ${found[name].toFixed(1)} (${asked} asked)`);
    return ratio < asked;
  });
  if (failed.length > 0) throw new Error(`slower than asked beside ${failed.join(', ')}`);
});

function median(list) {
  return list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];
}

/** PeerJS's own server, and the script of its client. */
async function startPeerServer(test) {
  const { resolve } = createRequire(join(process.env.PEERHALL_BENCH_PEERS, 'package.json'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const program = join(resolve('peer'), '../bin/peerjs.js');
  const server = spawn(process.execPath, [program, '--port', String(port), '--host', '127.0.0.1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  test.defer(() => server.kill());
  await once(server.stdout, 'data');
  return { port, script: join(resolve('peerjs'), '../peerjs.min.js') };
}

/** The receiver: confirms what came whole. */
async function takeEverything(port) {
  const ann = await labels.other('ann');
  ann.connection.addEventListener('datachannel', ({ channel }) => {
    if (channel.label !== 'bare') return;
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }) => typeof data === 'string' && channel.send('here');
  });
  const peer = new Peer('bench-ben', { host: '127.0.0.1', port, path: '/' });
  peer.on('connection', (connection) => connection.on('data', () => connection.send('here')));
  await new Promise((resolve) => peer.on('open', resolve));
}

/** The sender: its three ways to the other page. */
async function openEverything(port, size) {
  const payload = new Uint8Array(size).fill(0x5a);
  const ben = await labels.other('ben');
  const bare = ben.connection.createDataChannel('bare');
  bare.bufferedAmountLowThreshold = 256 * 1_024;
  await new Promise((resolve) => (bare.onopen = resolve));
  const peer = new Peer('bench-ann', { host: '127.0.0.1', port, path: '/' });
  await new Promise((resolve) => peer.on('open', resolve));
  const connection = peer.connect('bench-ben', { reliable: true, serialization: 'binary' });
  await new Promise((resolve) => connection.on('open', resolve));
  globalThis.bench = { payload, ben, bare, connection };
}

async function sendOurs() {
  const began = performance.now();
  await bench.ben.send(bench.payload, { label: 'chat' });
  return performance.now() - began;
}

async function sendBare(size) {
  const { payload, bare } = bench;
  const began = performance.now();
  const confirmed = new Promise((resolve) => (bare.onmessage = resolve));
  for (let at = 0; at < payload.length; at += size) {
    if (bare.bufferedAmount > 1_048_576) await new Promise((resolve) => (bare.onbufferedamountlow = resolve));
    bare.send(payload.subarray(at, at + size));
  }
  bare.send('end');
  await confirmed;
  return performance.now() - began;
}

async function sendPeerJs() {
  const { payload, connection } = bench;
  const began = performance.now();
  const confirmed = new Promise((resolve) => connection.once('data', resolve));
  connection.send(payload);
  await confirmed;
  return performance.now() - began;
}
