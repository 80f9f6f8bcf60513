// The console of `peerhall serve`: nobody is let in without a key that reaches everything, scripts cannot
// read the session, and it ends with the key that opened it.

import assert from 'node:assert/strict';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { fill, openPage } from './lib/page.mjs';
import { run } from './lib/run.mjs';
import { createDeployment } from './lib/server.mjs';

const PATIENCE = { timeout: 60_000, polling: 50 };

await run('console sign-in', 240, async (test) => {
  const server = await (await createDeployment(test)).start();
  const url = `http://${server.listen}/console`;
  const page = await openPage(test, await launch(test), url, { forgives: ['401', 'Content Security Policy'] });
  await page.waitForSelector('#sign-in:not([hidden])', PATIENCE);

  test.step('guessing');
  await signIn(page, server.secretKey.keyId, 'sk_secret_0123456789');
  await page.waitForFunction(() => document.querySelector('#sign-in-note').textContent.includes('does not accept'), PATIENCE);
  await look(test, page, 'console-sign-in');

  test.step('signing in');
  await signIn(page, server.secretKey.keyId, server.secretKey.secret);
  await page.waitForSelector('#overview:not([hidden])', PATIENCE);
  assert.equal(await page.evaluate(() => document.cookie), '', 'scripts see the session');
  const [cookie] = await page.browserContext().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/console']);
  assert.equal(await page.$eval('#secret', (input) => input.value), '');

  test.step('coming back');
  await page.reload();
  await page.waitForSelector('#overview:not([hidden])', PATIENCE);

  test.step('a page of another port');
  const foreign = await page.evaluate(async (other) => {
    const outcome = await fetch(other, { method: 'POST', mode: 'no-cors', body: '{}' }).catch((error) => error.name);
    return outcome.type ?? outcome;
  }, url.replace('127.0.0.1', 'localhost')).catch((error) => String(error));
  assert.match(String(foreign), /TypeError|refused/i, 'the policy of the page lets nothing out');

  test.step('making a second key and revoking the first by it');
  await page.goto(`${url}#keys`);
  await page.waitForFunction(() => document.querySelectorAll('#keys-list tbody tr').length === 2, PATIENCE);
  assert.ok(await page.$eval('#keys-list', (list) => list.textContent.includes('you use it')));
  await page.click('input[name=type][value=secret]');
  await page.click('#create-form button.primary');
  await page.waitForSelector('#created:not([hidden])', PATIENCE);
  const [id, secret] = await page.$$eval('#created code', (codes) => codes.map((code) => code.textContent));
  const status = await revoke(server, { id, secret });
  assert.equal(status, 200);

  test.step('the end of the session');
  await page.waitForSelector('#sign-in:not([hidden])', PATIENCE);
  await signIn(page, id, secret);
  await page.waitForSelector('#keys:not([hidden])', PATIENCE);
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in:not([hidden])', PATIENCE);
  assert.deepEqual(await page.browserContext().cookies(), []);
});

async function signIn(page, id, secret) {
  await fill(page, '#key-id', id);
  await fill(page, '#secret', secret);
  await page.click('#sign-in-form button');
}

/** Revokes the first key in a session of another one, as a second browser would. */
async function revoke(server, { id, secret }) {
  const origin = `http://${server.listen}`;
  const call = (path, body, cookie = '') => fetch(`${origin}/console/api/${path}`, {
    method: 'POST', headers: { origin, cookie }, body: JSON.stringify(body),
  });
  const opened = await call('session', { keyId: id, secret });
  const [cookie] = opened.headers.get('set-cookie').split(';');
  return (await call('keys/revoke', { keyId: server.secretKey.keyId }, cookie)).status;
}
