// Four graphs of the last ten minutes, one step a second, drawn as SVG paths.

import { byId, draw, make, say } from '../dom.js';

const SPAN_MS = 600_000;
/** A server that has just started shows its first minute large. */
const LEAST_SPAN_MS = 60_000;
const WIDTH = 600;
const HEIGHT = 100;

const GRAPHS = [
  {
    title: 'Connections',
    series: [{ name: '', of: (sample) => sample.connections }],
    show: count,
    least: 4,
  },
  {
    title: 'Messages per second',
    series: [
      { name: 'in', of: (sample) => sample.publishes + sample.directs },
      { name: 'out', of: (sample) => sample.deliveries + sample.directs },
    ],
    show: count,
    least: 4,
  },
  {
    title: 'Fan-out time in the server',
    series: [
      { name: 'p50', of: (sample) => sample.fanoutP50 },
      { name: 'p99', of: (sample) => sample.fanoutP99 },
    ],
    show: micros,
    least: 100,
  },
  {
    title: 'Calls, bytes per second',
    series: [
      { name: 'direct', of: (sample) => sample.directBytes },
      { name: 'relayed', of: (sample) => sample.relayBytes },
    ],
    show: bytes,
    least: 1_000,
  },
];

const samples = [];
let graphs = [];

export function startGraphs() {
  graphs = GRAPHS.map((graph) => new Graph(graph));
  byId('graphs').replaceChildren(...graphs.map((graph) => graph.figure));
}

/** Takes the samples of before the page was opened. */
export function showPast(past) {
  samples.splice(0, samples.length, ...past);
  graphs.forEach((graph) => graph.update());
}

export function showSample(sample) {
  samples.push(sample);
  while (samples.length > 0 && samples[0].at < sample.at - SPAN_MS) samples.shift();
  graphs.forEach((graph) => graph.update());
}

class Graph {
  constructor({ title, series, show, least }) {
    this.series = series;
    this.show = show;
    this.least = least;
    this.pointed = null;
    this.values = series.map(({ name }) => {
      const number = make('span', { textContent: '–' });
      const value = make('span', { className: 'value' }, make('i'), number, make('small', { textContent: name }));
      return { value, number };
    });
    this.paths = series.map(() => draw('path'));
    this.cursor = draw('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' });
    this.svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
      ...[0, 0.5, 1].map((part) => draw('line', { class: 'grid', x1: 0, x2: WIDTH, y1: part * HEIGHT, y2: part * HEIGHT })),
      ...this.paths, this.cursor);
    this.since = make('span', { textContent: '1 min ago' });
    this.top = make('span');
    this.when = make('span', { textContent: 'now' });
    this.figure = make('figure', { className: 'card graph' },
      make('figcaption', {}, make('span', { className: 'title', textContent: title }),
        make('span', { className: 'values' }, ...this.values.map(({ value }) => value))),
      this.svg,
      make('div', { className: 'axis', 'aria-hidden': 'true' }, this.since, this.top, this.when));
    this.title = title;
    this.svg.addEventListener('pointermove', (event) => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.point(null));
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    this.pointed = event && (event.clientX - box.left) / box.width;
    this.update();
  }

  update() {
    const end = samples.at(-1)?.at ?? 0;
    const span = Math.min(SPAN_MS, Math.max(LEAST_SPAN_MS, end - (samples[0]?.at ?? end)));
    const x = (at) => WIDTH * (1 - (end - at) / span);
    const shown = this.series.map(({ of }) => samples.map(of));
    const peak = Math.max(this.least, ...shown.flat().filter((value) => value !== null));
    const top = niceTop(peak);
    shown.forEach((values, place) => this.paths[place].setAttribute('d', line(values, x, top)));
    const at = this.pointed === null ? end : end - span * (1 - this.pointed);
    const sample = samples.findLast((one) => one.at <= at) ?? null;
    this.series.forEach(({ of }, place) => {
      const value = sample && of(sample);
      say(this.values[place].number, value === null || value === undefined ? '–' : this.show(value));
    });
    say(this.since, span < 120_000 ? `${Math.round(span / 1_000)} s ago` : `${Math.round(span / 60_000)} min ago`);
    say(this.top, `top ${this.show(top)}`);
    say(this.when, this.pointed === null ? 'now' : new Date(at).toLocaleTimeString());
    this.cursor.setAttribute('visibility', this.pointed === null ? 'hidden' : 'visible');
    if (this.pointed !== null) ['x1', 'x2'].forEach((end) => this.cursor.setAttribute(end, this.pointed * WIDTH));
    const words = this.series.map(({ name }, place) => `${name} ${this.values[place].number.textContent}`.trim());
    this.svg.setAttribute('aria-label', `${this.title}, last ten minutes: ${words.join(', ')}, top ${this.show(top)}`);
  }
}

/** A path with gaps where nothing was measured or the server was away. */
function line(values, x, top) {
  let path = '';
  let before = null;
  values.forEach((value, place) => {
    const { at } = samples[place];
    if (value === null) {
      before = null;
      return;
    }
    const y = (HEIGHT * (1 - value / top)).toFixed(1);
    const isStart = before === null || at - before > 3_000;
    // Each run begins a second early, so that a lone point is a stroke that can be seen.
    path += isStart ? `M${x(at - 1_000).toFixed(1)} ${y}L${x(at).toFixed(1)} ${y}` : `L${x(at).toFixed(1)} ${y}`;
    before = at;
  });
  return path;
}

/** The next number that is 1, 2 or 5 and zeros. */
function niceTop(peak) {
  const power = 10 ** Math.floor(Math.log10(peak));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= peak);
}

function count(value) {
  return value >= 10_000 ? `${Number((value / 1_000).toPrecision(3))} k` : value.toLocaleString('en');
}

function micros(value) {
  return value < 1_000 ? `${value} µs` : `${Number((value / 1_000).toPrecision(3))} ms`;
}

export function bytes(value) {
  const step = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']].find(([size]) => value >= size);
  return step ? `${Number((value / step[0]).toPrecision(3))} ${step[1]}` : `${value} B`;
}
