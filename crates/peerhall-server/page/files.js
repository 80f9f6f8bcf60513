// Files between the people in a room, as `peerhall send` and `peerhall receive` hand them over (docs/protocol-additions.md,
// "Handing files over"): offers, wishes, and the files as messages with a label. Channels, order, credit, resume and proof
// are the SDK's.

import { Inbox } from './files-inbox.js';
import { Item, unique, words } from './files-item.js';

/** The label that everybody who hands files over uses. */
const LABEL = 'peerhall files';

/** Longest message that is read, in bytes, as everybody who hands files over has it. */
const MAX_WORDS = 1_048_576;

/** Files that are on their way to one receiver at once, so that small ones do not wait for each other. */
const AHEAD = 8;

/**
 * Files of one room. Events (`detail`): `offered` ({ offer }: somebody has files; `offer.take()` takes them), `withdrawn`
 * ({ offer }), `item` ({ item }: a file is on its way), `saved` ({ item, blob }) and `trouble` ({ text }).
 */
export class Files extends EventTarget {
  #room;
  #code;
  #inbox;
  /** Files that are offered, by batch. */
  #batches = new Map();
  /** Which batches each of the others was told of, what it was sent of each, and what of it is stopped. */
  #receivers = new Map();

  /** `room` is one of `peerhall/labelled`. With a `code` files only come, of who proves to have it. */
  constructor(room, code) {
    super();
    this.#room = room;
    this.#code = code;
    const proves = code && ((remote, proof) => code.proves('sender', remote.connection, proof));
    this.#inbox = new Inbox((remote, said) => this.#wish(remote, said), (type, detail) => this.#say(type, detail), proves);
    if (code) this.#follow(room);
    room.on('channel:open', ({ label, remote }) => label === LABEL && this.#opened(remote));
    room.on('channel:message', ({ label, remote, data, info }) => {
      if (label === LABEL) this.#heard(remote, data, info).catch((error) => this.#say('trouble', { text: words(error) }));
      else data.reject?.('nothing is taken here');
    });
    room.on('connection:closed', ({ remote }) => this.#left(remote));
  }

  /** Offers files to everybody who is here and who comes. Throws when they are too many for one offer. */
  offer(files) {
    if (this.#code) throw new Error('Here files only come: whoever sees this channel would read their names.');
    const batch = unique();
    const offer = offering(batch, files);
    if (new TextEncoder().encode(JSON.stringify(offer)).length > MAX_WORDS) {
      throw new RangeError(`${files.length} files are too many for one offer; pack them first.`);
    }
    this.#batches.set(batch, [...files]);
    this.#room.open(LABEL);
    for (const remote of this.#room.connections.values()) {
      if (remote.channels.get(LABEL)?.readyState === 'open') this.#opened(remote);
    }
  }

  /** Shows everybody who comes that the code is known here; a new connection wants a new proof. */
  #follow(room) {
    room.open(LABEL);
    room.on(['connection:connected', 'labelled:ready'], ({ remote }) => {
      const receiver = this.#receiver(remote);
      const proof = this.#code.proof('receiver', remote.connection);
      if (!proof || receiver.proof === proof) return;
      receiver.proof = proof;
      this.#inbox.met(remote);
    });
    room.on('connection:failed', () => this.#say('trouble', {
      text: 'Somebody is here by this code, but no way leads there from this browser. “Check my connection” says why.',
    }));
  }

  /** Says something to a sender, with the proof that it wants. */
  #wish(remote, said) {
    const proof = this.#code?.proof('receiver', remote.connection);
    // Without a connection nobody would believe it; the next one asks anew.
    if (!this.#code || proof) tell(remote, { ...said, proof });
  }

  /** What was told over an earlier connection goes on by itself. */
  #opened(remote) {
    const { told } = this.#receiver(remote);
    for (const [batch, files] of this.#batches) {
      if (told.has(batch)) continue;
      told.add(batch);
      tell(remote, offering(batch, files));
    }
  }

  #receiver({ id }) {
    if (!this.#receivers.has(id)) this.#receivers.set(id, { told: new Set(), grants: new Map(), reading: undefined, proof: undefined });
    return this.#receivers.get(id);
  }

  async #heard(remote, data, info) {
    const receiver = this.#receiver(remote);
    if (data.kind === 'blob') {
      // An offer that came before it is known by then.
      await receiver.reading;
      await this.#inbox.file(remote, data, info);
      return;
    }
    if (data.kind !== 'json' || !(data.total <= MAX_WORDS)) {
      data.reject('not asked for');
      return;
    }
    const reading = this.#read(remote, data);
    receiver.reading = reading.catch(() => {});
    const said = await reading;
    if (said?.type === 'take') await this.#grant(remote, said);
  }

  async #read(remote, data) {
    const said = await data;
    if (said?.type === 'offer') this.#inbox.offered(remote, said);
    if (said?.type === 'done') this.#inbox.done(remote, said.batch);
    return said;
  }

  /** Sends what a receiver wants; an earlier wish of it for the same is over. */
  async #grant(remote, { batch, have }) {
    const files = this.#batches.get(batch);
    if (!files) return;
    const { grants } = this.#receiver(remote);
    const before = grants.get(batch);
    before?.stop.abort(new Error('it was asked for anew'));
    const grant = { stop: new AbortController(), stopped: before?.stopped ?? new Set(), items: before?.items ?? new Map() };
    grants.set(batch, grant);
    const has = new Set(Array.isArray(have) ? have : []);
    const wanted = [...files.keys()].filter((place) => !has.has(place) && !grant.stopped.has(place));
    const { signal } = grant.stop;
    const next = async () => {
      while (!signal.aborted && wanted.length > 0) {
        const place = wanted.shift();
        await this.#send(remote, grant, files[place], { batch, file: place });
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, next));
    if (!signal.aborted) tell(remote, { type: 'done', batch });
  }

  async #send(remote, grant, file, info) {
    const transfer = remote.send(file, { label: LABEL, info, signal: grant.stop.signal });
    const item = this.#item(remote, grant, info, file, transfer);
    try {
      for await (const { acked, rate, left } of transfer) {
        if (item.state === 'paused') item.become('paused', { moved: acked });
        else item.become('moves', { moved: acked, rate, left });
      }
      const { proof } = await transfer;
      item.become('done', { moved: file.size, proof });
    } catch (error) {
      // One that was asked for anew is on its way again, in the same row.
      if (this.#receivers.get(remote.id)?.grants.get(info.batch) !== grant) return;
      item.become('failed', { why: grant.stopped.has(info.file) ? 'you stopped it' : words(error) });
    }
  }

  /** The row of a file to a receiver: the same when it is asked for again. */
  #item(remote, grant, { file: place }, { name, size }, transfer) {
    const known = grant.items.get(place);
    const item = known ?? new Item({ isOwn: true, peer: remote.id, name, size });
    item.pause = (paused) => {
      if (paused) transfer.pause();
      else transfer.resume();
      item.become(paused ? 'paused' : 'moves', { rate: 0, left: undefined });
    };
    item.abort = () => {
      grant.stopped.add(place);
      transfer.abort('the sender stopped it');
    };
    item.become('waits', { moved: 0, rate: 0, left: undefined });
    grant.items.set(place, item);
    if (!known) this.#say('item', { item });
    return item;
  }

  #left(remote) {
    this.#inbox.left(remote);
    const receiver = this.#receivers.get(remote.id);
    this.#receivers.delete(remote.id);
    for (const { stop, items } of receiver?.grants.values() ?? []) {
      stop.abort(new Error('the receiver left'));
      for (const item of items.values()) {
        if (!item.isOver) item.become('failed', { why: 'the receiver left' });
      }
    }
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const offering = (batch, files) => ({ type: 'offer', batch, files: [...files].map(({ name, size }) => ({ name, size })) });

/** Says something to somebody. What does not arrive is of no use to one who has left. */
function tell(remote, said) {
  remote.send(said, LABEL).catch(() => {});
}
