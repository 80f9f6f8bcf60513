// A browser that does what a test in another language tells it: lines `{id, code}` come in, lines
// `{id, value}` or `{id, error}` go out, and the end of the input ends it. `code` is the body of an
// async function in the page of `pages/`. The argument names the browser: `chromium` or `firefox`;
// `--peerhall` after it puts our package in the place of the vendor's SDK, and `--any-certificate` lets Chromium
// take those that nobody vouches for.

import { createInterface } from 'node:readline';
import { launch, startBrowser } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { run } from './lib/run.mjs';

const flags = process.argv.includes('--any-certificate') ? ['--ignore-certificate-errors'] : [];
const start = process.argv[2] === 'firefox' ? launchFirefox : (test) => launch(test, { flags });

await run('stage', 240, async (test) => {
  const page = await (await startBrowser(test, undefined, { start })).openPage();
  const answers = [];
  test.step('answering');
  for await (const line of createInterface({ input: process.stdin })) {
    answers.push(answer(page, JSON.parse(line)));
  }
  await Promise.all(answers);
});

async function answer(page, { id, code }) {
  let said;
  try {
    said = { value: await page.evaluate(`(async () => { ${code}\n })()`) };
  } catch (error) {
    said = { error: String(error?.stack ?? error) };
  }
  console.log(JSON.stringify({ id, ...said }));
}
