// Two visitors between whom no connection can be made: a file goes through the server, and the name of the other says
// so, until there is a connection.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './lib/chromium.mjs';
import * as files from './lib/files.mjs';
import { look } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const SIZE = 1_000_000;

await run('page through the server', 240, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const folder = await mkdtemp(join(tmpdir(), 'peerhall-page-'));
  test.defer(() => rm(folder, { recursive: true, force: true }));
  const [first, second] = [randomBytes(SIZE), randomBytes(SIZE)];
  await writeFile(join(folder, 'first.bin'), first);
  await writeFile(join(folder, 'second.bin'), second);
  const downloads = join(folder, 'saved');
  await mkdir(downloads);
  const ann = await visitor.openPage(test, browser, server.page, { first: cutOff });
  const ben = await visitor.openPage(test, browser, server.page, { first: cutOff, downloads });
  await visitor.join(ann, 'Ann', 'hall');
  await visitor.join(ben, 'Ben', 'hall');

  test.step('going through the server');
  await files.choose(ann, join(folder, 'first.bin'));
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben through the server']);
  await visitor.seesPeople(ben, ['Ann through the server', 'Ben (you)']);
  await files.take(ben);
  await files.row(ann, 'first.bin to Ben', 'done');
  assert.ok(first.equals(await files.saved(downloads, 'first.bin', SIZE)), 'what is saved is what was sent');
  await look(test, ann, 'page-through-server');

  test.step('going over a connection again');
  for (const page of [ann, ben]) await page.evaluate(() => (globalThis.connects = true));
  await ann.click('#break summary');
  await ann.click('#break-relay');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await visitor.seesPeople(ben, ['Ann', 'Ben (you)']);
  await files.choose(ann, join(folder, 'second.bin'));
  await files.take(ben);
  await files.row(ann, 'second.bin to Ben', 'done');
  assert.ok(second.equals(await files.saved(downloads, 'second.bin', SIZE)), 'what is saved is what was sent');
});

/** Connections that are made before `connects` is set find no path: they may use relays only, and know none. */
function cutOff() {
  const Real = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(config) {
      super(globalThis.connects ? config : { ...config, iceServers: [], iceTransportPolicy: 'relay' });
    }

    setConfiguration(config) {
      if (globalThis.connects) super.setConfiguration(config);
    }
  };
}
