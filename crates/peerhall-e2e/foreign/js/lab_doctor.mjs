// What "Check my connection" says on the page of the server at URL, with KEY, from where this runs: one line of JSON.
// Run by the laboratory behind each of its boxes.

import { launch } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';

const [, , url, key] = process.argv;

await run('the doctor of the page in the laboratory', 200, async (test) => {
  // The laboratory's authority is nobody's.
  const page = await (await launch(test, { flags: ['--ignore-certificate-errors'] })).newPage();
  test.step('opening the page');
  await page.goto(url.replace(/^ws/, 'http'));
  await page.$eval('#key', (field, value) => (field.value = value), key);
  test.step('checking');
  await page.$eval('#doctor-start', (button) => button.click());
  await page.waitForFunction(() => !document.querySelector('#doctor-start').disabled && document.querySelector('#doctor-lines').children.length > 0, { timeout: 120_000, polling: 100 });
  const lines = await page.$$eval('#doctor-lines li', (items) => items.map(({ dataset: { check, verdict }, children }) => ({ check, verdict, found: children[2].textContent })));
  console.log(JSON.stringify({ checks: lines }));
});
