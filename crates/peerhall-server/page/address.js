// What the address of the page says behind `#`, which no server sees.

/** `channel`, or the `code` of `peerhall send`, and a `key`. */
export function asked(hash = location.hash) {
  const said = new URLSearchParams(hash.slice(1));
  return { channel: said.get('channel'), code: said.get('code'), key: said.get('key') };
}

/** Keeps what a reload needs to come back here. */
export function remember(place) {
  const { key } = asked();
  history.replaceState(null, '', `#${new URLSearchParams(key ? { ...place, key } : place)}`);
}
