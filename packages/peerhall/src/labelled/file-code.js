import { engines } from '../engines.js';
import { LabelledError } from './errors.js';

/** What follows from a code and a connection (`crates/peerhall-wasm/src/file_code.rs`). */
const follow = (question) => engines().open(question).code;

/** The code of `peerhall send`: where to meet, and proofs that both ends have it. What follows from it is the engine's. */
export class FileCode {
  /** Throws a `LabelledError` when the text is no code. */
  constructor(text) {
    const known = follow({ code: String(text) });
    if (!known) throw new LabelledError('bad_code', 'a code has 16 letters and digits');
    [this.code, this.channel] = known.split(' ');
    Object.freeze(this);
  }

  proof(speaker, connection) {
    return this.#of(connection, { speaker });
  }

  proves(speaker, connection, given = '') {
    return Boolean(this.#of(connection, { speaker, given }));
  }

  #of(connection, more) {
    const { currentLocalDescription: local, currentRemoteDescription: remote } = connection ?? {};
    return follow({ code: this.code, local: local?.sdp, remote: remote?.sdp, ...more });
  }
}
