// A Python peer (aiortc) and a Chromium peer in one room, each with its vendor SDK: a tone to the
// browser, pictures to Python, both with metadata, and data channels of either side.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './lib/chromium.mjs';
import { run, within } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const SCRIPT = fileURLToPath(new URL('../python/w154_peer.py', import.meta.url));

await run('w154 python and browser', 120, async (test) => {
  const server = await startDev(test);
  test.step('starting the browser');
  const page = await (await startBrowser(test, server)).openPage();

  test.step('starting the Python peer');
  const python = startPython(test, [server.url, server.publishableKey, 'studio']);
  await python.line('JOINED');
  await page.evaluate(async (url, apiKey) => {
    hall.invite('browser', { url, apiKey });
    await hall.guest('browser').peer.join('studio');
  }, server.url, server.publishableKey);

  // One side at a time has something to offer, because aiortc cannot roll an offer back.
  test.step('hearing the tone from Python');
  const added = await page.evaluate(async () => {
    const [{ of, stream, metadata }] = await hall.guest('browser').wait('stream-added');
    await hall.guest('browser').hears(of);
    return { of, stream, metadata };
  });
  assert.deepEqual([added.stream, added.metadata], ['python-stream', { role: 'bot' }]);

  test.step('talking over a channel of the browser');
  await page.evaluate(async (of) => {
    hall.guest('browser').openChannel(of);
    await hall.guest('browser').talksTo(of);
  }, added.of);

  test.step('showing the camera to Python, and a channel of Python');
  await page.evaluate(() => hall.guest('browser').addCamera({ role: 'camera', label: 'Front' }));
  const greeted = page.evaluate((of) =>
    hall.guest('browser').wait('text', { of, text: 'hello from Python' }), added.of);
  await Promise.race([greeted, python.ended]);

  test.step('waiting for the verdict of the Python half');
  await python.ended;
});

function startPython(test, args) {
  const interpreter = process.env.PEERHALL_PYTHON;
  if (!interpreter) throw new Error('PEERHALL_PYTHON is not set; run `cargo xtask test`');
  const child = spawn(interpreter, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  test.defer(() => child.kill());
  const exited = once(child, 'exit');
  const lines = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const output = () => lines.join('\n');
  /** Rejects when it ends badly, resolves when it ends well. */
  const ended = exited.then(([code]) => {
    if (code !== 0) throw new Error(`the Python half ended (${code}): ${output()}`);
  });
  ended.catch(() => {});
  /** Resolves when it has printed `wanted`. */
  const line = async (wanted) => {
    const came = (async () => {
      while (!lines.includes(wanted)) await once(reader, 'line');
    })();
    await within(Promise.race([came, ended]), 30_000, `'${wanted}' from the Python half`);
  };
  return { ended, line };
}
