// The list of connections, with a filter.

import { get, post, repeat } from './api.js';
import { byId, confirm, foreign, make, nameOf, reconcile, say, tell } from '../dom.js';

const EVERY_MS = 2_000;
const SHOWN_CHANNELS = 4;

let refresh = () => {};
let body = null;

/** Shows the connections for as long as the view is open. */
export function startConnections(isOpen) {
  const heads = ['Peer', 'Channels', 'Came with', 'Client', 'Relay', 'Token ends', ''];
  body = make('tbody');
  const row = make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text || make('span', { className: 'visually-hidden', textContent: 'Actions' }))));
  const nothing = make('p', { className: 'nothing', textContent: 'No connection fits.', hidden: true, id: 'connections-nothing' });
  byId('connections-list').append(make('table', {}, make('thead', {}, row), body), nothing);
  refresh = repeat(load, EVERY_MS, isOpen);
  byId('filter').addEventListener('input', () => {
    const q = byId('filter').value;
    history.replaceState(null, '', q ? `#connections?${new URLSearchParams({ q })}` : '#connections');
    load().catch(() => {});
  });
  return refresh;
}

/** Sets the filter, as a link from a room does. */
export function filterBy(text) {
  if (byId('filter').value !== text) byId('filter').value = text;
}

async function load() {
  const text = byId('filter').value;
  const found = await get(`connections?${new URLSearchParams({ q: text }).toString().replaceAll('+', '%20')}`);
  // Another one may have been asked for meanwhile.
  if (text === byId('filter').value) show(found);
}

function show({ connections, matching, isPartial }) {
  const count = matching > connections.length ? `${connections.length} of ${matching}` : String(matching);
  say(byId('connections-count'), isPartial ? `${count}, not all were looked at` : count);
  byId('connections-nothing').hidden = connections.length > 0;
  body.parentElement.hidden = connections.length === 0;
  reconcile(body, connections, ({ id }) => id, create, update);
}

function create(connection) {
  const name = nameOf(connection.peer, connection.metadata);
  const inspect = make('button', {
    className: 'small', textContent: 'Inspect', 'aria-label': `Inspect ${name}`,
    onclick: () => (location.hash = `#inspect?${new URLSearchParams({ id: connection.id, peer: connection.peer, name })}`),
  });
  const out = make('button', {
    className: 'small danger', textContent: 'Kick', 'aria-label': `Kick ${name}`, onclick: () => kick(connection.peer, name).catch(tell),
  });
  const who = make('div', { className: 'cell' }, foreign(name));
  if (name !== connection.peer) who.append(make('span', { className: 'sub mono', textContent: connection.peer }));
  return make('tr', {},
    cell('Peer', who),
    cell('Channels', make('div', { className: 'cell chips' })),
    cell('Came with', make('div', { className: 'cell' },
      connection.cameWith === 'token' ? 'a token' : 'a publishable key',
      make('span', { className: 'sub mono', textContent: connection.key }))),
    cell('Client', make('span', { textContent: connection.client === 'peerhall' ? 'Peerhall' : 'other' })),
    cell('Relay', make('div', { className: 'cell relay' })),
    cell('Token ends', make('span', { className: 'ends' })),
    make('td', { className: 'actions' }, inspect, out));
}

function cell(label, content) {
  return make('td', { 'data-label': label }, content);
}

function update(row, connection) {
  const shown = connection.channels.slice(0, SHOWN_CHANNELS);
  const more = connection.channelCount - shown.length;
  const state = JSON.stringify([shown, more]);
  const chips = row.querySelector('.chips');
  if (chips.dataset.state !== state) {
    chips.dataset.state = state;
    const names = shown.map((channel) => make('span', { className: 'badge', title: channel }, foreign(channel)));
    if (more > 0) names.push(make('span', { className: 'badge', textContent: `${more} more` }));
    chips.replaceChildren(...(names.length > 0 ? names : [make('span', { className: 'faint', textContent: 'none' })]));
  }
  showRelay(row.querySelector('.relay'), connection.relay);
  say(row.querySelector('.ends'), connection.expiresIn === null ? 'never' : `in ${span(connection.expiresIn)}`);
}

const WHY = { reserve: 'ready, not needed', noDirectPath: 'no direct path', udpBlocked: 'UDP is blocked there' };

/** How much of a peer goes through the relay, by which way, and why. */
function showRelay(box, relay) {
  const state = JSON.stringify(relay ?? null);
  if (box.dataset.state === state) return;
  box.dataset.state = state;
  if (!relay) return box.replaceChildren(make('span', { className: 'faint', textContent: 'none' }));
  box.replaceChildren(
    make('span', { textContent: `${bytes(relay.bytes)} over ${relay.by.toUpperCase()}` }),
    make('span', { className: 'sub', textContent: WHY[relay.why] ?? '' }));
}

function bytes(count) {
  const step = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']].find(([size]) => count >= size);
  return step ? `${(count / step[0]).toFixed(1)} ${step[1]}` : `${count} B`;
}

function span(seconds) {
  const step = [[86_400, 'd'], [3_600, 'h'], [60, 'min']].find(([size]) => seconds >= size);
  return step ? `${Math.floor(seconds / step[0])} ${step[1]}` : `${seconds} s`;
}

/** Closes every connection of a peer, after asking. Says whether it did. */
export async function kick(peer, name) {
  const isSure = await confirm(`Close every connection of “${name}”? Its SDK will not come back by itself.`, 'Kick');
  if (!isSure) return false;
  await post('kick', { peer });
  refresh();
  return true;
}
