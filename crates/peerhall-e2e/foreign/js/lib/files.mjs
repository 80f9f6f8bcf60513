// The file area of the page, as people use it.

import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from './run.mjs';

const PATIENCE = { timeout: 90_000, polling: 50 };

/** Chooses files of this machine to be offered. */
export async function choose(page, ...paths) {
  const input = await page.$('#files-input');
  await input.uploadFile(...paths);
}

/** Drops files with these names and contents into the area. */
export async function drop(page, ...contents) {
  await page.evaluate((given) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text] of given) dataTransfer.items.add(new File([text], name));
    document.querySelector('#drop').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, contents);
}

/** Waits until somebody offers files that are summed up so. */
export async function isOffered(page, who, sum) {
  await waitFor(page, `${who} offers ${sum}`, (wanted) =>
    [...document.querySelectorAll('#offers > li > div')].some((offer) => offer.textContent.startsWith(wanted)), `${who} offers ${sum}`);
}

/** Takes what is offered, by the last button that says so. */
export async function take(page, label = 'Take') {
  await waitFor(page, label, (wanted) => {
    const button = [...document.querySelectorAll('#offers button')].findLast(({ disabled, textContent }) => !disabled && textContent === wanted);
    button?.click();
    return Boolean(button);
  }, label);
}

/** Waits until so many rows whose names end so are in a state. */
export async function rows(page, end, state, count) {
  await waitFor(page, `${count} rows${end}: ${state}`, (tail, wanted, many) => [...document.querySelectorAll(`#transfers > li[data-state="${wanted}"]`)]
    .filter((item) => item.querySelector('.what').textContent.endsWith(tail)).length === many, end, state, count);
}

/** Waits until the row of a file, named as `film.bin to Ben`, is in a state. */
export async function row(page, what, state) {
  await waitFor(page, `${what}: ${state}`, (name, wanted) => [...document.querySelectorAll('#transfers > li')].some((item) =>
    item.querySelector('.what').textContent === name && item.dataset.state === wanted), what, state);
}

/** The state of a row. */
export const state = (page, what) => inRow(page, what, (item) => item.dataset.state);

/** The figures of a row. */
export const text = (page, what) => inRow(page, what, (item) => item.querySelector('.numbers').textContent);

/** Bytes of the bar of a row. */
export const moved = (page, what) => inRow(page, what, (item) => item.querySelector('progress').value);

/** Presses a button of a row. */
export async function press(page, what, button) {
  const isPressed = await inRow(page, what, (item, label) => {
    const found = [...item.querySelectorAll('button')].find(({ hidden, textContent }) => !hidden && textContent === label);
    found?.click();
    return Boolean(found);
  }, button);
  assert.ok(isPressed, `${what} has no button ${button}`);
}

/** Presses a button of a row that is not there yet, as soon as the first of its bytes have arrived. */
export async function pressOnTheWay(page, what, button) {
  await page.evaluate((name, label) => {
    const list = document.querySelector('#transfers');
    const observer = new MutationObserver(() => {
      const found = [...list.children].find((item) => item.querySelector('.what').textContent === name);
      if (!(found?.querySelector('progress').value > 0)) return;
      observer.disconnect();
      [...found.querySelectorAll('button')].find(({ textContent }) => textContent === label).click();
    });
    observer.observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
  }, what, button);
}

/** Waits for a file among the downloads and reads it. */
export async function saved(folder, name, size) {
  const end = Date.now() + PATIENCE.timeout;
  // Chromium gives a file its name once it is whole.
  while ((await stat(join(folder, name)).catch(() => undefined))?.size !== size) {
    if (Date.now() > end) throw new Error(`${name} was not saved`);
    await pause(PATIENCE.polling);
  }
  return readFile(join(folder, name));
}

/** Waits until a folder has so many files, all of them whole. */
export async function settles(folder, count) {
  const end = Date.now() + PATIENCE.timeout;
  for (;;) {
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.crdownload'));
    if (names.length === count) return;
    if (Date.now() > end) throw new Error(`${names.length} of ${count} files were saved: ${names.join()}`);
    await pause(PATIENCE.polling);
  }
}

async function inRow(page, what, act, ...values) {
  for (const item of await page.$$('#transfers > li')) {
    if (await item.$eval('.what', ({ textContent }) => textContent) === what) return item.evaluate(act, ...values);
  }
  throw new Error(`there is no row “${what}”`);
}

async function waitFor(page, what, check, ...values) {
  try {
    await page.waitForFunction(check, PATIENCE, ...values);
  } catch (error) {
    const shown = await page.$eval('#files', (area) => area.innerText).catch(() => '?');
    throw new Error(`“${what}” did not show; the page says: ${shown}`, { cause: error });
  }
}
