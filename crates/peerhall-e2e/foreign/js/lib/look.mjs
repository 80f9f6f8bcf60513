// How a page looks and whether everybody can use it: screenshots of every state on phone and desktop, in
// light and dark, and what axe finds on each.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const SCREENS = [
  ['phone', { width: 390, height: 844 }],
  ['desktop', { width: 1280, height: 900 }],
];
const SCHEMES = ['light', 'dark'];
/** How long a change of the screen may go on to move things. */
const SETTLED_MS = 500;
const SERIOUS = ['serious', 'critical'];

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Looks at the page as it is now, on every screen and in both schemes: nothing is wider than the screen,
 * axe finds nothing serious, and a picture is kept in the folder of PEERHALL_SCREENSHOTS, if that is set.
 */
export async function look(test, page, name) {
  const folder = process.env.PEERHALL_SCREENSHOTS;
  await page.evaluate(() => performance.mark('look'));
  if (folder) await mkdir(folder, { recursive: true });
  for (const [screen, viewport] of SCREENS) {
    await page.setViewport(viewport);
    for (const scheme of SCHEMES) {
      test.step(`looking at ${name} on a ${screen} in ${scheme}`);
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} px wider than a ${screen}`);
      if (folder) {
        await page.screenshot({ path: join(folder, `${name}-${screen}-${scheme}.png`), fullPage: true });
      }
      await checkAccess(page, `${name} on a ${screen} in ${scheme}`);
    }
  }
  await page.evaluate(() => {
    performance.measure('look', 'look');
    performance.clearMarks('look');
  });
}

/** Fails when axe finds something that keeps people out. */
export async function checkAccess(page, where) {
  const found = await page.evaluate(async (source, impacts) => {
    // Not by a script element, which the page's policy forbids.
    if (!globalThis.axe) (0, eval)(source);
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impacts.includes(impact))
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary})`).join(' | ')}`);
  }, axe, SERIOUS);
  assert.deepEqual(found, [], `what keeps people out of ${where}`);
}

/**
 * Counts how far things move by themselves from now on; call what it gives for the sum. What moves while the
 * page is looked at, because its screen changes, does not count.
 */
export async function watchShifts(page) {
  await page.evaluate(() => {
    globalThis.moves = [];
    new PerformanceObserver((list) => globalThis.moves.push(...list.getEntries())).observe({ type: 'layout-shift' });
  });
  return () => page.evaluate((settled) => {
    const looks = performance.getEntriesByName('look', 'measure');
    const isLook = ({ startTime }) => looks.some((look) => startTime >= look.startTime && startTime <= look.startTime + look.duration + settled);
    return globalThis.moves.filter((move) => !move.hadRecentInput && !isLook(move)).reduce((sum, { value }) => sum + value, 0);
  }, SETTLED_MS);
}
