// The page in every state, on phone and desktop, in light and dark: nobody is kept out, nothing moves by
// itself. On the way: chat with one, the screen, "break it" and how that mends, and the smallest call.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look, watchShifts } from './lib/look.mjs';
import * as visitor from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** A dead link is noticed after twelve seconds, and what is tried in the dark costs ten more. */
const RECOVERY = { timeout: 60_000, polling: 100 };
const hook = () => { const R = RTCPeerConnection; window.pcs = []; window.RTCPeerConnection = class extends R { constructor(...a) { super(...a); pcs.push(this); this.n = pcs.length; this.log = []; this.trackev = []; this.addEventListener('track', ({ track, streams, transceiver }) => { this.log.push('track ' + track.kind + ' mid ' + transceiver.mid); this.trackev.push([track.id.slice(0, 6), streams.map((s) => s.getTracks().map((t) => t.id.slice(0, 6)))]); streams.forEach((s) => { s.onremovetrack = ({ track }) => this.log.push('removetrack ' + track.id.slice(0,6)); }); }); this.addEventListener('connectionstatechange', () => this.log.push('conn ' + this.connectionState)); } 
 async setLocalDescription(d) { this.log.push('>local ' + (d?.type ?? 'auto')); try { await super.setLocalDescription(d); this.log.push('local ' + (d?.type ?? 'auto') + ' ' + this.signalingState + ' ' + brief(this.localDescription?.sdp)); } catch (e) { this.log.push('local! ' + e.message); throw e; } }
 async setRemoteDescription(d) { this.log.push('>remote ' + d?.type); try { await super.setRemoteDescription(d); this.log.push('remote ' + d?.type + ' ' + this.signalingState + ' ' + brief(d.sdp)); } catch (e) { this.log.push('remote! ' + e.message); throw e; } }
 addTransceiver(...a) { this.log.push('addTransceiver ' + (a[0].kind ?? a[0]) + ' ' + JSON.stringify(a[1]?.direction)); return super.addTransceiver(...a); } addTrack(t, ...a) { this.log.push('addTrack ' + t.kind); return super.addTrack(t, ...a); } removeTrack(...a) { this.log.push('removeTrack'); return super.removeTrack(...a); } };
 window.brief = (sdp) => (sdp ?? '').split('m=').slice(1).map((m) => m.slice(0, 5) + /a=mid:(.*)/.exec(m)?.[1].trim() + ':' + (/a=(sendrecv|sendonly|recvonly|inactive)/.exec(m)?.[1] ?? '')).join(' ') + ' ' + (/a=setup:(.*)/.exec(sdp ?? '')?.[1] ?? '');
 window.dump = async () => { const out = []; for (const pc of pcs) { const st = [...(await pc.getStats()).values()]; out.push({ n: pc.n, state: pc.connectionState, log: pc.log, tr: pc.getTransceivers().map((t) => [t.mid, t.receiver.track.kind, t.direction, t.currentDirection, t.sender.track?.readyState, t.sender.track?.enabled, t.receiver.track.id.slice(0,6), t.receiver.track.muted, t.receiver.track.readyState]), out: st.filter((s) => s.type === 'outbound-rtp').map((s) => [s.kind, s.mid, s.packetsSent, s.active, s.framesEncoded]), inn: st.filter((s) => s.type === 'inbound-rtp').map((s) => [s.kind, s.mid, s.packetsReceived, s.framesDecoded]), tiles: [...document.querySelectorAll('#tiles video')].map((v) => v.srcObject?.getTracks().map((t) => t.id.slice(0, 6))), trackev: pc.trackev, tp: st.filter((s) => s.type === 'transport').map((s) => [s.packetsSent, s.packetsReceived, s.dtlsState, s.srtpCipher]) }); } return out; }; };

const PATIENCE = { timeout: 60_000, polling: 100 };

await run('page looks', 400, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const ann = await visitor.openPage(test, browser, server.page);
  const shifts = await watchShifts(ann);
  const began = await ann.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd);

  test.step('joining');
  await ann.evaluate(hook);
  await visitor.join(ann, 'Ann', 'hall');
  const ben = await visitor.openPage(test, browser, server.page);
  await ben.evaluate(hook);
  await visitor.join(ben, 'Ben', 'hall');
  await visitor.seesPeople(ann, ['Ann (you)', 'Ben']);
  await ann.click('#call');
  await ben.click('#call');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);

  test.step('writing to one');
  await ann.waitForFunction(() => document.querySelectorAll('#to option').length === 2, PATIENCE);
  await ann.evaluate(() => (document.querySelector('#to').selectedIndex = 1));
  await visitor.fill(ann, '#text', 'Only for you');
  await ann.keyboard.press('Enter');
  await visitor.reads(ben, 'Ann', 'Only for you');
  assert.equal(await ben.$eval('#log li:last-child em', (aside) => aside.textContent), 'only to you');

  test.step('muting, and the screen');
  await ann.click('#microphone');
  assert.equal(await ann.$eval('#microphone', (button) => button.textContent), 'Unmute');
  await ben.bringToFront();
  await ben.click('#screen');
  await visitor.seesPictureOf(ann, 'Ben: screen');
  await ann.bringToFront();

  test.step('seeing how well it comes');
  await ann.waitForFunction(() => [...document.querySelectorAll('#tiles .path')].some((badge) => badge.textContent === 'direct'), PATIENCE);
  await ann.waitForFunction(() => document.querySelector('#tiles figure[data-quality="good"], #tiles figure[data-quality="fair"], #tiles figure[data-quality="poor"]'), PATIENCE);

  test.step('cutting the socket');
  await ann.click('#break summary');
  await ann.click('#break-cut');
  await happened(ann, 'back in the room as the same peer');
  await Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]);

  test.step('looking for new paths');
  await ann.click('#break-restart');
  await happened(ann, 'you asked for new paths');
  await visitor.seesPictureOf(ann, 'Ben');

  test.step('a delay, and no way at all');
  await ann.click('#break-delay');
  assert.equal(await ann.$eval('#break-delay', (button) => button.getAttribute('aria-pressed')), 'true');
  await ann.click('#break-delay');
  await ann.click('#break-silence');
  await happened(ann, 'the connection to the server was lost', 2);
  await happened(ann, 'back in the room as the same peer', 2);
  const bad = await Promise.race([Promise.all([visitor.seesPictureOf(ann, 'Ben'), visitor.seesPictureOf(ben, 'Ann')]).then(() => false), new Promise((r) => setTimeout(r, 20000, true))]); if (bad) { for (const [n, p] of [['ann', ann], ['ben', ben]]) for (const d of (await p.evaluate(() => dump())).slice(-2)) console.log(n, JSON.stringify(d)); throw new Error('bad'); } console.log('ok'); return;
  await ann.click('#history summary');
  const moved = await shifts();
  assert.ok(moved < 0.1, `things moved by ${moved}`);

  test.step('the smallest call');
  const [one, two] = await Promise.all([0, 1].map(() => visitor.openPage(test, browser, `${server.page}minimal`)));
  for (const page of [one, two]) {
    await page.waitForFunction(() => [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length === 2, PATIENCE);
  }
  return `usable ${Math.round(began)} ms after it was asked for`;
});

/** Waits until something is on the time line, for the so-manieth time. */
async function happened(page, text, times = 1) {
  await page.waitForFunction((wanted, count) => document.querySelector('#events').textContent.split(wanted).length > count, RECOVERY, text, times);
}
