// Files between visitors of the page: offered, taken by some, paused for one of them, and saved, byte for byte; stopped on
// either side and taken after all. Names made of markup stay text, and none leads out of the folder of downloads.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './lib/chromium.mjs';
import * as files from './lib/files.mjs';
import { look } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const LARGE = 12 * 1_048_576;
const MARKUP = '<img src=x onerror=fail()><b>.txt';
const UPWARDS = '../../up.txt';

await run('page files', 400, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const folder = await mkdtemp(join(tmpdir(), 'peerhall-page-'));
  test.defer(() => rm(folder, { recursive: true, force: true }));
  const bytes = randomBytes(LARGE);
  for (const name of ['film.bin', 'here.bin', 'there.bin']) await writeFile(join(folder, name), bytes);
  await writeFile(join(folder, 'empty.txt'), '');
  const people = [];
  for (const name of ['Ann', 'Ben', 'Cleo']) {
    const downloads = join(folder, 'saved', 'by', name);
    await mkdir(downloads, { recursive: true });
    const page = await visitor.openPage(test, browser, server.page, { downloads });
    await visitor.join(page, name, 'hall');
    people.push({ page, downloads });
  }
  const [{ page: ann }, { page: ben, downloads: bens }, { page: cleo, downloads: cleos }] = people;
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben', 'Cleo']);

  test.step('offering');
  await files.choose(ann, join(folder, 'film.bin'), join(folder, 'empty.txt'));
  for (const page of [ben, cleo]) await files.isOffered(page, 'Ann', '2 files, 12.6 MB');
  await look(test, ben, 'page-files-offered');

  test.step('taking, with a pause for one of two');
  await files.pressOnTheWay(ann, 'film.bin to Ben', 'Pause');
  await files.take(ben);
  await files.row(ann, 'film.bin to Ben', 'paused');
  await files.row(ben, 'film.bin from Ann', 'rests');
  const held = await files.moved(ben, 'film.bin from Ann');
  assert.ok(held > 0 && held < LARGE, `${held} bytes have come`);
  await look(test, ben, 'page-files-coming');
  await files.take(cleo);
  await files.row(ann, 'film.bin to Cleo', 'done');
  assert.equal(await files.state(ann, 'film.bin to Ben'), 'paused', 'each receiver has a bar of its own');
  assert.match(await files.text(ann, 'film.bin to Ben'), /^\d+(\.\d)? [kM]B of 12\.6 MB, paused$/);
  await look(test, ann, 'page-files-paused');
  await files.press(ann, 'film.bin to Ben', 'Resume');
  await files.row(ann, 'film.bin to Ben', 'done');

  test.step('saving');
  for (const [page, downloads] of [[ben, bens], [cleo, cleos]]) {
    for (const name of ['film.bin', 'empty.txt']) await files.row(page, `${name} from Ann`, 'done');
    assert.ok(bytes.equals(await files.saved(downloads, 'film.bin', LARGE)), 'what is saved is what was sent');
    await files.saved(downloads, 'empty.txt', 0);
  }
  const proofs = await Promise.all([[ann, 'film.bin to Ben'], [ann, 'film.bin to Cleo'], [ben, 'film.bin from Ann']].map(async ([page, what]) =>
    (await files.text(page, what)).match(/BLAKE3 ([0-9a-f]{8})/)[1]));
  assert.equal(new Set(proofs).size, 1, 'all show the same proof');
  await look(test, ann, 'page-files-done');

  test.step('stopping on either side');
  await files.choose(ben, join(folder, 'here.bin'), join(folder, 'there.bin'));
  await files.isOffered(ann, 'Ben', '2 files, 25.2 MB');
  await files.pressOnTheWay(ben, 'here.bin to Ann', 'Stop');
  await files.pressOnTheWay(ann, 'there.bin from Ben', 'Stop');
  await files.take(ann);
  for (const [page, what, why] of [
    [ben, 'here.bin to Ann', 'you stopped it'], [ann, 'here.bin from Ben', 'the sender stopped it'],
    [ann, 'there.bin from Ben', 'you stopped it'], [ben, 'there.bin to Ann', 'the receiver stopped it'],
  ]) {
    await files.row(page, what, 'failed');
    assert.equal(await files.text(page, what), `did not arrive: ${why}`);
  }
  await look(test, ann, 'page-files-stopped');
  await files.take(ann, 'Take the rest');
  await files.row(ann, 'there.bin from Ben', 'done');
  await files.row(ben, 'there.bin to Ann', 'done');
  assert.ok(bytes.equals(await files.saved(people[0].downloads, 'there.bin', LARGE)), 'what is saved is what was sent');
  assert.equal(await files.state(ann, 'here.bin from Ben'), 'failed', 'what the sender stopped stays so');

  test.step('dropping files whose names are chosen to harm');
  await files.drop(cleo, [MARKUP, 'markup'], [UPWARDS, 'upwards']);
  await files.isOffered(ann, 'Cleo', '2 files, 13 B');
  await files.take(ann);
  await files.rows(ann, ' from Cleo', 'done', 2);
  const markup = await ann.$$eval('#files img, #files b', (elements) => elements.map(({ outerHTML }) => outerHTML));
  assert.deepEqual(markup, [], 'what others wrote became markup');
  await files.settles(people[0].downloads, 3);
  assert.deepEqual(await readdir(join(folder, 'saved')), ['by']);
  assert.deepEqual((await readdir(join(folder, 'saved', 'by'))).sort(), ['Ann', 'Ben', 'Cleo']);

  test.step('leaving');
  await files.choose(cleo, join(folder, 'film.bin'));
  await files.isOffered(ben, 'Cleo', '1 file, 12.6 MB');
  await files.pressOnTheWay(cleo, 'film.bin to Ben', 'Pause');
  await files.take(ben);
  await files.row(cleo, 'film.bin to Ben', 'paused');
  await ben.click('#leave');
  await files.row(cleo, 'film.bin to Ben', 'failed');
  assert.equal(await ben.$eval('#transfers', (list) => list.children.length), 0);
});
