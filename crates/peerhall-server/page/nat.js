// What kind of NAT stands between this browser and the server, in the terms of RFC 4787, and whether the relay
// reaches this machine. A browser shows none of its packets, so connections tell: one that is as any peer's, and one
// that may use nothing but the relay, which is another port of the same server for whoever looks at it.

import { PATIENCE_MS, within } from './patience.js';
import { RELAY_CURE, bad, good, unknown, warning } from './verdicts.js';

/** How long a NAT that lets the relay in unasked has for it. */
const UNASKED_MS = 3_000;
/** For all steps together. */
const ALL_MS = 40_000;

/** Addresses of networks that are nobody's alone: RFC 1918, 3927, 4193, 4291 and 6598. */
const PRIVATE = /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab])/i;

const PART = 'as far as one server can tell; RFC 5780 wants two addresses';
const CURES = {
  symmetric: 'Nothing has to be done while TURN works; IPv6, or a router with endpoint-independent mapping, saves the way through the relay.',
};

/** The lines `relayed` and `nat`; `stun` and `turn` are entries of a list of ICE servers, over UDP. */
export async function lines(stun, turn) {
  const here = new RTCPeerConnection({ iceServers: [stun] });
  const there = new RTCPeerConnection({ iceServers: [turn], iceTransportPolicy: 'relay' });
  try {
    return told(await within(ALL_MS, meet(here, there), {}));
  } catch {
    return told({});
  } finally {
    here.close();
    there.close();
  }
}

/**
 * Lets the two meet, and gives what was seen: `mapped`, the candidates that a STUN server saw; `isRelayed`, whether there is a
 * relayed address; `ms`, how long payload took there and back; `isUnasked`, whether the relay got in before anything was
 * sent to it; `seen`, the port from which this machine's packets came then.
 */
async function meet(here, there) {
  const channel = here.createDataChannel('doctor');
  there.ondatachannel = ({ channel: theirs }) => (theirs.onmessage = ({ data }) => theirs.send(data));
  const isOpen = new Promise((resolve) => (channel.onopen = () => resolve(true)));
  const offered = candidatesOf(here);
  await here.setLocalDescription();
  await there.setRemoteDescription(bare(here.localDescription));
  const relayed = candidatesOf(there);
  await there.setLocalDescription();
  await here.setRemoteDescription(bare(there.localDescription));
  const udp = (await offered).filter(({ protocol }) => protocol === 'udp');
  const relays = await relayed;
  const found = { isRelayed: relays.length > 0, mapped: udp.filter(({ type }) => type === 'srflx') };
  // The relay is told of this machine, and this machine nothing of the relay.
  await add(there, udp);
  found.isUnasked = await within(UNASKED_MS, isOpen);
  if (!found.isUnasked) {
    await add(here, relays);
    if (!(await within(PATIENCE_MS, isOpen))) return found;
  }
  found.ms = await within(PATIENCE_MS, echo(channel));
  found.seen = await remotePort(there);
  return found;
}

/** A description that says nothing of candidates. */
const bare = ({ type, sdp }) => ({ type, sdp: sdp.replaceAll(/^a=(candidate:|end-of-candidates).*\r\n/gm, '') });

/** One that a connection does not take, of a family that it has not, is of no use. */
const add = (connection, candidates) => Promise.allSettled(candidates.map((candidate) => connection.addIceCandidate(candidate)));

/** All candidates of a connection, when it has no more, or what there is by then. */
function candidatesOf(connection) {
  const found = [];
  return new Promise((resolve) => {
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) resolve(found);
      else if (candidate.candidate) found.push(candidate);
    };
    setTimeout(resolve, PATIENCE_MS, found);
  });
}

/** Milliseconds for something to go to the other side and back. */
function echo(channel) {
  const sent = performance.now();
  return new Promise((resolve) => {
    channel.onmessage = () => resolve(Math.round(performance.now() - sent));
    channel.send('ask');
  });
}

/** The port of the other side, as a connection sees it. */
async function remotePort(connection) {
  const stats = await connection.getStats();
  const all = [...stats.values()];
  const selected = all.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId)?.selectedCandidatePairId;
  const pair = selected ? stats.get(selected) : all.find((entry) => entry.type === 'candidate-pair' && entry.selected);
  return pair && stats.get(pair.remoteCandidateId)?.port;
}

/** What that means for calls. */
function told({ mapped = [], isRelayed, ms, isUnasked, seen }) {
  if (!isRelayed) return [unknown('nat', 'not found out: that takes STUN and TURN over UDP')];
  const isReached = typeof ms === 'number';
  const relayed = isReached ? good('relayed', `a relayed address answers this machine in ${ms} ms`)
    // To an address of the open internet, as this machine has behind a NAT, relays pass everything on.
    : mapped.some(({ address }) => !PRIVATE.test(address)) ? bad('relayed', 'nothing comes back from a relayed address', RELAY_CURE)
      : unknown('relayed', 'relays pass nothing on to an address like this machine\'s');
  // A browser that shows its own addresses tells of one that a STUN server saw only where it is another.
  if (mapped.length === 0) return [relayed, good('nat', 'none between here and the server')];
  if (!isReached) return [relayed, unknown('nat', 'not found out: the relay does not reach this machine')];
  if (isUnasked) return [relayed, good('nat', `full cone or restricted: direct paths are found (${PART})`)];
  if (mapped.some(({ port }) => port === seen)) return [relayed, good('nat', `port-restricted: direct paths are found, but to symmetric NATs (${PART})`)];
  return [relayed, warning('nat', `symmetric: direct paths are found to open NATs only (${PART})`, CURES.symmetric)];
}
