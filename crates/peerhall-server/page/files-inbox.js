// What others offer, and what of it comes here.

import { Item, Meter, unique, words } from './files-item.js';
import { Kept } from './files-kept.js';

/** Offers of one sender that are shown. */
const MOST_OFFERS = 8;

/** Files whose parts are kept, to go on with them; beyond, the oldest go. */
const MOST_PARTS = 64;

/** How often what did not come is asked for again by itself. */
const ATTEMPTS = 2;

/** Bytes that are put together at a time. */
const PART = 4 * 1_048_576;

/** Silence after which a file is shown to rest. */
const RESTS_AFTER_MS = 2_000;

/** What somebody offers. `state` is `offered`, `taken`, `here` or `partly`. */
class Offer extends EventTarget {
  state = 'offered';
  /** Places of files that are here. */
  have = new Set();
  /** Places of files that one of the two sides stopped. */
  unwanted = new Set();
  /** Files that come, by place. */
  coming = new Map();
  /** What the page shows of them, by place: the same when one comes again. */
  items = new Map();
  attempts = 0;
  #ask;

  constructor({ remote, batch, files, proof, ask }) {
    super();
    Object.assign(this, { remote, batch, files, proof });
    this.#ask = ask;
  }

  /** Takes all that is not here. */
  take() {
    this.attempts = 0;
    this.unwanted.clear();
    this.become('taken');
    this.#ask(this);
  }

  /** These files came before the page was loaded anew. Who has had all of them may want them once more. */
  had(places) {
    if (this.state !== 'offered' || places.length === 0 || places.length >= this.files.length) return;
    this.have = new Set(places);
    this.become('partly');
  }

  /** Takes a file after all that was held back. */
  takeOne(place) {
    this.attempts = 0;
    this.unwanted.delete(place);
    this.become('taken');
    this.#ask(this);
  }

  /** Asks for what did not come, though both sides want it. */
  takeRest() {
    this.attempts += 1;
    this.#ask(this);
  }

  get missing() {
    return this.files.length - this.have.size;
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event('changed'));
  }
}

export class Inbox {
  #tell;
  #say;
  #proves;
  #me = unique();
  /** What others offer, by peer and batch. */
  #offers = new Map();
  /** What of a file has come, by its content. */
  #parts = new Map();
  /** The same, over a reload. */
  #kept = new Kept();

  /**
   * `tell(remote, said)` says something to a sender, `say(type, detail)` to the page. With a code `proves(remote, proof)`
   * says whether a sender has it at this moment; files of others do not come here.
   */
  constructor(tell, say, proves) {
    this.#tell = tell;
    this.#say = say;
    this.#proves = proves;
  }

  /** Somebody is connected who may have the files of the code. What was taken goes on, as far as it did not come. */
  met(remote) {
    const taken = this.#of(remote).filter(({ state }) => state === 'taken');
    if (taken.length === 0) this.#tell(remote, { type: 'ask' });
    for (const offer of taken) this.#ask(offer);
  }

  /** Somebody has files. */
  offered(remote, { batch, files, proof }) {
    const fits = typeof batch === 'string' && Array.isArray(files) && files.length > 0
      && files.every((file) => typeof file?.name === 'string' && Number.isSafeInteger(file.size) && file.size >= 0);
    if (!fits) return;
    if (!this.#isProved(remote, proof)) {
      this.#say('trouble', { text: 'Somebody here offers files without knowing the code. They are not shown.' });
      return;
    }
    const known = this.#offers.get(keyOf(remote, batch));
    if (known) {
      known.proof = proof;
      // With a code whoever comes back is asked before it offers.
      if (this.#proves) return;
      // It came back, and may not know any more what was asked for.
      if (known.state === 'taken' && known.coming.size === 0) this.#ask(known);
      return;
    }
    if (this.#of(remote).length >= MOST_OFFERS) return;
    const offer = new Offer({ remote, batch, files, proof, ask: (of) => this.#ask(of) });
    this.#offers.set(keyOf(remote, batch), offer);
    this.#say('offered', { offer });
    this.#kept.here(batch).then((places) => offer.had(places));
  }

  /** A sender has sent all it could. */
  done(remote, batch) {
    const offer = this.#offers.get(keyOf(remote, batch));
    if (offer?.state !== 'taken') return;
    if (offer.missing === 0) offer.become('here');
    else if (offer.missing === offer.unwanted.size || offer.attempts >= ATTEMPTS) offer.become('partly');
    else offer.takeRest();
  }

  /** A file comes: one that was asked for, or it is refused. */
  async file(remote, data, info) {
    const offer = this.#expecting(remote, data, info);
    if (!offer) {
      data.reject('not asked for');
      return;
    }
    const place = info.file;
    const before = offer.coming.get(place);
    const coming = { item: this.#item(offer, place, data), stop: (why) => data.reject(why), isStopped: false, isHeld: false };
    offer.coming.set(place, coming);
    before?.stop('it comes anew');
    coming.ended = Promise.resolve(before?.ended).then(() => this.#take(offer, place, coming, data));
    await coming.ended;
  }

  left(remote) {
    for (const offer of this.#of(remote)) {
      this.#offers.delete(keyOf(remote, offer.batch));
      for (const item of offer.items.values()) {
        if (item.state === 'paused') item.become('failed', { why: 'the sender left' });
      }
      this.#say('withdrawn', { offer });
    }
  }

  #item(offer, place, data) {
    const known = offer.items.get(place);
    const item = known ?? new Item({ isOwn: false, peer: offer.remote.id, name: data.fileName ?? 'file', size: data.total });
    item.abort = () => {
      offer.unwanted.add(place);
      const coming = offer.coming.get(place);
      if (coming) {
        coming.isStopped = true;
        coming.stop('the receiver stopped it');
      } else {
        item.become('failed', { why: 'you stopped it' });
      }
    };
    item.pause = (paused) => {
      if (paused) this.#hold(offer, place);
      else offer.takeOne(place);
    };
    item.become('waits', { rate: 0, left: undefined });
    offer.items.set(place, item);
    if (!known) this.#say('item', { item });
    return item;
  }

  /** What has come of a file stays here, and no more comes until it is asked for again: the sender would not wait for ever. */
  #hold(offer, place) {
    offer.unwanted.add(place);
    const coming = offer.coming.get(place);
    if (coming) {
      coming.isHeld = true;
      coming.stop('the receiver paused it');
    } else {
      offer.items.get(place)?.become('paused', { rate: 0, left: undefined });
    }
  }

  async #take(offer, place, coming, data) {
    const { item } = coming;
    const begun = data.content ? await this.#begun(data) : undefined;
    let whole = begun ?? new Blob([]);
    try {
      if (begun) {
        item.become('waits', { moved: begun.size });
        await data.goOn(begun);
      }
      whole = await read(data, item, whole, (blob, piece) => {
        if (data.content && piece.size > 0) this.#kept.piece(data.content, whole.size, piece);
        whole = blob;
      });
      // What was proved, was proved of another connection then.
      if (!this.#isProved(offer.remote, offer.proof)) throw new Error('the connection was replaced');
      this.#forget(data.content);
      offer.have.add(place);
      this.#kept.note(offer.batch, offer.have);
      item.become('done', { moved: whole.size, proof: data.receipt.proof });
      this.#say('saved', { item, blob: whole });
    } catch (error) {
      this.#keep(data.content, whole, error);
      await this.#kept.settled();
      if (offer.coming.get(place) !== coming) return;
      if (coming.isHeld) item.become('paused', { rate: 0, left: undefined });
      else item.become('failed', { why: coming.isStopped ? 'you stopped it' : words(error) });
    } finally {
      if (offer.coming.get(place) === coming) offer.coming.delete(place);
    }
  }

  /** What is here of a file already. */
  async #begun({ content, total }) {
    const begun = this.#parts.get(content) ?? await this.#kept.beginning(content);
    return begun?.size <= total ? begun : undefined;
  }

  #forget(content) {
    if (!content) return;
    this.#parts.delete(content);
    this.#kept.forget(content);
  }

  /** What is here of a file need not come again, unless it is not what was sent. */
  #keep(content, whole, error) {
    if (error?.code === 'proof_mismatch') this.#forget(content);
    if (!content || error?.code === 'proof_mismatch' || whole.size === 0) return;
    this.#parts.delete(content);
    this.#parts.set(content, whole);
    if (this.#parts.size > MOST_PARTS) this.#parts.delete(this.#parts.keys().next().value);
  }

  /** The offer in which a file is that was taken and is not here. */
  #expecting(remote, data, info) {
    const offer = this.#offers.get(keyOf(remote, info?.batch));
    const place = info?.file;
    const file = Number.isSafeInteger(place) ? offer?.files[place] : undefined;
    const isWanted = offer?.state === 'taken' && !offer.have.has(place) && !offer.unwanted.has(place);
    return file && isWanted && file.size === data.total && this.#isProved(remote, offer.proof) ? offer : undefined;
  }

  #isProved(remote, proof) {
    return !this.#proves || this.#proves(remote, proof);
  }

  #ask(offer) {
    const have = [...offer.have, ...offer.unwanted];
    this.#tell(offer.remote, { type: 'take', batch: offer.batch, receiver: this.#me, have });
  }

  #of(remote) {
    return [...this.#offers.values()].filter((offer) => offer.remote === remote);
  }
}

const keyOf = (remote, batch) => JSON.stringify([remote.id, batch]);

/** Reads a file to its end. Parts go into a blob, which browsers keep outside of memory. */
async function read(data, item, begun, keep) {
  let [whole, parts, held] = [begun, [], 0];
  const put = () => {
    const piece = new Blob(parts);
    whole = new Blob([whole, piece]);
    [parts, held] = [[], 0];
    keep(whole, piece);
  };
  const meter = new Meter(begun.size);
  let resting;
  const watch = () => {
    clearTimeout(resting);
    resting = setTimeout(() => item.become('rests', { moved: whole.size + held, rate: 0, left: undefined }), RESTS_AFTER_MS);
  };
  try {
    watch();
    for await (const chunk of data) {
      parts.push(chunk);
      held += chunk.length;
      const moved = whole.size + held;
      if (held >= PART) put();
      const rate = meter.at(moved);
      if (rate === undefined) continue;
      watch();
      item.become('moves', { moved, rate, left: rate > 0 ? ((item.size - moved) / rate) * 1_000 : undefined });
    }
  } finally {
    clearTimeout(resting);
    put();
  }
  return whole;
}
