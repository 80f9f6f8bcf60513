// Chat with everybody or with one, and who is there.

import { byId, make } from './dom.js';

const KEPT = 500;

const THROUGH_SERVER = 'No connection can be made: files go through the server, which sees them.';

/** Shows who is there, and whom one can write to. */
export function showPeople(room) {
  const remotes = room.peer.remotePeers;
  const chip = (text, className, title, ...more) => make('li', { className, title }, text, ...more);
  const way = (id) => (room.goesThroughServer(id) ? [' ', make('span', { className: 'badge', textContent: 'through the server', title: THROUGH_SERVER })] : []);
  byId('people').replaceChildren(
    chip(`${room.nameOf(room.selfId)} (you)`, 'own', room.selfId),
    ...remotes.map(({ id }) => chip(room.nameOf(id), '', id, ...way(id))));
  byId('count').textContent = remotes.length + 1;
  const select = byId('to');
  const before = select.value;
  select.replaceChildren(
    make('option', { value: '', textContent: 'everybody' }),
    ...remotes.map(({ id }) => make('option', { value: id, textContent: `only ${room.nameOf(id)}` })));
  // Whoever left gets nothing more, and nobody else what was meant for them.
  select.value = remotes.some(({ id }) => id === before) ? before : '';
}

export function addLine(name, text, { isOwn = false, aside = '' } = {}) {
  const line = make('li', { className: isOwn ? 'own' : '' }, make('strong', { textContent: name }));
  if (aside) line.append(make('em', { textContent: aside }));
  line.append(text);
  log(line);
}

export function addNote(text) {
  log(make('li', { className: 'event', textContent: text }));
}

function log(line) {
  const list = byId('log');
  list.append(line);
  if (list.children.length > KEPT) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}
