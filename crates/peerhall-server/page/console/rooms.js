// A picture of each room: peers as dots on a circle, what they said to each other as lines.

import { get, repeat } from './api.js';
import { byId, draw, foreign, make, nameOf, reconcile, say, shorten } from '../dom.js';
import { bytes } from './graphs.js';

const WIDTH = 300;
const HEIGHT = 240;
/** With more peers than this, names would lie on each other; the list below the picture has them. */
const NAMED = 12;
/** With more peers than this, rates would lie on each other too. */
const RATED = 4;
const EVERY_MS = 2_000;

const STANDING = { here: 'here', unseen: 'listens unseen', away: 'lost a moment ago' };
const WORDS = {
  direct: 'connected directly',
  answered: 'agreed on a connection',
  relayed: 'connected over a relay',
  lost: 'the connection was lost and is being made again',
  offered: 'an offer waits for its answer',
  talk: 'messages only',
};

/** Shows the rooms for as long as the view is open. */
export function startRooms(isOpen) {
  return repeat(async () => show(await get('rooms')), EVERY_MS, isOpen);
}

function show({ rooms, pairs, total }) {
  byId('rooms-empty').hidden = rooms.length > 0;
  say(byId('rooms-count'), total > rooms.length ? `${rooms.length} of ${total}` : String(total));
  reconcile(byId('rooms'), rooms, (room) => room.channel, create, (card, room) => update(card, room, pairs));
}

function create(room) {
  return make('article', { className: 'card room' },
    make('h3', {}, foreign(room.channel), make('span', { className: 'faint' })),
    draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img' }),
    make('details', {}, make('summary', { textContent: 'Who is there' }), make('ul')));
}

function update(card, room, pairs) {
  const count = room.members === 1 ? '1 connection' : `${room.members} connections`;
  say(card.querySelector('h3 .faint'), count);
  const inRoom = new Map(room.peers.map((peer) => [peer.id, peer]));
  const own = pairs.filter(({ a, b }) => inRoom.has(a) && inRoom.has(b)).map((pair) => ({ ...pair, kind: kindOf(pair) }));
  // Redrawn only when something changed, so that nothing moves under the pointer; rates change all the time.
  const state = JSON.stringify([room.peers, own.map(({ a, b, kind, directs }) => [a, b, kind, thickness(directs)])]);
  if (card.dataset.state !== state) {
    card.dataset.state = state;
    const svg = card.querySelector('svg');
    svg.replaceChildren(...picture(room, own));
    svg.setAttribute('aria-label', `${room.peers.length} peers, ${own.length} pairs that talk; the list below has them`);
    card.querySelector('ul').replaceChildren(...room.peers.map(listPeer), ...own.map((pair) => listPair(pair, inRoom)));
  }
  card.querySelectorAll('text.rate').forEach((label, place) => say(label, rateOf(own[place])));
  card.querySelectorAll('li .facts').forEach((facts, place) => say(facts, factsOf(own[place])));
}

function picture(room, pairs) {
  const places = new Map(room.peers.map((peer, place) => [peer.id, position(place, room.peers.length)]));
  const lines = pairs.map((pair) => {
    const [from, to] = [places.get(pair.a), places.get(pair.b)];
    return draw('line', {
      class: pair.kind, x1: from.x, y1: from.y, x2: to.x, y2: to.y, 'stroke-width': thickness(pair.directs),
    });
  });
  // Diagonals cross in the middle, so their rates stand a little beside it.
  const part = room.peers.length > 3 ? 0.36 : 0.5;
  const rates = room.peers.length > RATED ? [] : pairs.map(({ a, b }) => {
    const [from, to] = [places.get(a), places.get(b)];
    const [wide, high] = [to.x - from.x, to.y - from.y];
    // Above a flat line, on a steep one.
    const lift = Math.abs(high) < Math.abs(wide) / 4 ? 7 : -4;
    return draw('text', { class: 'rate', x: (from.x + wide * part).toFixed(1), y: (from.y + high * part - lift).toFixed(1) });
  });
  const dots = room.peers.map((peer) => {
    const { x, y, below } = places.get(peer.id);
    const name = nameOf(peer.id, peer.metadata, peer.name);
    const label = room.peers.length > NAMED ? null : draw('text', { x, y: below ? y + 22 : y - 14 });
    if (label) label.textContent = shorten(name, room.peers.length > 6 ? 9 : 16);
    const title = draw('title');
    title.textContent = `${name}: ${STANDING[peer.standing]}`;
    const dot = draw('g', { class: `peer ${peer.standing}` }, title, draw('circle', { cx: x, cy: y, r: room.peers.length > NAMED ? 5 : 8 }), label);
    dot.addEventListener('click', () => (location.hash = hashOf(peer.id)));
    return dot;
  });
  return [...lines, ...rates, ...dots];
}

function position(place, count) {
  const [centre, middle] = [WIDTH / 2, HEIGHT / 2];
  if (count === 1) return { x: centre, y: middle, below: true };
  const angle = (place / count) * 2 * Math.PI - Math.PI / 2 + (count === 2 ? Math.PI / 2 : 0);
  const [x, y] = [centre + Math.cos(angle) * 105, middle + Math.sin(angle) * 84];
  return { x: Number(x.toFixed(1)), y: Number(y.toFixed(1)), below: y >= middle - 1 };
}

const thickness = (directs) => Math.min(6, 1.5 + Math.log10(1 + directs)).toFixed(1);

function kindOf({ negotiation, candidates, flow }) {
  if (flow?.state === 'reconnecting') return 'lost';
  if (flow?.state === 'connected' && flow.path) return flow.path === 'relay' ? 'relayed' : 'direct';
  if (negotiation === 'none') return 'talk';
  if (negotiation === 'offered') return 'offered';
  return candidates.length === 1 && candidates[0] === 'relay' ? 'relayed' : 'answered';
}

/** Bytes a second where a page told, as short as it can be said. */
const rateOf = ({ flow }) => (flow?.state === 'connected' && flow.bytesPerSecond > 0 ? `${bytes(flow.bytesPerSecond)}/s` : '');

function factsOf({ kind, directs, restarts, flow }) {
  const words = [WORDS[kind]];
  if (flow?.state === 'connected') words.push(`${bytes(flow.bytesPerSecond)}/s`);
  if (flow?.roundTripMs !== null && flow?.roundTripMs !== undefined) words.push(`${flow.roundTripMs} ms round trip`);
  words.push(directs === 1 ? '1 message' : `${directs} messages`);
  if (restarts > 0) words.push(restarts === 1 ? 'negotiated anew once' : `negotiated anew ${restarts} times`);
  return words.join(', ');
}

const hashOf = (peer) => `#connections?${new URLSearchParams({ q: peer })}`;

function listPeer(peer) {
  const several = peer.connections > 1 ? `, ${peer.connections} connections` : '';
  return make('li', {}, make('a', { href: hashOf(peer.id) }, foreign(nameOf(peer.id, peer.metadata, peer.name))),
    ` ${STANDING[peer.standing]}${several}`);
}

function listPair(pair, inRoom) {
  const name = (id) => foreign(nameOf(id, inRoom.get(id).metadata, inRoom.get(id).name));
  return make('li', { className: 'faint' }, name(pair.a), ' ↔ ', name(pair.b), ': ',
    make('span', { className: 'facts', textContent: factsOf(pair) }));
}
