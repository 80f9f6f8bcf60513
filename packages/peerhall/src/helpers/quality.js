/** Does `meet` for everybody in the channel, now and later, and what it gives when they leave. Gives a stop. */
export function forEachRemote(peer, meet) {
  const leave = new Map();
  const joined = ({ peer: remote }) => leave.set(remote, meet(remote));
  const left = ({ peer: remote }) => {
    leave.get(remote)?.();
    leave.delete(remote);
  };
  for (const remote of peer.remotePeers) joined({ peer: remote });
  peer.on('peer-joined', joined).on('peer-left', left);
  return () => {
    peer.off('peer-joined', joined).off('peer-left', left);
    for (const end of leave.values()) end();
    leave.clear();
  };
}

/**
 * Tells how good the connection to each remote peer is, whenever that changes:
 * `{ remote, state, quality?, path? }`. Gives a function that stops.
 */
export function connectionQuality(peer, onChange) {
  return forEachRemote(peer, (remote) => {
    const known = { remote, state: remote.state };
    const learn = (what) => onChange(Object.assign(known, what));
    const handlers = {
      'state-change': ({ to }) => learn({ state: to }),
      quality: ({ quality }) => learn({ quality }),
      path: ({ path }) => learn({ path }),
      'connection-reset': () => learn({ quality: undefined, path: undefined }),
    };
    for (const [event, handler] of Object.entries(handlers)) remote.on(event, handler);
    return () => {
      for (const [event, handler] of Object.entries(handlers)) remote.off(event, handler);
    };
  });
}
