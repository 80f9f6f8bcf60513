// The server's own page at `/`, as people use it: filled in, clicked and looked at.

import assert from 'node:assert/strict';

const PATIENCE = { timeout: 60_000, polling: 50 };

/**
 * Opens the page of the server in a profile of its own. Whatever it complains of, and every request
 * to another host, fails the test in the end; `forgives` are texts of complaints that a test provokes, `downloads` is
 * the folder that saved files go to, and `first` runs in the page before anything of its own.
 */
export async function openPage(test, browser, url, { forgives = [], media = [], viewport, downloads, first } = {}) {
  const context = await browser.createBrowserContext(downloads && { downloadBehavior: { policy: 'allow', downloadPath: downloads } });
  const page = await context.newPage();
  if (viewport) await page.setViewport(viewport);
  if (media.length > 0) await page.emulateMediaFeatures(media);
  if (first) await page.evaluateOnNewDocument(first);
  const troubles = [];
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('console', (line) => {
    // What a page tells of its calls may be lost with the server.
    if (line.location().url?.endsWith('/page/report') && line.text().includes('net::ERR_')) return;
    if (['error', 'warn'].includes(line.type())) troubles.push(`${line.type()}: ${line.text()}`);
  });
  page.on('request', (request) => {
    // `data:` and `blob:` go nowhere; Firefox tells of the first, too.
    const { host, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== new URL(url).host) troubles.push(`foreign: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`);
  });
  test.defer(() => {
    const real = troubles.filter((trouble) => !forgives.some((text) => trouble.includes(text)));
    assert.deepEqual(real, [], 'what the page complained of');
  });
  await page.goto(url);
  return page;
}

/** Fills in the form and waits until the room is shown. */
export async function join(page, name, channel) {
  await fill(page, '#name', name);
  await fill(page, '#channel', channel);
  await page.click('#join');
  await page.waitForSelector('#room:not([hidden])', PATIENCE);
}

export async function fill(page, selector, text) {
  await page.$eval(selector, (input) => (input.value = ''));
  await page.type(selector, text);
}

/** Waits until the list of people is exactly `names`, in any order. */
export async function seesPeople(page, names) {
  await waitFor(page, 'the people', names, (wanted) => {
    const shown = [...document.querySelectorAll('#people li')].map((item) => item.textContent);
    return JSON.stringify(shown.sort()) === JSON.stringify(wanted);
  }, [...names].sort());
}

/** Waits for a line of chat. */
export async function reads(page, name, text) {
  await waitFor(page, 'a line', [name, text], (who, what) =>
    [...document.querySelectorAll('#log li')].some((line) =>
      line.querySelector('strong')?.textContent === who && line.lastChild.textContent === what), name, text);
}

/** Waits until the picture of the tile called `name` moves. */
export async function seesPictureOf(page, name, patience = PATIENCE) {
  await waitForLong(page, patience, 'a moving picture', name, (who) => {
    const tile = [...document.querySelectorAll('#tiles figure')]
      .find((figure) => figure.querySelector('figcaption').textContent === who);
    const video = tile?.querySelector('video');
    if (!video?.videoWidth || !video.srcObject) return false;
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    if (frames === 0) {
      // Firefox without a screen shows no frame and counts none, but it has them.
      const canvas = new OffscreenCanvas(16, 12);
      const context = canvas.getContext('2d');
      context.drawImage(video, 0, 0, 16, 12);
      const seen = context.getImageData(0, 0, 16, 12).data.join();
      video.dataset.seen ??= seen;
      return video.dataset.seen !== seen;
    }
    // Counted from the stream at hand: an earlier one may have left its last picture.
    if (video.dataset.stream !== video.srcObject.id) {
      video.dataset.stream = video.srcObject.id;
      video.dataset.before = frames;
    }
    return frames - Number(video.dataset.before) > 3;
  }, name);
}

/** Waits until there are exactly `count` tiles. */
export async function seesTiles(page, count) {
  await waitFor(page, 'tiles', count, (wanted) =>
    document.querySelectorAll('#tiles figure').length === wanted, count);
}

async function waitFor(page, what, wanted, check, ...values) {
  await waitForLong(page, PATIENCE, what, wanted, check, ...values);
}

async function waitForLong(page, patience, what, wanted, check, ...values) {
  try {
    await page.waitForFunction(check, patience, ...values);
  } catch (error) {
    const shown = await page.$eval('#live', (live) => live.innerText).catch(() => '?');
    throw new Error(`${what} ${JSON.stringify(wanted)} did not show; the page says: ${shown}`, { cause: error });
  }
}
