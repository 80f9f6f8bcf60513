// Tells the server how one's calls go, for its console: they go past it, so it cannot see that by itself.

const FIRST_MS = 1_000;
/** After a report that did not get through. */
const AGAIN_MS = 15_000;
const MOST = 64;
const STATES = ['connecting', 'connected', 'reconnecting'];

let current = null;

/** Tells of a room until another one or none is told of. */
export function startReports(room, key) {
  stopReports();
  current = { room, key };
  plan(current, FIRST_MS);
}

export function stopReports() {
  clearTimeout(current?.timer);
  current = null;
}

function plan(task, ms) {
  if (task === current) task.timer = setTimeout(async () => plan(task, await tell(task).catch(() => AGAIN_MS)), ms);
}

/** Gives the milliseconds after which the server wants to hear more. */
async function tell({ room, key }) {
  const { peer } = room;
  const remotes = peer.state === 'joined' ? peer.remotePeers.filter(({ pc, state }) => pc && STATES.includes(state)) : [];
  if (remotes.length === 0) return FIRST_MS;
  const calls = await Promise.all(remotes.slice(0, MOST).map(describe));
  const body = JSON.stringify({ key, peer: peer.peerId, name: room.nameOf(peer.peerId), calls });
  const response = await fetch('/page/report', { method: 'POST', body });
  return response.ok ? (await response.json()).nextMs : AGAIN_MS;
}

async function describe({ id, pc, state }) {
  const report = await pc.getStats();
  const all = [...report.values()];
  const transport = all.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  // Firefox has no transports and marks the pair itself.
  const pair = transport ? report.get(transport.selectedCandidatePairId) : all.find(({ type, selected }) => type === 'candidate-pair' && selected);
  const counts = transport?.bytesSent === undefined ? pair : transport;
  const isRelay = (end) => report.get(end)?.candidateType === 'relay';
  const path = isRelay(pair?.localCandidateId) || isRelay(pair?.remoteCandidateId) ? 'relay' : 'direct';
  return {
    with: id,
    state,
    path: pair ? path : null,
    sent: counts?.bytesSent ?? 0,
    received: counts?.bytesReceived ?? 0,
    roundTripMs: pair?.currentRoundTripTime === undefined ? null : Math.round(pair.currentRoundTripTime * 1_000),
  };
}
