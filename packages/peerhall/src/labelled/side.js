// What is between this peer and one other: data channels, messages on their way. What the engine wants of them is done
// here, by a method for each word (`crates/peerhall-wasm/src/labels/told.rs`), and what happens is told to it.

import { Incoming } from './incoming.js';
import { described, own } from './sources.js';
import { Transfer } from './transfer.js';

/** Number of a channel that neither side uses: a negotiated one is not announced to the other side. */
const PROBE = 1_022;

/** How often a buffer with something in it is looked at: browsers tell only when it crosses the low mark. */
const RECHECK_MS = 100;

/** Bytes in a channel's buffer at which sending goes on, as in `crates/peerhall-labelled/src/options.rs`. */
const BUFFER_LOW = 131_072;

export class Side {
  #engine;
  #key;
  #link;
  #limit;
  #hear;
  /** Data channels by number. */
  #channels = new Map();
  /** Channels whose buffers are looked at soon. */
  #rechecks = new Set();
  #outgoing = new Map();
  #incoming = new Map();
  /** The message that is reported at this moment. */
  #given;

  /** `hear(group, name, detail)` shows an event and says whether somebody has seen it; `limit` is for promises. */
  constructor(engine, key, link, limit, hear) {
    this.#engine = engine;
    this.#key = key;
    this.#link = link;
    this.#limit = limit;
    this.#hear = hear;
  }

  /** Asks for something of the session with the other side. */
  ask(call, more) {
    return this.#engine.tell({ do: 'label', call, key: this.#key, ...more });
  }

  /** Sends a message; what is not taken fails as what does not arrive. `id` is the other side's. */
  send(id, message, { label = 'default', info, signal } = {}) {
    const { source, request } = described(message, info);
    const answer = signal?.aborted
      ? { aborted: true }
      : this.#engine.look({ do: 'label', call: 'send', key: this.#key, label, ...request });
    const { transfer: number, error, aborted } = answer;
    const transfer = new Transfer({
      abort: (reason) => this.#abort(number, reason),
      pause: (paused) => this.ask('pause', { transfer: number, paused }),
    });
    if (aborted || error) {
      const why = aborted ? signal.reason : this.#engine.error(error);
      source.end(why);
      transfer.fail(why);
      return transfer;
    }
    const stop = () => this.#abort(number, signal.reason);
    signal?.addEventListener('abort', stop);
    const forget = () => signal?.removeEventListener('abort', stop);
    this.#outgoing.set(number, { transfer, source, id, label, forget, beginning: 0 });
    this.ask('go');
    return transfer;
  }

  /** Takes a channel that the remote opened, if it is a labelled one. */
  takes(channel) {
    const { label, ordered, maxRetransmits, maxPacketLifeTime, protocol } = channel;
    const options = { ordered, maxRetransmits, maxPacketLifeTime, protocol };
    const taken = this.#engine.look({ do: 'label', call: 'channel', key: this.#key, label, options });
    if (taken) this.#attach(taken.channel, channel, taken.framed);
    return Boolean(taken);
  }

  /** The connection was replaced, and its channels with it. */
  reset() {
    this.#channels.clear();
  }

  create({ channel: number, label, init, framed }) {
    try {
      this.#attach(number, this.#link().pc.createDataChannel(label, init), framed);
    } catch {
      // The connection has ended, and is replaced.
    }
  }

  negotiate() {
    try {
      this.#link().pc.createDataChannel('', { negotiated: true, id: PROBE });
    } catch {
      // The same.
    }
  }

  transmit({ channel: number, at, count }) {
    try {
      // A channel takes a copy.
      this.#channels.get(number)?.send(this.#engine.view(at, count));
    } catch {
      // One that is closed says so itself, and none gets more than fits.
    }
    this.#recheck(number);
  }

  close({ channel: number }) {
    const channel = this.#channels.get(number);
    this.#channels.delete(number);
    channel?.close();
  }

  want({ transfer: number, count }) {
    const sent = this.#outgoing.get(number);
    if (!sent) return;
    const { source, beginning } = sent;
    const give = ({ bytes, last }) => {
      // A channel whose buffer was never above the low mark does not say that it has run down.
      this.#rechecks.forEach((channel) => this.#look(channel));
      if (sent.beginning === beginning) this.ask('provide', { transfer: number, bytes, last });
    };
    let read;
    try {
      read = source.read(count);
    } catch (error) {
      this.#abort(number, error);
      return;
    }
    if (read.then) read.then(give, (error) => this.#abort(number, error));
    else give(read);
  }

  rewind({ transfer: number }) {
    const sent = this.#outgoing.get(number);
    if (!sent) return;
    sent.beginning += 1;
    if (!sent.source.rewind()) this.ask('cannotRewind', { transfer: number });
  }

  progress({ transfer: number, progress }) {
    const { transfer, id, label } = this.#outgoing.get(number) ?? {};
    transfer?.show({ id, label, ...progress });
  }

  sent({ transfer: number, receipt }) {
    const sent = this.#sentEnds(number);
    sent?.source.end();
    sent?.transfer.succeed(receipt);
  }

  failed({ transfer: number, error }) {
    const sent = this.#sentEnds(number);
    const why = sent && 'reason' in sent ? sent.reason : this.#engine.error(error);
    sent?.source.end(why);
    sent?.transfer.fail(why);
  }

  ready() {
    this.#hear('labelled', 'ready', {});
  }

  way({ way }) {
    this.#hear('way', way, { way });
  }

  overQuota({ error }) {
    this.#hear('error', 'over-quota', { error: this.#engine.error(error) });
  }

  unlabelled() {
    this.#hear('labelled', 'refused', {});
  }

  opening({ label, channel: number }) {
    this.#hear('channel', 'new', { label, channel: this.#channels.get(number) });
  }

  opened({ label }) {
    this.#hear('channel', 'open', { label });
  }

  closed({ label }) {
    this.#hear('channel', 'close', { label });
  }

  refused({ label }) {
    this.#hear('channel', 'error', { label, error: new Error('the other side does not open this channel') });
  }

  cutOff({ error }) {
    this.#hear('error', 'cut-off', { error: this.#engine.error(error) });
  }

  incoming({ incoming: number, label, info, ...offer }) {
    const ask = (call, more) => this.ask(call, { incoming: number, ...more });
    const data = new Incoming(offer, {
      accept: () => ask('accept'),
      had: (bytes) => ask('had', { bytes }),
      read: (bytes) => ask('read', { bytes }),
      cancel: (reason) => ask('cancel', { reason }),
    }, this.#limit);
    this.#incoming.set(number, data);
    // What nobody hears would hold up what comes after it.
    if (!this.#hear('channel', 'message', { label, data, info: own(info) })) data.reject('nobody listens');
  }

  /** Bytes of a message; most are a part of what was just reported. */
  data({ incoming, bytes, at, count }) {
    this.#incoming.get(incoming)?.push(bytes ?? this.#given.subarray(at, at + count));
  }

  complete({ incoming, receipt }) {
    this.#incoming.get(incoming)?.over({ receipt });
    this.#incoming.delete(incoming);
  }

  broken({ incoming, error }) {
    this.#incoming.get(incoming)?.over({ error: this.#engine.error(error) });
    this.#incoming.delete(incoming);
  }

  /** Tells what a channel holds back as long as that is something. */
  #recheck(number) {
    if (this.#rechecks.has(number)) return;
    this.#rechecks.add(number);
    setTimeout(() => {
      this.#rechecks.delete(number);
      this.#look(number);
    }, RECHECK_MS);
  }

  #look(number) {
    const channel = this.#channels.get(number);
    if (channel?.readyState !== 'open') return;
    const bytes = channel.bufferedAmount;
    if (bytes > 0) this.#recheck(number);
    this.ask('buffered', { channel: number, bytes });
  }

  #sentEnds(number) {
    const sent = this.#outgoing.get(number);
    this.#outgoing.delete(number);
    sent?.forget();
    return sent;
  }

  /** The promise rejects with the very reason; the other side gets its words. */
  #abort(number, reason) {
    const sent = this.#outgoing.get(number);
    if (!sent) return;
    sent.reason = reason ?? new DOMException('given up', 'AbortError');
    const words = reason instanceof Error ? reason.message : String(reason ?? '');
    this.ask('abort', { transfer: number, reason: words });
  }

  #attach(number, channel, framed) {
    this.#channels.set(number, channel);
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = BUFFER_LOW;
    const [engine, key] = [this.#engine, this.#key];
    const report = (call, more) => engine.tell({ do: 'label', call, key, channel: number, ...more });
    const hear = (data) => {
      if (!framed) this.#hear('channel', 'message', { label: channel.label, channel, data });
      else {
        this.#given = typeof data === 'string' ? data : new Uint8Array(data);
        report('message', { buffered: channel.bufferedAmount, data: this.#given });
      }
    };
    // Chromium may tell of the other side's first messages before it tells that the channel is open.
    let early = [];
    const opened = () => {
      const before = early;
      early = undefined;
      if (!before) return;
      report('opened', { stream: channel.id });
      before.forEach(hear);
    };
    channel.addEventListener('open', opened);
    channel.addEventListener('close', () => {
      if (this.#channels.delete(number)) report('closed');
    });
    channel.addEventListener('bufferedamountlow', () => report('buffered', { bytes: channel.bufferedAmount }));
    channel.addEventListener('message', ({ data }) => (early ? early.push(data) : hear(data)));
    if (channel.readyState === 'open') opened();
  }
}
