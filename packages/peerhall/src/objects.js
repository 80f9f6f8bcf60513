// Numbers for objects of the browser: the engines speak of tracks, streams and channels by number.

const numbers = new WeakMap();
let next = 1;

/** The number of an object; the same for as long as it lives. */
export function numberOf(object) {
  let number = numbers.get(object);
  if (number === undefined) {
    number = next++;
    numbers.set(object, number);
  }
  return number;
}

/** The tracks that an application sends, with the streams that they were added with. */
export class LocalMedia {
  /** What is sent beside them under labels, by number: `{track, stream, attach}`. */
  shared = new Map();
  #tracks = new Map();

  /** As the peer numbers objects: who was loaded apart from it would count anew. */
  numberOf(object) {
    return numberOf(object);
  }

  has(track) {
    return this.#tracks.has(numberOf(track));
  }

  /** Keeps a track; one that is kept already stays as it is. */
  keep(track, stream) {
    if (!this.has(track)) this.#tracks.set(numberOf(track), { track, stream });
  }

  forget(track) {
    this.#tracks.delete(numberOf(track));
  }

  forgetStream(stream) {
    for (const { track, stream: own } of [...this.#tracks.values()]) {
      if (own === stream) this.forget(track);
    }
  }

  clear() {
    this.#tracks.clear();
  }

  /** Track and stream of a number, or nothing. */
  get(number) {
    return this.shared.get(number) ?? this.#tracks.get(number) ?? {};
  }
}

/** A track as the engines know it. */
export const described = (track) => ({ key: numberOf(track), id: track.id, kind: track.kind });
