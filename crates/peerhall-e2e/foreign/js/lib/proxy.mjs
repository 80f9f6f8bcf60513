// A TCP proxy on loopback whose connections can be cut, to lose a socket without either end's help.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function startProxy(test, targetPort) {
  const pairs = new Set();
  let refusing = false;
  const awaiting = new Set();

  const listener = createServer((near) => {
    near.on('error', () => {});
    if (refusing) {
      near.resetAndDestroy();
      return;
    }
    for (const resolve of awaiting) resolve();
    awaiting.clear();
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    near.setNoDelay(true);
    const pair = { near, far };
    pairs.add(pair);
    const part = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const side of [near, far]) side.on('error', () => {}).on('close', part);
    near.pipe(far);
    far.pipe(near);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    pairs.clear();
  };
  test.defer(() => {
    cut();
    listener.close();
  });

  return {
    url: `ws://127.0.0.1:${listener.address().port}`,
    /** Resets every connection at once, on both sides. */
    cut,
    /** Resets new connections while on. */
    refuse: (on) => {
      refusing = on;
    },
    /** Resolves when the next connection has come through. */
    nextConnection: () => new Promise((resolve) => awaiting.add(resolve)),
  };
}
