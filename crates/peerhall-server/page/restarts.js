// Notices when a connection looks for new paths, whoever of the two began with it: its ICE user name is another
// one then. A new connection is no restart.

const USER = /^a=ice-ufrag:(.*)$/m;

/** Calls `tell()` for every restart of the connections with a remote peer. */
export function watchRestarts(remote, tell) {
  let pc = null;
  let user = null;
  const look = () => {
    const now = USER.exec(pc?.currentLocalDescription?.sdp ?? '')?.[1] ?? null;
    if (user !== null && now !== null && now !== user) tell();
    user = now ?? user;
  };
  const follow = () => {
    if (!remote.pc || remote.pc === pc) return;
    [pc, user] = [remote.pc, null];
    const own = pc;
    own.addEventListener('signalingstatechange', () => {
      if (own === pc && own.signalingState === 'stable') look();
    });
    look();
  };
  remote.on('state-change', follow);
  remote.on('connection-reset', follow);
  follow();
}
