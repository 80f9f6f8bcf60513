// The npm package as it is published, installed into an empty project: built by Vite, webpack, Rollup and esbuild and
// run in Chromium, in a page and in a worker; by a plain script; and in Node.js, imported and required.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';
import { APPLICATION, BUNDLERS, EXPECTED, SMALLER } from '../../../../packages/peerhall/tests/bundlers.mjs';
import { project } from '../../../../packages/peerhall/tests/tools.mjs';

const REQUIRED = `
const { MeteredPeer, SignallingClient } = require('peerhall');
const { SignallingClient: Smaller } = require('peerhall/signalling');
require('peerhall/helpers');
const { labels } = require('peerhall/labelled');
const WebSocket = require(process.argv[4]);
(async () => {
  for (const Class of [SignallingClient, Smaller]) {
    const client = new Class({ url: process.argv[2], apiKey: process.argv[3], webSocketFactory: (url) => new WebSocket(url) });
    await client.connect();
    await client.close();
  }
  const peer = new MeteredPeer({ url: process.argv[2], apiKey: process.argv[3], labels, webSocketFactory: (url) => new WebSocket(url) });
  peer.openChannel('files');
  await peer.close();
  console.log('required');
})();
`;

await run('package and bundlers', 400, async (test) => {
  const server = await startDev(test);
  const arrange = { url: server.url, apiKey: server.publishableKey };
  test.step('packing');
  const folder = await project(test, { 'app.js': APPLICATION, 'smaller.js': SMALLER, 'required.cjs': REQUIRED });
  const page = await (await startBrowser(test, server)).openPage();
  const sizes = [];
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    test.step(`building with ${name}`);
    const built = await readFile(await bundle(folder, 'app.js', 'app.js'), 'utf8');
    const smaller = await readFile(await bundle(folder, 'smaller.js', 'smaller.js'));
    const size = gzipSync(smaller, { level: 9 }).length;
    assert.ok(size < 40_000, `channels alone are ${size} bytes with ${name}`);
    sizes.push(`${name} ${size}`);
    test.step(`running what ${name} built`);
    assert.equal(await page.evaluate(inPage, built, arrange), EXPECTED, name);
    assert.equal(await page.evaluate(inWorker, built, arrange), EXPECTED, `${name}, in a worker`);
  }

  test.step('running the plain script');
  const script = await readFile(join(folder, 'node_modules/peerhall/dist/peerhall.umd.js'), 'utf8');
  const plain = await page.evaluate(async (text, { url, apiKey }) => {
    const element = document.createElement('script');
    element.textContent = text;
    document.head.append(element);
    const client = new globalThis.Peerhall.SignallingClient({ url, apiKey });
    await client.connect();
    const { state } = client;
    await client.close();
    return [state, globalThis.MeteredPeer === globalThis.Peerhall];
  }, script, arrange);
  assert.deepEqual(plain, ['connected', true]);

  test.step('running in Node.js');
  const { work } = await import(pathToFileURL(join(folder, 'app.js')));
  const { default: WebSocket } = await import('ws');
  assert.equal(await work({ ...arrange, webSocketFactory: (url) => new WebSocket(url) }), EXPECTED);
  const ws = new URL('./node_modules/ws/index.js', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'required.cjs'), arrange.url, arrange.apiKey, ws]);
  assert.equal(stdout, 'required\n');
  return `channels alone: ${sizes.join(', ')} bytes`;
});

async function inPage(text, options) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const { work } = await import(url);
  return work(options);
}

/** Without a page around it: no window, no document, no WebRTC. */
async function inWorker(text, options) {
  const code = `${text}\nglobalThis.work(${JSON.stringify(options)}).then(postMessage, (error) => postMessage(String(error)));`;
  const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' });
  const answer = await new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => resolve(`error: ${event.message}`);
  });
  worker.terminate();
  return answer;
}
