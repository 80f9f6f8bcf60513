// The file area of the page: what is offered, and one bar for each file and each of its receivers.

import { byId, foreign, make, say } from './dom.js';

/** Rows that are kept; older ones that have ended go. */
const MOST_ROWS = 200;

/** Names that are shown of an offer. */
const NAMES = 3;

let files;
let nameOf;
/** What shows names, by row. */
const rows = new Map();
/** Where saved files can be had again, by row. */
const links = new Map();

/** Shows the files of a room; `of` names its people. */
export function showFiles(of, room) {
  files = room;
  nameOf = of;
  const on = (type, act) => files.addEventListener(type, ({ detail }) => act(detail));
  on('offered', ({ offer }) => addOffer(offer));
  on('withdrawn', ({ offer }) => offer.row && forget(offer.row));
  on('item', ({ item }) => addItem(item));
  on('saved', ({ item, blob }) => save(item, blob));
  on('trouble', ({ text }) => say(byId('files-note'), text));
}

/** People have other names by now. */
export function renameFiles() {
  rows.forEach((show) => show());
}

/** The room is left: nothing is on its way any more. */
export function forgetFiles() {
  files = undefined;
  [...rows.keys()].forEach(forget);
  byId('files-note').textContent = '';
}

/** Listens to the drop area and the chooser; once. */
export function startFiles() {
  const drop = byId('drop');
  byId('files-choose').addEventListener('click', () => byId('files-input').click());
  byId('files-input').addEventListener('change', ({ target }) => {
    give(target.files);
    // The same file may be chosen again.
    target.value = '';
  });
  // Beside the area a browser would leave the page for the file.
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => event.preventDefault());
  drop.addEventListener('dragover', () => drop.classList.add('over'));
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', ({ dataTransfer }) => {
    drop.classList.remove('over');
    give(dataTransfer.files);
  });
}

function give(list) {
  const given = [...list];
  if (given.length === 0 || !files) return;
  try {
    files.offer(given);
    say(byId('files-note'), `You offer ${summed(given)} to everybody who is here and who comes.`);
  } catch (error) {
    say(byId('files-note'), error.message);
  }
}

const BUTTONS = { offered: 'Take', taken: 'Taken', partly: 'Take the rest', here: 'All here' };

function addOffer(offer) {
  const who = make('bdi');
  const names = offer.files.slice(0, NAMES).map(({ name }) => make('li', {}, foreign(name)));
  if (offer.files.length > NAMES) names.push(make('li', { textContent: `and ${offer.files.length - NAMES} more` }));
  const take = make('button', { type: 'button', className: 'small primary', onclick: () => offer.take() });
  offer.row = make('li', {}, make('div', {}, who, ` offers ${summed(offer.files)}`, make('ul', { className: 'names' }, ...names)), take);
  show(offer.row, () => {
    const name = nameOf(offer.remote.id);
    say(who, name);
    say(take, BUTTONS[offer.state]);
    take.setAttribute('aria-label', `${BUTTONS[offer.state]}: the files of ${name}`);
    take.disabled = offer.state === 'taken' || offer.state === 'here';
  }, offer);
  byId('offers').append(offer.row);
  say(byId('files-note'), `${nameOf(offer.remote.id)} offers ${summed(offer.files)}.`);
}

function addItem(item) {
  const who = make('bdi');
  const bar = make('progress', { max: Math.max(item.size, 1) });
  const numbers = make('span', { className: 'numbers' });
  const pause = make('button', { type: 'button', className: 'small pause', onclick: () => item.pause(item.state !== 'paused') });
  const stop = make('button', { type: 'button', className: 'small danger stop', textContent: 'Stop', onclick: () => item.abort() });
  const head = make('span', { className: 'what' }, make('strong', {}, foreign(item.name)), item.isOwn ? ' to ' : ' from ', who);
  item.row = make('li', {}, head, make('span', { className: 'acts' }, pause, stop), bar, numbers);
  show(item.row, () => {
    const [name, act] = [nameOf(item.peer), item.state === 'paused' ? 'Resume' : 'Pause'];
    const what = `${item.name} ${item.isOwn ? 'to' : 'from'} ${name}`;
    item.row.dataset.state = item.state;
    say(who, name);
    bar.value = item.state === 'done' ? bar.max : item.moved;
    for (const [element, label] of [[bar, what], [pause, `${act} ${what}`], [stop, `Stop ${what}`]]) element.setAttribute('aria-label', label);
    pause.hidden = item.isOver || !item.pause;
    stop.hidden = item.isOver;
    say(pause, act);
    say(numbers, told(item));
  }, item);
  const list = byId('transfers');
  list.prepend(item.row);
  if (list.children.length <= MOST_ROWS) return;
  const oldest = [...list.children].findLast(({ dataset }) => ['done', 'failed'].includes(dataset.state));
  if (oldest) forget(oldest);
}

/** Shows a row as it is, now and whenever it or a name has changed. */
function show(row, fill, source) {
  rows.set(row, fill);
  source.addEventListener('changed', fill);
  fill();
}

function forget(row) {
  row.remove();
  rows.delete(row);
  if (links.has(row)) URL.revokeObjectURL(links.get(row));
  links.delete(row);
}

/** Browsers ask where to, or put it among the downloads. What it claims to be is no reason to open it here. */
function save({ row, name }, blob) {
  const href = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  links.set(row, href);
  const link = make('a', { href, download: name, className: 'button small', textContent: 'Save again', 'aria-label': `Save again: ${name}` });
  row.querySelector('.acts').append(link);
  link.click();
}

function told({ state, moved, size, rate, left, why, proof, isOwn }) {
  if (state === 'done') return `✓ ${bytes(size)} ${isOwn ? 'arrived' : 'are here'}, both sides have BLAKE3 ${proof.slice(0, 8)}…`;
  if (state === 'failed') return `did not arrive: ${why}`;
  const far = `${bytes(moved)} of ${bytes(size)}`;
  if (state === 'waits') return `${far}, waits`;
  if (state === 'rests') return `${far}, nothing comes at the moment`;
  if (state === 'paused') return `${far}, paused`;
  return [far, rate > 0 && `${bytes(rate)}/s`, left !== undefined && `${lasting(left)} left`].filter(Boolean).join(', ');
}

const summed = (list) => `${list.length} ${list.length === 1 ? 'file' : 'files'}, ${bytes(list.reduce((sum, { size }) => sum + size, 0))}`;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes for people, in steps of 1,000. */
function bytes(count) {
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  const value = count / 1_000 ** step;
  return `${value.toFixed(step === 0 || value >= 100 ? 0 : 1)} ${UNITS[step]}`;
}

/** A time for people. */
function lasting(millis) {
  const seconds = Math.ceil(millis / 1_000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`;
}
