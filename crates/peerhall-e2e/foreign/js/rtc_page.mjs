// A page with a bare RTCPeerConnection for a test in Rust, which speaks to it in lines of JSON:
// in `{id, run}` (statements to evaluate) and `{signal}`; out `{id, value}`, `{id, error}`,
// `{signal}`, `{trouble}`, and first `{ready}`. Ends with its input.

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { findChromium } from './lib/chromium.mjs';

const browser = await puppeteer.launch({
  executablePath: findChromium(),
  headless: true,
  pipe: true,
  args: [
    '--no-sandbox',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-dev-shm-usage',
    '--no-first-run',
  ],
});
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const page = await browser.newPage();
page.on('pageerror', (error) => say({ trouble: error.message }));
await page.exposeFunction('signalOut', (signal) => say({ signal }));
await page.exposeFunction('trouble', (text) => say({ trouble: text }));
await page.addScriptTag({
  content: await readFile(fileURLToPath(new URL('../pages/rtc.js', import.meta.url)), 'utf8'),
});
say({ ready: await browser.version() });

// Signals stay in their order; a step may wait for signals, so nothing waits for a step.
let signals = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, run, signal } = JSON.parse(line);
  if (signal) {
    signals = signals.then(() => page.evaluate((one) => signalIn(one), signal));
    signals.catch((error) => say({ trouble: error.message }));
  } else {
    page.evaluate(`(async () => { ${run} })()`).then(
      (value) => say({ id, value: value ?? null }),
      (error) => say({ id, error: error.message }),
    );
  }
}
await browser.close();
