// `peerhall send` hands files to the page: by its link, as a phone opens it in a network without TLS, and by its code,
// typed. Pictures are taken of a mistyped code, of waiting, and of files that are offered, paused and here. Whoever is in
// the channel without knowing the code can offer nothing.

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
import { startSender } from './lib/sender.mjs';
import { startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 50 };
/** A name that is no secure place for browsers, other than those of this machine. */
const NAME = 'hall.test';
const LARGE = 24 * 1_048_576;
const MARKUP = '<img src=x onerror=fail()><b>.txt';

await run('page send', 300, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test, { flags: [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`] });
  const folder = await mkdtemp(join(tmpdir(), 'peerhall-page-'));
  test.defer(() => rm(folder, { recursive: true, force: true }));
  const given = async (name, bytes) => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const open = async (name, url) => {
    const downloads = join(folder, 'saved', name);
    await mkdir(downloads, { recursive: true });
    return { page: await visitor.openPage(test, browser, url, { downloads }), downloads };
  };

  test.step('typing what is no code');
  const { page: ann, downloads: anns } = await open('ann', server.page);
  await take(ann, '7k3m-9qxt-2h5w-8vbu');
  await says(ann, 'This is not a code of “peerhall send”, which has 16 letters and digits', 'bad');
  await look(test, ann, 'page-code-wrong');
  await take(ann, 'https://elsewhere.test/#code=7k3m-9qxt-2h5w-8vbn');
  await says(ann, 'This link leads to another server.', 'bad');

  test.step('coming before the sender');
  await take(ann, '7k3m-9qxt-2h5w-8vbn');
  await says(ann, 'Waiting for the sender.');
  await look(test, ann, 'page-code-waiting');
  await ann.click('#leave');
  await says(ann, 'You left.');

  test.step('opening the link');
  const film = randomBytes(LARGE);
  const sender = await startSender(test, server, await given('film.bin', film), await given('empty.txt', ''), await given(MARKUP, 'text'));
  const link = new URL(sender.link);
  assert.equal(link.origin + link.pathname, server.page);
  link.hostname = NAME;
  const { page: ben, downloads: bens } = await open('ben', link.href);
  assert.equal(await ben.evaluate(() => isSecureContext), false);
  await files.isOffered(ben, 'the sender', '3 files, 25.2 MB');
  await says(ben, 'The sender is here.', 'good');
  await look(test, ben, 'page-code-offered');

  test.step('offering without the code');
  const { page: eve } = await open('eve', server.page);
  await visitor.join(eve, 'Eve', sender.channel);
  await files.choose(eve, join(folder, 'empty.txt'));
  await ben.waitForFunction(() => document.querySelector('#files-note').textContent.includes('without knowing the code'), PATIENCE);
  assert.equal(await ben.$eval('#offers', (list) => list.children.length), 1, 'what is not proved is not shown');
  await eve.close();

  test.step('taking, with a pause');
  await files.pressOnTheWay(ben, 'film.bin from the sender', 'Pause');
  await files.take(ben);
  await files.row(ben, 'film.bin from the sender', 'paused');
  const held = await files.moved(ben, 'film.bin from the sender');
  assert.ok(held > 0 && held < LARGE, `${held} bytes have come`);
  await files.row(ben, 'empty.txt from the sender', 'done');
  await look(test, ben, 'page-code-paused');
  const least = await watchBar(ben, 'film.bin from the sender');
  await files.press(ben, 'film.bin from the sender', 'Resume');
  await files.row(ben, 'film.bin from the sender', 'done');
  await says(ben, 'Everything is here.', 'good');
  assert.equal(await sender.end(), 0, 'the sender knows that everything arrived');
  assert.ok(film.equals(await files.saved(bens, 'film.bin', LARGE)), 'what is saved is what was sent');
  await files.saved(bens, 'empty.txt', 0);
  const [, shown] = (await files.text(ben, 'film.bin from the sender')).match(/^✓ 25\.2 MB are here, both sides have BLAKE3 ([0-9a-f]{8})…$/);
  const [sent] = sender.told('sent').filter(({ name }) => name === 'film.bin');
  assert.equal(sent.blake3.slice(0, 8), shown);
  assert.equal(await least(), held, 'it went on with what was here');
  const markup = await ben.$$eval('#files img, #files b, #status *', (elements) => elements.map(({ outerHTML }) => outerHTML));
  assert.deepEqual(markup, [], 'what others wrote became markup');
  await look(test, ben, 'page-code-done');

  test.step('typing the code');
  const next = await startSender(test, server, await given('notes.txt', 'as they are'));
  await take(ann, ` ${next.code.toUpperCase().replaceAll('-', ' ')}`);
  await files.isOffered(ann, 'the sender', '1 file, 11 B');
  await files.take(ann);
  await files.row(ann, 'notes.txt from the sender', 'done');
  assert.equal(await next.end(), 0);
  assert.equal(String(await files.saved(anns, 'notes.txt', 11)), 'as they are');
  await says(ann, 'Everything is here.', 'good');

  test.step('going on after a reload');
  const last = await startSender(test, server, join(folder, 'film.bin'), join(folder, 'notes.txt'));
  const { page: cleo, downloads: cleos } = await open('cleo', last.link);
  await files.isOffered(cleo, 'the sender', '2 files, 25.2 MB');
  await files.pressOnTheWay(cleo, 'film.bin from the sender', 'Pause');
  await files.take(cleo);
  await files.row(cleo, 'film.bin from the sender', 'paused');
  await files.row(cleo, 'notes.txt from the sender', 'done');
  const had = await files.moved(cleo, 'film.bin from the sender');
  await cleo.reload();
  await files.isOffered(cleo, 'the sender', '2 files, 25.2 MB');
  const began = await watchFirst(cleo);
  await files.take(cleo, 'Take the rest');
  await files.row(cleo, 'film.bin from the sender', 'done');
  assert.equal(await began(), had, 'what was here did not come again');
  assert.equal(await cleo.$eval('#transfers', (list) => list.children.length), 1, 'nor did the file that was whole');
  assert.equal(await last.end(), 0);
  assert.ok(film.equals(await files.saved(cleos, 'film.bin', LARGE)), 'what is saved is what was sent');

  test.step('coming by a link again when the sender has left');
  await ann.click('#leave');
  await ann.reload();
  await says(ann, 'Waiting for the sender.');
});

async function take(page, code) {
  await visitor.fill(page, '#code', code);
  await page.click('#take');
}

/** Waits until the line below the forms begins so. */
async function says(page, text, kind = '') {
  try {
    await page.waitForFunction((wanted, name) => {
      const { textContent, className } = document.querySelector('#status');
      return textContent.startsWith(wanted) && className === name;
    }, PATIENCE, text, kind);
  } catch (error) {
    throw new Error(`“${text}” did not show but “${await page.$eval('#status', (status) => status.textContent)}”`, { cause: error });
  }
}

/** Watches the bar of a row from now on; what it gives says how far down it was. */
async function watchBar(page, what) {
  await page.evaluate((name) => {
    const row = [...document.querySelectorAll('#transfers > li')].find((item) => item.querySelector('.what').textContent === name);
    const bar = row.querySelector('progress');
    globalThis.least = bar.value;
    new MutationObserver(() => (globalThis.least = Math.min(globalThis.least, bar.value))).observe(bar, { attributes: true });
  }, what);
  return () => page.evaluate(() => globalThis.least);
}

/** Watches for the first bytes that any bar shows; what it gives says how many they were. */
async function watchFirst(page) {
  await page.evaluate(() => {
    const list = document.querySelector('#transfers');
    const observer = new MutationObserver(() => {
      const { value } = list.querySelector('progress') ?? {};
      if (!(value > 0)) return;
      observer.disconnect();
      globalThis.first = value;
    });
    observer.observe(list, { subtree: true, childList: true, attributes: true });
  });
  return () => page.evaluate(() => globalThis.first);
}
