// The console of `peerhall dev`, every view of it: names made of markup stay text, frames show without
// their secrets, keys are made and revoked, and nobody is kept out by how it looks.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { connect } from './lib/client.mjs';
import { look, watchShifts } from './lib/look.mjs';
import { fill, openPage } from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { mint, startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 50 };
const EVE = '<img src=x onerror=fail()>';
const ROOM = '<svg onload=fail()>room';
const SDP = 'v=0\r\na=ice-ufrag:UFRAG\r\na=ice-pwd:PASSWORD\r\nm=audio 9 RTP\r\n';

await run('console views', 300, async (test) => {
  const server = await startDev(test);
  const page = await openPage(test, await launch(test), server.console);
  await page.waitForSelector('#overview:not([hidden])', PATIENCE);
  const shifts = await watchShifts(page);
  await look(test, page, 'console-empty');

  test.step('meeting in a room');
  const peer = async (id, name) => {
    const token = await mint(server, id, { peerMetadata: { username: name } });
    return connect(test, server, `token=${token}`);
  };
  const [eve, ben, ann] = [await peer('eve', EVE), await peer('ben', 'Ben'), await peer('ann', 'Ann')];
  for (const client of [eve, ben, ann]) {
    client.say({ type: 'subscribe', channel: ROOM, requestId: 's' });
    await client.hears(({ type }) => type === 'presence', 'presence');
  }
  signal(ann, 'ben', 'offer');
  await ben.hears(({ type }) => type === 'direct', 'the offer');
  signal(ben, 'ann', 'answer');
  signal(ann, 'eve', 'offer');

  test.step('seeing the room');
  await page.waitForFunction(() => {
    const kinds = [...document.querySelectorAll('.room line')].map((line) => line.getAttribute('class')).sort();
    return kinds.join() === 'answered,offered' && document.querySelectorAll('.room .peer').length === 3;
  }, PATIENCE);
  test.step('hearing how a call goes');
  const began = Date.now();
  const tell = () => report(server, 'ann', { with: 'ben', state: 'connected', path: 'relay', sent: (Date.now() - began) * 5_000, received: 0, roundTripMs: 31 });
  assert.equal((await tell()).nextMs, 2_000);
  const telling = setInterval(tell, 1_000);
  await page.waitForFunction(() => document.querySelector('.room line.relayed') && document.querySelector('.room text.rate').textContent.endsWith('MB/s'), PATIENCE);
  await page.waitForFunction(() => /connected over a relay, .* MB\/s, 31 ms round trip/.test(document.querySelector('.room li .facts').textContent), PATIENCE);
  clearInterval(telling);
  await page.waitForFunction(() => document.querySelector('.room line.answered'), PATIENCE);
  const texts = await page.$$eval('.room text, .room h3 bdi', (all) => all.map((one) => one.textContent));
  assert.ok(texts.includes(ROOM) && texts.some((text) => text.startsWith('<img')), texts.join());
  for (let times = 0; times < 30; times += 1) ann.say({ type: 'publish', channel: ROOM, data: { times } });
  await page.waitForFunction(() => [...document.querySelectorAll('.graph')].every((graph) => graph.querySelector('path[d]')), PATIENCE);
  await page.waitForFunction(() => document.querySelectorAll('.graph')[2].querySelector('path').getAttribute('d') !== '', PATIENCE);
  await look(test, page, 'console-overview');

  test.step('finding a connection');
  await page.click('#nav a[href="#connections"]');
  await fill(page, '#filter', 'EVE');
  await page.waitForFunction(() => document.querySelectorAll('#connections-list tbody tr').length === 1, PATIENCE);
  assert.equal(await page.$eval('#connections-list tbody bdi', (name) => name.textContent), EVE);
  await fill(page, '#filter', '');
  await page.waitForFunction(() => document.querySelectorAll('#connections-list tbody tr').length === 3, PATIENCE);
  await look(test, page, 'console-connections');

  test.step('looking into a connection');
  await page.evaluate(() => [...document.querySelectorAll('#connections-list tr')].find((row) => row.textContent.includes('Ben')).querySelector('button').click());
  await page.waitForSelector('#inspect:not([hidden])', PATIENCE);
  // The tap is there when the server has begun to answer; until then frames go by unseen.
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name, responseStart }) => name.includes('/inspect?') && responseStart > 0), PATIENCE).catch(() => {});
  await seesRung(page, ben, 'ping');
  signal(ann, 'ben', 'offer');
  ben.say({ type: 'publish', channel: ROOM, data: { apiKey: 'HUNTER2', html: EVE }, requestId: '9' });
  ben.say({ type: 'nonsense' });
  await page.waitForFunction(() => document.querySelector('#rungs').textContent.includes('publish accepted'), PATIENCE);
  await page.waitForFunction(() => document.querySelector('#rungs').textContent.includes('offer of a peer connection'), PATIENCE);
  const ladder = await page.$eval('#rungs', (list) => list.textContent);
  for (const secret of ['UFRAG', 'PASSWORD', 'HUNTER2']) assert.ok(!ladder.includes(secret), `${secret} is shown`);
  assert.ok(ladder.includes('m=audio') && ladder.includes(EVE), ladder);
  await look(test, page, 'console-inspector');

  test.step('saving and kicking');
  await page.click('#inspect-pause');
  ben.say({ type: 'ping' });
  await page.waitForFunction(() => document.querySelector('#inspect-pause').textContent.includes('new'), PATIENCE);
  await page.click('#inspect-pause');
  assert.match(await savedFile(page), /"peer": ?"ben"[^]*"frames"/);
  await page.click('#inspect-kick');
  await page.waitForSelector('#confirm[open]', PATIENCE);
  await look(test, page, 'console-kick');
  await page.click('#confirm-yes');
  assert.equal(await ben.closed, 4020);
  await page.waitForFunction(() => document.querySelector('#inspect-note').textContent.startsWith('No more frames'), PATIENCE);

  test.step('making a key');
  await page.click('#nav a[href="#keys"]');
  await page.waitForFunction(() => document.querySelectorAll('#keys-list tbody tr').length === 2, PATIENCE);
  await page.click('input[name=type][value=secret]');
  await fill(page, '#new-name', EVE);
  await fill(page, '#new-channels', 'room-*, lobby');
  await page.click('#create-form button.primary');
  await page.waitForSelector('#created:not([hidden])', PATIENCE);
  const made = await page.$$eval('#created code', (codes) => codes.map((code) => code.textContent));
  assert.match(made[0], /^sk_id_/);
  assert.match(made[1], /^sk_secret_/);
  const token = await mintWith(server, made, 'zoe');
  const zoe = await connect(test, server, `token=${token}`);

  test.step('asking what a token may');
  await fill(page, '#check-credential', token);
  await fill(page, '#check-channel', 'room-42');
  await page.click('#check-form button.primary');
  await verdict(page, 'Yes, by the pattern room-* of the key');
  await fill(page, '#check-channel', 'hall');
  await page.click('#check-form button.primary');
  await verdict(page, 'No: no pattern of the key covers this channel');
  await look(test, page, 'console-keys');

  test.step('revoking a key');
  await page.evaluate((id) => [...document.querySelectorAll('#keys-list tr')].find((row) => row.textContent.includes(id)).querySelector('button').click(), made[0]);
  await page.waitForSelector('#confirm[open]', PATIENCE);
  await page.click('#confirm-yes');
  assert.equal(await zoe.closed, 4001);
  await page.waitForFunction(() => document.querySelector('#keys-list tr.revoked'), PATIENCE);

  const markup = await page.$$eval('main img, main svg[onload], main script', (all) => all.map((one) => one.outerHTML));
  assert.deepEqual(markup, [], 'what others wrote became markup');
  assert.ok((await shifts()) < 0.1, `things moved by ${await shifts()}`);
});

/** What a page tells of its calls. */
async function report(server, peer, call) {
  const response = await fetch(`http://${server.listen}/page/report`, {
    method: 'POST', headers: { origin: `http://${server.listen}` }, body: JSON.stringify({ key: server.publishableKey, peer, calls: [call] }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

function signal(client, to, type) {
  const data = { type: 'rtc-description', description: { type, sdp: SDP } };
  client.say({ type: 'send', to, data, requestId: `${type}-${to}` });
}

/** Says something until it shows, because what was said before the tap was there is not seen. */
async function seesRung(page, client, kind) {
  for (let times = 0; times < 100; times += 1) {
    client.say({ type: kind });
    const isThere = await page.waitForFunction((word) => [...document.querySelectorAll('#rungs b')].some((one) => one.textContent === word), { timeout: 300, polling: 50 }, kind).catch(() => null);
    if (isThere) return;
  }
  throw new Error(`no frame of type ${kind} is shown: ${await page.$eval('#inspect-note', (note) => note.textContent)}`);
}

/** What "save as file" would write. */
async function savedFile(page) {
  await page.evaluate(() => {
    URL.createObjectURL = (blob) => {
      globalThis.saved = blob.text();
      return '#saved';
    };
    URL.revokeObjectURL = () => {};
    HTMLAnchorElement.prototype.click = () => {};
  });
  await page.$eval('#inspect-save', (button) => button.click.call(button));
  return page.evaluate(() => globalThis.saved);
}

async function verdict(page, text) {
  await page.waitForFunction((wanted) => document.querySelector('#verdict').textContent === wanted, PATIENCE, text);
}

async function mintWith(server, [keyId, secret], peerId) {
  return mint({ listen: server.listen, secretKey: { keyId, secret } }, peerId);
}
