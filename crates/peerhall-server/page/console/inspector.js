// The inspector: one connection's frames as a ladder, from the moment it is opened.

import { kick } from './connections.js';
import { byId, make, say, tell } from '../dom.js';
import { bytes } from './graphs.js';

/** Rungs that are kept; older ones make room. */
const KEPT = 2_000;

let source = null;
let rungs = [];
let waiting = [];
let isPaused = false;
let subject = { peer: '', name: '' };

export function startInspector() {
  byId('inspect-pause').addEventListener('click', pause);
  byId('inspect-save').addEventListener('click', save);
  byId('inspect-kick').addEventListener('click', () => kick(subject.peer, subject.name).catch(tell));
}

/** Opens the ladder of a connection. */
export function inspect(id, peer, name) {
  close();
  subject = { peer, name };
  rungs = [];
  waiting = [];
  isPaused = false;
  byId('rungs').replaceChildren();
  byId('inspect-peer').textContent = name;
  byId('inspect-kick').disabled = false;
  showPause();
  note('Frames from now on show here. Credentials, ICE passwords and addresses are taken out before they leave the server.');
  source = new EventSource(`/console/api/inspect?${new URLSearchParams({ id })}`);
  source.addEventListener('rung', ({ data }) => take(JSON.parse(data)));
  source.addEventListener('end', ({ data }) => end(JSON.parse(data).why));
  // What was said meanwhile would be missing without anybody seeing it, so it is not opened again.
  source.addEventListener('error', () => end('the connection is over, or the server cannot show it'));
}

/** Stops looking. */
export function close() {
  source?.close();
  source = null;
}

function end(why) {
  close();
  byId('inspect-kick').disabled = true;
  note(`No more frames: ${why}.`);
}

const note = (text) => say(byId('inspect-note'), text);

function take(rung) {
  rungs.push(rung);
  if (rungs.length > KEPT) rungs.shift();
  waiting.push(rung);
  if (waiting.length > KEPT) waiting.shift();
  if (!isPaused) show();
  else say(byId('inspect-pause'), `Go on (${waiting.length} new)`);
}

/** Adds what is new, and stays at the end if that is where the reader is. */
function show() {
  const list = byId('rungs');
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(...waiting.splice(0).flatMap(elements));
  while (list.children.length > KEPT) list.firstElementChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function elements(rung) {
  const time = new Date(rung.at);
  const took = rung.tookMs === undefined ? '' : ` after ${rung.tookMs} ms`;
  const way = { in: 'from the client', out: 'to the client', end: 'the end' }[rung.way];
  const summary = make('summary', {},
    make('time', { dateTime: time.toISOString(), textContent: clock(time) }),
    make('span', { className: 'rung-way' }, make('span', { className: 'visually-hidden', textContent: way })),
    make('span', { className: 'size', textContent: bytes(rung.bytes) }),
    make('span', { className: 'meaning', title: rung.meaning }, make('b', { textContent: rung.kind }), `${rung.meaning}${took}`));
  const text = rung.body ? pretty(rung) : 'nothing to show';
  const item = make('li', { className: rung.way }, make('details', {}, summary, make('pre', { textContent: text })));
  if (rung.lost === 0) return [item];
  const gap = make('li', { className: 'gap', textContent: `${rung.lost} frames came too fast and were left out` });
  return [gap, item];
}

/** Hours to milliseconds, as the clock of the reader has them. */
function clock(time) {
  return new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(11, 23);
}

function pretty({ body, isCut }) {
  if (isCut) return `${body}… (cut)`;
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function pause() {
  isPaused = !isPaused;
  showPause();
  if (!isPaused) show();
}

function showPause() {
  byId('inspect-pause').setAttribute('aria-pressed', String(isPaused));
  byId('inspect-pause').textContent = isPaused ? 'Go on' : 'Pause';
}

function save() {
  const file = { peer: subject.peer, saved: new Date().toISOString(), frames: rungs };
  const url = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: 'application/json' }));
  const link = make('a', { href: url, download: `peerhall-frames-${file.saved.replaceAll(':', '-')}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
