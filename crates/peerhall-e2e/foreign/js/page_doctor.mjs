// "Check my connection" on the page: every line is good beside a server that is well, and a red line says how
// to mend it.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { openPage } from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 100 };

await run('the doctor on the page', 240, async (test) => {
  const server = await startDev(test);
  const browser = await launch(test);
  const page = await openPage(test, browser, server.page);

  test.step('checking a server that is well');
  const well = await examine(page);
  assert.deepEqual(well.map(({ check }) => check), ['page', 'clock', 'upgrade', 'credential', 'turn', 'turn udp', 'turn tcp', 'candidates', 'relayed', 'nat']);
  // Without a certificate there is no TURN over TLS, and everything else is as it should be. Whether the relay passes
  // something on to this machine depends on its address; the laboratory has more of them (tests/natlab.rs).
  const verdicts = Object.fromEntries(well.map(({ check, verdict }) => [check, verdict]));
  const { relayed, nat, ...others } = verdicts;
  for (const [check, verdict] of Object.entries(others)) assert.equal(verdict, check === 'turn' ? 'warning' : 'good', check);
  assert.ok(['good', 'unknown'].includes(relayed), relayed);
  assert.equal(nat, 'good', 'nothing stands between a server and its own machine');
  await look(test, page, 'page-doctor');

  test.step('checking with a key that is not taken');
  await page.evaluate(() => (document.querySelector('#key').value = 'pk_live_00000000000000000000000000000000'));
  const refused = (await examine(page)).at(-1);
  assert.deepEqual([refused.check, refused.verdict], ['credential', 'bad']);
  assert.match(refused.text, /4001.*peerhall key list/);
  await look(test, page, 'page-doctor-bad');
});

/** Presses the button and reads the lines once it may be pressed again. */
async function examine(page) {
  await page.click('#doctor-start');
  await page.waitForFunction(() => !document.querySelector('#doctor-start').disabled && document.querySelector('#doctor-lines').children.length > 0, PATIENCE);
  return page.$$eval('#doctor-lines li', (lines) => lines.map((line) => ({ check: line.dataset.check, verdict: line.dataset.verdict, text: line.textContent })));
}
