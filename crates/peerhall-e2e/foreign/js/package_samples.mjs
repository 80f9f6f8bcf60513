// Every sample of the contract's pages, compiled strictly against our declarations and run by Alice and Bob in
// Chromium; and our declarations compared with the vendor's.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { mint, rest, startDev } from './lib/server.mjs';
import { tool, typecheck } from '../../../../packages/peerhall/tests/tools.mjs';

const PACKAGE = fileURLToPath(new URL('../../../../packages/peerhall/', import.meta.url));
const METADATA = {
  alice: { username: 'Alice' },
  bob: { username: 'Bob', avatarUrl: 'https://example.org/bob.png' },
};

await run('samples', 400, async (test) => {
  test.step('compiling');
  await typecheck();
  const { build } = await tool('esbuild');
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [join(PACKAGE, 'tests/samples/scene.ts')],
    bundle: true, write: false, format: 'iife', globalName: 'scene', target: 'es2022',
    alias: { peerhall: join(PACKAGE, 'dist/peerhall.js') },
  });
  const server = await startDev(test);
  const page = await (await startBrowser(test, server)).openPage();
  await page.exposeFunction('tokenOf', (peer) => mint(server, peer, { peerMetadata: METADATA[peer] }));
  await page.exposeFunction('kick', (peer) => rest(server, 'DELETE', `/v1/peers/${peer}`));
  await page.addScriptTag({ content: text });
  await page.evaluate((url, key) => scene.prepare(url, key), server.url, server.publishableKey);
  for (const part of ['remotePeers', 'meteredPeers', 'migrated']) {
    test.step(part);
    await page.evaluate((name) => scene[name](), part);
  }
});
