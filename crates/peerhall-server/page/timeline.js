// The last minute as coloured marks, one lane for each peer, and the same in words.

import { byId, draw, make, shorten } from './dom.js';

const SPAN_MS = 60_000;
const LANE = 26;
const LABEL = 112;
const KEPT = 200;

const marks = [];
let names = (id) => id;
let timer = null;

addEventListener('resize', () => timer !== null && show());

/** Begins to draw. `nameOf(id)` is asked at every drawing. */
export function startTimeline(nameOf) {
  names = nameOf;
  clearInterval(timer);
  timer = setInterval(show, 1_000);
  show();
}

export function stopTimeline() {
  clearInterval(timer);
  timer = null;
  marks.length = 0;
}

/** Notes that something happened with a peer. */
export function mark({ id, kind, text }) {
  marks.push({ id, kind, text, at: Date.now() });
  if (marks.length > KEPT) marks.shift();
  const time = new Date().toLocaleTimeString();
  byId('events').prepend(make('li', {}, make('span', { className: `mark ${kind}` }), make('time', { textContent: time }), ` ${text}`));
  while (byId('events').children.length > KEPT) byId('events').lastElementChild.remove();
  show();
}

function show() {
  const now = Date.now();
  const recent = marks.filter(({ at }) => at > now - SPAN_MS);
  const lanes = [...new Set(['self', ...recent.map(({ id }) => id)])].slice(0, 9);
  const height = Math.max(2, lanes.length) * LANE;
  const svg = byId('timeline');
  // One unit is one pixel, so that letters have the same size on every screen.
  const width = svg.clientWidth || 600;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', height);
  svg.replaceChildren(...lanes.flatMap((id, place) => lane(id, { place, width }, recent.filter((one) => one.id === id), now)));
  svg.setAttribute('aria-label', `${recent.length} events in the last minute; the list below has them`);
}

function lane(id, { place, width }, own, now) {
  const y = (place + 0.5) * LANE;
  const label = draw('text', { x: 8, y: y + 4 });
  const name = names(id);
  label.textContent = shorten(name, 14);
  const line = draw('line', { x1: LABEL, x2: width, y1: y, y2: y });
  const dots = own.map(({ kind, text, at }) => {
    const title = draw('title');
    title.textContent = text;
    return draw('circle', { class: kind, cx: (width - 10 - ((now - at) / SPAN_MS) * (width - LABEL - 16)).toFixed(1), cy: y, r: 6 }, title);
  });
  return [line, label, ...dots];
}
