// "Check my connection": what `peerhall doctor` looks at, as far as a browser can. Loaded when it is asked for.

import { byId, make } from './dom.js';
import * as nat from './nat.js';
import { PATIENCE_MS, within } from './patience.js';
import { RELAY_CURE, bad, good, unknown, warning } from './verdicts.js';

/** Clocks may be so far apart: servers forgive a minute. */
const SKEW_MS = 60_000;

const KEY_CURE = 'Use a key that `peerhall key list` shows, from an origin that it allows.';
const CURES = {
  page: 'Open this page over https: or on localhost, else browsers give neither camera nor microphone.',
  clock: 'Let both machines set their clocks by NTP: tokens and TURN credentials go by them.',
  health: 'Let the proxy in front pass everything on to the server, and start the server.',
  upgrade: 'Let the proxy pass /v1 on with the headers Upgrade and Connection, over HTTP/1.1.',
  none: 'Start the server with --turn ADDR (`turn.listen`), or name a service of your own in `turn_external`.',
  tls: 'Give the server a certificate (`tls.cert_file`): then TURN over TLS comes on the port of HTTPS by itself.',
  udp: 'Open the UDP port of this URL in the firewalls up to the server; where UDP is not wanted, TCP and TLS do.',
  tcp: 'Start TURN on this port (`turn.listen`), and open its TCP port in the firewalls up to the server.',
  unauthorized: 'Give `turn_external.secret` the value of coturn\'s static-auth-secret.',
  list: 'Correct the URLs in `turn_external`, or in the `iceServers` of the token: browsers refuse the whole list for one of them.',
  candidates: 'Connect this machine to a network, or let the browser use WebRTC.',
  direct: 'Nothing has to be done while the relay works; where UDP goes out, calls find direct paths.',
};

/** Checks everything and shows a line for each check as soon as it is known. */
export async function examine(url, key) {
  const lines = byId('doctor-lines');
  lines.replaceChildren();
  const tell = (line) => lines.append(row(line));
  tell(isSecureContext ? good('page', 'may use camera and microphone') : warning('page', 'came without TLS', CURES.page));
  tell(await clock());
  const { line, iceServers } = await welcome(url, key);
  line.forEach(tell);
  if (iceServers) await paths(iceServers, tell);
}

function row({ check, verdict, found, cure }) {
  const words = { good: 'good', unknown: '?', warning: 'warning', bad: 'BAD' };
  return make('li', { 'data-check': check, 'data-verdict': verdict },
    make('span', { className: 'verdict', textContent: words[verdict] }),
    make('strong', { textContent: check }),
    make('span', {}, ...worded(found), cure ? make('span', { className: 'cure' }, ...worded(cure)) : null));
}

/** Text in which names of commands and settings stand between backticks. */
function worded(text) {
  return text.split('`').map((part, place) => (place % 2 ? make('code', { textContent: part }) : part));
}

async function clock() {
  const response = await fetch('/health', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  if (!response) return bad('clock', 'the server does not answer over HTTP', CURES.health);
  if (!response.ok) return bad('clock', `something answers with status ${response.status}, as the server would not`, CURES.health);
  const theirs = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(theirs)) return unknown('clock', 'the answer has no date');
  const apart = Date.now() - theirs;
  if (Math.abs(apart) <= SKEW_MS) return good('clock', 'agrees with the server’s');
  return bad('clock', `this machine is ${Math.round(Math.abs(apart) / 1_000)} s ${apart > 0 ? 'ahead of' : 'behind'} the server`, CURES.clock);
}

/** The ICE servers of a welcome, and what stood in its way. */
function welcome(url, key) {
  const passed = good('upgrade', 'WebSocket reaches the server');
  const without = { line: [passed, unknown('credential', 'none given; a publishable key lets the checks go on')] };
  return new Promise((resolve) => {
    let isOpen = false;
    const socket = new WebSocket(`${url}/v1${key ? `?key=${encodeURIComponent(key)}` : ''}`);
    const end = (result) => {
      clearTimeout(timer);
      resolve(result);
      socket.close();
    };
    const broken = () => end({ line: [bad('upgrade', 'no WebSocket comes about', CURES.upgrade)] });
    const timer = setTimeout(broken, PATIENCE_MS);
    socket.addEventListener('open', () => (isOpen = true));
    socket.addEventListener('message', ({ data }) => {
      const { type, metadata } = JSON.parse(data);
      if (type !== 'welcome') return;
      const list = Array.isArray(metadata?.iceServers) ? metadata.iceServers : [];
      end({ line: [passed, good('credential', 'accepted')], iceServers: list });
    });
    socket.addEventListener('close', ({ code }) => {
      if (!isOpen) broken();
      else if (!key) end(without);
      else end({ line: [passed, bad('credential', `the server closes with code ${code}`, KEY_CURE)] });
    });
  });
}

/** Relays by each way, then candidates. */
async function paths(iceServers, tell) {
  if (!globalThis.RTCPeerConnection) return tell(bad('candidates', 'this browser has no WebRTC', CURES.candidates));
  try {
    new RTCPeerConnection({ iceServers }).close();
  } catch (error) {
    return tell(bad('ice servers', `this browser takes none of the list: ${error.message}`, CURES.list));
  }
  const relays = iceServers.flatMap((entry) => [entry.urls].flat().filter((url) => /^turns?:/i.test(url)).map((url) => ({ ...entry, urls: url })));
  if (relays.length === 0) tell(bad('turn', 'the server offers no TURN to this credential', CURES.none));
  else if (!relays.some(({ urls }) => /^turns:/i.test(urls))) tell(warning('turn', 'none over TLS: who may open nothing but port 443 is not relayed', CURES.tls));
  const lines = await Promise.all(relays.map(relay));
  // Where one URL works, another for the same way is of the other family, or of a server that has fallen out.
  const works = new Set(lines.filter(({ verdict }) => verdict === 'good').map(({ check }) => check));
  for (const line of lines) tell(line.verdict === 'bad' && works.has(line.check) ? { ...line, verdict: 'warning' } : line);
  tell(await candidates(iceServers));
  const relayUdp = relays.find((_, place) => lines[place].check === 'turn udp' && lines[place].verdict === 'good');
  if (relayUdp) (await nat.lines(stunBeside(relayUdp), relayUdp)).forEach(tell);
  else tell(unknown('nat', 'not found out: that takes STUN and TURN over UDP'));
}

/** The STUN server at the address of a relay: every TURN server is one (RFC 8656, section 3). */
const stunBeside = ({ urls }) => ({ urls: urls.replace(/^turn:/i, 'stun:').replace(/\?.*$/, '') });

async function relay(server) {
  const way = /^turns:/i.test(server.urls) ? 'tls' : /transport=tcp/i.test(server.urls) ? 'tcp' : 'udp';
  const check = `turn ${way}`;
  const { ms, isAllocated, code } = await echo(server);
  if (ms !== undefined) return good(check, `${server.urls} relays: there and back in ${ms} ms`);
  if (isAllocated) return bad(check, `${server.urls} gives addresses, and what is sent through them is lost`, RELAY_CURE);
  if (code === 401) return bad(check, `${server.urls}: user name or password refused (401)`, CURES.unauthorized);
  return bad(check, `${server.urls}: no address in time${code ? ` (${code})` : ''}`, way === 'udp' ? CURES.udp : CURES.tcp);
}

/** Sends something from one connection to another, both of which may use this relay only, and back. */
async function echo(server) {
  const config = { iceServers: [server], iceTransportPolicy: 'relay' };
  const [one, other] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
  const result = { isAllocated: false };
  try {
    return await within(PATIENCE_MS, bounce(one, other, result), result);
  } catch {
    return result;
  } finally {
    one.close();
    other.close();
  }
}

async function bounce(one, other, result) {
  const channel = one.createDataChannel('doctor');
  const back = new Promise((resolve) => {
    let sent = 0;
    channel.onopen = () => {
      sent = performance.now();
      channel.send('ask');
    };
    channel.onmessage = () => resolve(Math.round(performance.now() - sent));
  });
  other.ondatachannel = ({ channel: theirs }) => (theirs.onmessage = ({ data }) => theirs.send(data));
  for (const [from, to] of [[one, other], [other, one]]) {
    from.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      result.isAllocated = true;
      // One that comes late, to a connection that is closed, is of no use.
      to.addIceCandidate(candidate).catch(() => {});
    };
    from.onicecandidateerror = ({ errorCode }) => (result.code ??= errorCode);
  }
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
  return { ...result, ms: await back };
}

/** What this browser can offer to others, and what that says about the way out. */
async function candidates(iceServers) {
  const kinds = await gather(iceServers);
  const list = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`).join(', ');
  if (!list) return bad('candidates', 'none', CURES.candidates);
  const hasDirect = Object.keys(kinds).some((kind) => /^(host|srflx)/.test(kind));
  return hasDirect ? good('candidates', list) : warning('candidates', list, CURES.direct);
}

async function gather(iceServers) {
  const connection = new RTCPeerConnection({ iceServers });
  const kinds = {};
  const done = new Promise((resolve, reject) => {
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return resolve();
      if (!candidate.type) return;
      const kind = candidate.relayProtocol ? `relay by ${candidate.relayProtocol}` : candidate.type;
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    };
    connection.createDataChannel('doctor');
    connection.setLocalDescription().catch(reject);
  });
  try {
    await within(PATIENCE_MS, done);
    return kinds;
  } finally {
    connection.close();
  }
}
