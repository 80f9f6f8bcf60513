// What goes wrong with a network, on purpose: the socket to the server with a delay in it, or with a hole.

const faults = { delayMs: 0, isSilent: false };

/** Frames take so much longer from now on, both ways. */
export function delay(ms) {
  faults.delayMs = ms;
}

/** Nothing arrives any more, and nobody is told: what a dead link looks like. */
export function fallSilent(isSilent) {
  faults.isSilent = isSilent;
}

/** A `WebSocket` through which the faults go. */
export function faultySocket(address) {
  const socket = new WebSocket(address);
  const send = socket.send.bind(socket);
  // One queue each way, so that nothing overtakes what was said before.
  const out = queue();
  const back = queue();
  socket.send = (data) => out(() => socket.readyState === WebSocket.OPEN && send(data));
  let handler = null;
  Object.defineProperty(socket, 'onmessage', { get: () => handler, set: (next) => (handler = next) });
  const listen = socket.addEventListener.bind(socket);
  listen('message', (event) => back(() => handler?.call(socket, event)));
  socket.addEventListener = (type, listener, options) => {
    const heard = type === 'message' ? (event) => back(() => listener.call(socket, event)) : listener;
    listen(type, heard, options);
  };
  return socket;
}

function queue() {
  let free = 0;
  return (act) => {
    if (faults.isSilent) return;
    const wait = Math.max(free, performance.now() + faults.delayMs) - performance.now();
    free = performance.now() + wait;
    if (wait <= 0) act();
    else setTimeout(act, wait);
  };
}
