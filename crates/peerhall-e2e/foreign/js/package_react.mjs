// `peerhall/react` in React's StrictMode, which mounts everything twice: one peer, one socket, tiles that come and go,
// the latest handler, another channel, and an end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';
import { REACT_APP } from '../../../../packages/peerhall/tests/react-app.mjs';
import { project, tool } from '../../../../packages/peerhall/tests/tools.mjs';

const PATIENCE = { timeout: 60_000, polling: 50 };

await run('react', 180, async (test) => {
  const server = await startDev(test);
  test.step('building');
  const folder = await project(test, { 'app.js': REACT_APP });
  const { build } = await tool('esbuild');
  // StrictMode mounts twice only where React checks itself.
  await build({ absWorkingDir: folder, entryPoints: ['app.js'], outfile: `${folder}/built.js`, bundle: true, format: 'iife', globalName: 'app',
    define: { 'process.env.NODE_ENV': '"development"' }, logLevel: 'error' });
  const page = await (await startBrowser(test, server)).openPage();
  await page.addScriptTag({ content: await readFile(`${folder}/built.js`, 'utf8') });

  test.step('mounting');
  await page.evaluate(async (options) => {
    globalThis.other = new app.MeteredPeer(options);
    globalThis.came = [];
    other.on('peer-joined', () => came.push('joined')).on('peer-left', () => came.push('left'));
    const canvas = document.createElement('canvas');
    canvas.getContext('2d').fillRect(0, 0, 9, 9);
    globalThis.drawing = canvas.captureStream(5);
    other.addStream(drawing, { role: 'drawing' });
    await other.join('first');
    globalThis.unmount = app.mount(options, 'first');
  }, { url: server.url, apiKey: server.publishableKey });
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'joined', PATIENCE);
  await page.waitForFunction(() => document.querySelector('.tile')?.textContent === 'drawing', PATIENCE);
  assert.deepEqual(await page.evaluate(() => [app.sockets, came]), [1, ['joined']], 'one socket, one peer');

  test.step('hearing');
  for (const word of ['one', 'two']) {
    await page.evaluate((text) => other.send(text), word);
    await page.waitForFunction((text) => app.heard.some(([data]) => data === text), PATIENCE, word);
  }
  assert.deepEqual(await page.evaluate(() => app.heard), [['one', 0], ['two', 1]], 'the latest handler, once each');

  test.step('removing a stream');
  await page.evaluate(() => other.removeStream(drawing));
  await page.waitForFunction(() => !document.querySelector('.tile'), PATIENCE);

  test.step('changing the channel');
  await page.evaluate(() => app.change('second'));
  await page.waitForFunction(() => came.includes('left') && document.querySelector('h2').textContent === 'second'
    && document.querySelector('h1').textContent === 'joined', PATIENCE);
  assert.equal(await page.evaluate(() => app.sockets), 2);

  test.step('unmounting');
  await page.evaluate(async ({ url, apiKey }) => {
    globalThis.witness = new app.MeteredPeer({ url, apiKey });
    const met = new Promise((resolve) => witness.on('peer-joined', resolve));
    globalThis.gone = new Promise((resolve) => witness.on('peer-left', resolve));
    await witness.join('second');
    await met;
    unmount();
    await gone;
    await Promise.all([witness.close(), other.close()]);
  }, { url: server.url, apiKey: server.publishableKey });
  assert.equal(await page.evaluate(() => document.querySelector('main')), null);
});
