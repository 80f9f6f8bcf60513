// "Break it": things that go wrong in real life, on a button, so that one can watch how they mend.

import { delay, fallSilent } from './faults.js';
import { byId } from './dom.js';

const SILENCE_MS = 15_000;

/** `current()` gives the room, `tell(text)` puts a note on the time line. */
export function startBreaking(current, tell) {
  const on = (id, act) => byId(id).addEventListener('click', () => current() && act(current().peer, byId(id)));
  on('break-cut', (peer) => {
    tell('you cut the socket to the server');
    peer.dropConnection();
  });
  on('break-silence', async (_, button) => {
    tell(`nothing gets through to the server for ${SILENCE_MS / 1_000} s`);
    button.disabled = true;
    fallSilent(true);
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    fallSilent(false);
    button.disabled = false;
    tell('the way to the server is open again');
  });
  toggle('break-delay', (isOn) => {
    delay(isOn ? 500 : 0);
    tell(isOn ? 'what goes to and from the server takes half a second longer' : 'no delay any more');
  });
  toggle('break-relay', (isOn) => {
    tell(isOn ? 'only relays may be used from now on' : 'every path may be used again');
    current()?.peer.setTransportPolicy(isOn ? 'relay' : 'all');
    current()?.peer.resetConnections();
  });
  on('break-restart', (peer) => {
    tell('you asked for new paths to everybody');
    peer.remotePeers.forEach((remote) => remote.restartIce());
  });
}

/** Everything as it was, for the next room. */
export function stopBreaking() {
  delay(0);
  fallSilent(false);
  for (const id of ['break-delay', 'break-relay']) byId(id).setAttribute('aria-pressed', 'false');
}

function toggle(id, act) {
  const button = byId(id);
  button.addEventListener('click', () => {
    const isOn = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(isOn));
    act(isOn);
  });
}
