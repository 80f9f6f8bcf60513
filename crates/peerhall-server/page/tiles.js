// A tile for everything that is shown or said, with a ring for how well it comes and a badge for its way.

import { byId } from './dom.js';

const QUALITY = { good: 'good connection', fair: 'fair connection', poor: 'poor connection', lost: 'connection lost' };

/** How long a picture may take to come over a new connection. */
const KEPT_MS = 15_000;

const tiles = new Map();
/** What is known of each remote peer: `{ quality, path, state }`. */
const links = new Map();

/** Shows what a remote peer shares, for as long as it does. `nameOf(id)` is asked whenever names change. */
export function watch(remote, nameOf) {
  const { id } = remote;
  const learn = (what) => {
    links.set(id, { ...links.get(id), ...what });
    refresh(nameOf);
  };
  links.set(id, {});
  remote.on('stream-added', ({ stream, metadata }) => {
    show(`${id} ${stream.id}`, { id, stream, isScreen: metadata?.role === 'screen' });
    refresh(nameOf);
  });
  remote.on('stream-removed', ({ stream }) => drop(`${id} ${stream.id}`));
  remote.on('quality', ({ quality }) => learn({ quality }));
  remote.on('path', ({ path }) => learn({ path }));
  remote.on('state-change', ({ to }) => learn({ state: to }));
  remote.on('connection-reset', () => {
    // Its streams come again over the new connection, and until then their places are kept.
    keepForAWhile(id);
    learn({ quality: undefined, path: undefined });
  });
}

/** Drops what a peer showed before and does not show again soon. */
function keepForAWhile(id) {
  const own = [...tiles].filter(([, tile]) => tile.id === id);
  own.forEach(([, tile]) => (tile.isStale = true));
  setTimeout(() => own.forEach(([key, tile]) => tile.isStale && tiles.get(key) === tile && drop(key)), KEPT_MS);
}

export function forget(id) {
  for (const key of [...tiles.keys()]) if (tiles.get(key).id === id) drop(key);
  links.delete(id);
}

export function forgetAll() {
  for (const id of new Set([...tiles.values()].map((tile) => tile.id))) forget(id);
}

/** Shows or hides one's own picture. */
export function showOwn(role, stream, nameOf) {
  const key = `self ${role}`;
  if (stream) show(key, { id: 'self', stream, isScreen: role === 'screen' });
  else drop(key);
  refresh(nameOf);
}

/** Puts names, rings and badges where they belong. */
export function refresh(nameOf) {
  for (const { id, isScreen, figure } of tiles.values()) {
    const name = nameOf(id);
    const caption = figure.querySelector('figcaption');
    const text = isScreen ? `${name}: screen` : name;
    if (caption.textContent !== text) caption.textContent = text;
    const { quality, path, state } = links.get(id) ?? {};
    const ring = state === 'reconnecting' ? 'lost' : quality;
    figure.dataset.quality = ring ?? '';
    const badge = figure.querySelector('.path');
    badge.hidden = !path;
    badge.textContent = path ?? '';
    badge.title = path === 'relay' ? 'goes over a relay' : 'goes directly from one to the other';
    figure.querySelector('.quality').textContent = ring ? QUALITY[ring] : '';
  }
}

function show(key, { id, stream, isScreen }) {
  let tile = tiles.get(key);
  if (!tile) {
    const figure = byId('tile-template').content.cloneNode(true).firstElementChild;
    tile = { id, isScreen, figure };
    tiles.set(key, tile);
    byId('tiles').append(figure);
  }
  tile.isStale = false;
  tile.figure.classList.toggle('own', id === 'self' && !isScreen);
  tile.figure.classList.toggle('screen', isScreen);
  const video = tile.figure.querySelector('video');
  video.muted = id === 'self';
  if (video.srcObject !== stream) video.srcObject = stream;
}

function drop(key) {
  const tile = tiles.get(key);
  if (!tile) return;
  tile.figure.querySelector('video').srcObject = null;
  tile.figure.remove();
  tiles.delete(key);
}
