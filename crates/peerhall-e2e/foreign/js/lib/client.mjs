// A client without a library, for what is behind a page: it says what it is told and keeps what it hears.

import { once } from 'node:events';
import WebSocket from 'ws';
import { within } from './run.mjs';

/** Connects with `key=…` or `token=…` and waits for the welcome. */
export async function connect(test, server, credential) {
  const socket = new WebSocket(`${server.url}/v1?${credential}`);
  test.defer(() => socket.terminate());
  const heard = [];
  const waiting = [];
  const client = {
    peerId: '',
    heard,
    say: (frame) => socket.send(JSON.stringify(frame)),
    /** Waits for a frame that `fits`, whether it has come or is to come. */
    hears: (fits, what) => {
      const before = heard.find(fits);
      if (before) return before;
      return within(new Promise((resolve) => waiting.push({ fits, resolve })), 10_000, what);
    },
    closed: once(socket, 'close').then(([code]) => code),
    close: () => socket.close(1000),
  };
  socket.on('message', (data) => {
    const frame = JSON.parse(data);
    heard.push(frame);
    for (const one of [...waiting]) {
      if (!one.fits(frame)) continue;
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve(frame);
    }
  });
  client.peerId = (await client.hears(({ type }) => type === 'welcome', 'a welcome')).peerId;
  return client;
}
