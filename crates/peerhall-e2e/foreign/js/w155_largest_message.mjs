// What the vendor's own check lets through must not cost the connection.

import assert from 'node:assert/strict';
import { run } from './lib/run.mjs';
import { newPeer, refusal } from './lib/sdk.mjs';
import { startDev } from './lib/server.mjs';

/** The cap the server announces, in bytes of JSON; two of them are the quotes of the string. */
const CAP = 65_536;

await run('w155 largest message', 60, async (test) => {
  const server = await startDev(test);
  const a = newPeer(test, server);
  const b = newPeer(test, server);
  test.step('joining');
  await b.peer.join('big');
  await a.peer.join('big');
  await a.seen.wait('peer-joined');
  await b.seen.wait('peer-joined');

  const largest = 'x'.repeat(CAP - 2);
  test.step('broadcasting the largest message');
  await a.peer.send(largest);
  const broadcast = await b.seen.wait('data', (event) => event.kind === 'broadcast');
  assert.equal(broadcast.data, largest);

  test.step('sending the largest message to one peer, in two-byte characters');
  const wide = 'ö'.repeat(CAP / 2 - 1);
  await a.peer.sendTo(b.peer.peerId, wide);
  const direct = await b.seen.wait('data', (event) => event.kind === 'direct');
  assert.equal(direct.data, wide);

  test.step('one byte more, which the SDK refuses itself');
  const error = await refusal(a.peer.send(`${largest}x`), 'a message over the cap');
  assert.equal(error.name, 'MeteredPeerOversizedError');

  assert.equal(a.peer.state, 'joined');
  assert.deepEqual(a.seen.all('state-change', ({ to }) => to === 'reconnecting'), []);
});
