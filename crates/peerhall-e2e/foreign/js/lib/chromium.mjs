// Headless Chromium with fake media, and the local site its pages come from.

import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { mint } from './server.mjs';

const FLAGS = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--auto-accept-this-tab-capture',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--no-first-run',
];

const PAGES = fileURLToPath(new URL('../../pages/', import.meta.url));
const vendor = createRequire(import.meta.url).resolve('@metered-ca/realtime');
const ours = (name) => fileURLToPath(new URL(`../../../../../packages/peerhall/dist/${name}`, import.meta.url));

/** Scripts of the SDKs that guests can use: the vendor's, our own package in its place, and that with labels. */
const SDKS = {
  vendor: () => readFile(join(vendor, '../index.umd.js')),
  ours: () => readFile(ours('peerhall.umd.js')),
  // There is none that makes a global of itself.
  labelled: async () => `{const module={};${await readFile(ours('labelled.cjs'), 'utf8')};globalThis.MeteredPeer=module.exports}`,
};

/** Whose SDK the guests use unless a test says otherwise: after `--peerhall` ours, after `--labelled` that with labels. */
const SDK = process.argv.includes('--peerhall') ? 'ours' : process.argv.includes('--labelled') ? 'labelled' : 'vendor';

const SITE = {
  '/': [join(PAGES, 'peer.html'), 'text/html'],
  '/peer.js': [join(PAGES, 'peer.js'), 'text/javascript'],
  '/peerhall.js': [ours('peerhall.js'), 'text/javascript'],
  '/labelled.js': [ours('labelled.js'), 'text/javascript'],
  '/labels.js': [join(PAGES, 'labels.js'), 'text/javascript'],
  '/members.js': [join(PAGES, 'members.js'), 'text/javascript'],
};

/** A browser with fake media that takes nothing from earlier runs; `flags` are further ones of its command line. */
export async function launch(test, { flags = [] } = {}) {
  const browser = await puppeteer.launch({
    executablePath: findChromium(),
    headless: true,
    pipe: true,
    args: [...FLAGS, ...flags],
  });
  test.defer(() => browser.close());
  return browser;
}

/**
 * Starts a browser, Chromium unless `start` starts another one, whose guests use the SDK `sdk`: `vendor`,
 * `ours` or `labelled`. `openPage()` of what it gives opens one more page of guests.
 */
export async function startBrowser(test, server, { claims = {}, start = launch, sdk = SDK } = {}) {
  const site = await serveSite(test, server, claims, SDKS[sdk]);
  const browser = await start(test);
  const openPage = async () => {
    const page = await browser.newPage();
    const troubles = [];
    page.on('pageerror', (error) => {
      // Firefox takes a socket that cannot be opened for an error of the page.
      if (!error.message.startsWith('The connection to ws')) troubles.push(error);
    });
    test.defer(() => {
      if (troubles.length > 0) throw troubles[0];
    });
    await page.goto(site);
    await page.waitForFunction('globalThis.hall');
    return page;
  };
  return { openPage };
}

/**
 * Pages, the SDK, and `/token?peer=ID`: one token per peer for the whole test, as a backend that
 * signs by itself would give it also while the realtime server is down.
 */
async function serveSite(test, server, claims, sdk) {
  const tokens = new Map();
  const token = (peer) => {
    if (!tokens.has(peer)) tokens.set(peer, mint(server, peer, claims));
    return tokens.get(peer);
  };
  const answer = async (url) => {
    if (url.pathname === '/token') return [await token(url.searchParams.get('peer')), 'text/plain'];
    if (url.pathname === '/sdk.js') return [await sdk(), 'text/javascript'];
    const [file, type] = SITE[url.pathname] ?? [];
    return file ? [await readFile(file), type] : null;
  };
  const site = createServer(async (request, response) => {
    const found = await answer(new URL(request.url, 'http://site')).catch(() => null);
    response.writeHead(found ? 200 : 404, found ? { 'content-type': found[1] } : {});
    response.end(found?.[0]);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  test.defer(() => site.closeAllConnections());
  return `http://127.0.0.1:${site.address().port}/`;
}

/** Absolute path of Chromium. */
export function findChromium() {
  return findProgram(process.env.PEERHALL_CHROMIUM || 'chromium', 'Chromium');
}

/** Absolute path of a browser by its name or path; the driver does not search PATH. */
export function findProgram(name, browser) {
  const places = name.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  for (const place of places) {
    const path = join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  throw new Error(`no browser '${name}'; run \`cargo xtask test\`, which installs ${browser}`);
}
