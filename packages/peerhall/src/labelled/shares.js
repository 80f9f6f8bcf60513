// Streams that are shared under labels, with everybody or with one. Which tracks come, go, or take each other's place
// is decided by the engine.

import { LocalMedia, numberOf } from '../objects.js';

/** The tracks of an application, and those of its shares beside them. */
export class SharedMedia extends LocalMedia {
  #shared = new Map();

  get(number) {
    return this.#shared.get(number) ?? super.get(number);
  }

  share(number, entry) {
    this.#shared.set(number, entry);
  }

  /** Forgets a track of a share, and gives it back. */
  unshare(number) {
    const entry = this.#shared.get(number);
    this.#shared.delete(number);
    return entry?.track;
  }
}

/** The shares with everybody, or with the one whose `key` is given. */
export class Shares {
  #engine;
  #media;
  #key;
  #shared = new Map();

  constructor(engine, media, key) {
    this.#engine = engine;
    this.#media = media;
    this.#key = key;
  }

  /** Labels, with what was shared under them. */
  get labels() {
    return new Map([...this.#shared].map(([label, { options }]) => [label, options]));
  }

  share(given) {
    const options = given instanceof MediaStream ? { label: given.id, stream: given } : { label: 'default', ...given };
    const { label, stream } = options;
    const tracks = stream?.getTracks() ?? [];
    if (tracks.length === 0) return undefined;
    const before = this.#shared.get(label);
    const sent = before?.sent ?? new MediaStream();
    const entries = tracks.map((track) => ({ key: numberOf({}), object: numberOf(track), id: track.id, kind: track.kind }));
    entries.forEach(({ key }, place) => this.#media.share(key, entryOf(tracks[place], sent, options)));
    try {
      this.#ask('share', label, before?.options, { stream: numberOf(sent), streamId: sent.id, tracks: entries });
    } catch (error) {
      entries.forEach(({ key }) => this.#media.unshare(key));
      throw error;
    }
    for (const track of sent.getTracks()) if (!tracks.includes(track)) sent.removeTrack(track);
    for (const track of tracks) sent.addTrack(track);
    this.#shared.set(label, { sent, options });
    return stream;
  }

  unshare(given) {
    const label = typeof given === 'string' ? given : given instanceof MediaStream ? given.id : given?.label ?? 'default';
    const before = this.#shared.get(label);
    if (!before) return undefined;
    this.#ask('unshare', label, before.options, {});
    this.#shared.delete(label);
    return before.options.stream;
  }

  /** Everything ends; what was managed is stopped. */
  end() {
    for (const label of [...this.#shared.keys()]) this.unshare(label);
  }

  #ask(call, label, before, more) {
    const key = this.#key === undefined ? {} : { key: this.#key };
    const answer = this.#engine.look({ do: 'label', call, label, ...key, ...more });
    if (answer?.error) throw this.#engine.error(answer.error);
    for (const number of answer?.gone ?? []) {
      const track = this.#media.unshare(number);
      if (before?.managed) track?.stop();
    }
    for (const number of answer?.unused ?? []) this.#media.unshare(number);
    this.#engine.tell({ do: 'label', call: 'go' });
  }
}

/** How a track travels: in a section of its own, with the application's wishes for its encoding. */
function entryOf(track, sent, { audioParameters, videoParameters }) {
  const wishes = track.kind === 'audio' ? audioParameters : videoParameters;
  const attach = (pc) => {
    const { sender } = pc.addTransceiver(track, { direction: 'sendonly', streams: [sent] });
    const parameters = wishes && sender.getParameters();
    if (parameters?.encodings?.length) {
      for (const encoding of parameters.encodings) Object.assign(encoding, wishes);
      // What a browser does not take is a wish, not a condition.
      sender.setParameters(parameters).catch(() => {});
    }
    return sender;
  };
  return { track, stream: sent, attach };
}
