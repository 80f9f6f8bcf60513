// Streams that are shared under labels, with everybody or with one. Which tracks come, go, or take each other's place
// is decided by the engine.

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
    const media = this.#media;
    const entries = tracks.map((track) => ({ key: media.numberOf({}), object: media.numberOf(track), id: track.id, kind: track.kind }));
    entries.forEach(({ key }, place) => media.shared.set(key, entryOf(tracks[place], sent, options)));
    try {
      this.#ask('share', label, before?.options, { stream: media.numberOf(sent), streamId: sent.id, tracks: entries });
    } catch (error) {
      entries.forEach(({ key }) => media.shared.delete(key));
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
      const { track } = this.#media.get(number);
      this.#media.shared.delete(number);
      if (before?.managed) track?.stop();
    }
    for (const number of answer?.unused ?? []) this.#media.shared.delete(number);
    this.#engine.tell({ do: 'label', call: 'go' });
  }
}

/** How a track travels: in a section of its own, with the application's wishes for its encoding. */
function entryOf(track, sent, { audioParameters, videoParameters }) {
  const wishes = track.kind === 'audio' ? audioParameters : videoParameters;
  const attach = (pc) => {
    // Not `sendonly`: the other side may put a track of its own into the same section, and would be told that nobody wants it.
    const { sender } = pc.addTransceiver(track, { streams: [sent] });
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
