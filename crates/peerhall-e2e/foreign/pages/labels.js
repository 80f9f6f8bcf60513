// Runs in a page of the tests: one member of a room with labels, of the package's entry `peerhall/labelled`. Tests
// import it beside the guests of `peer.js`, and reach what it exports.

import { Room } from '/labelled.js';

/** What happened, oldest first: `{ event, id, label? }`. */
export const log = [];

/** Messages that came, oldest first. */
export const messages = [];

/** Streams that came, by label. */
export const streams = new Map();

export let room;

/** How messages are taken: by a promise, as a stream, or not at all until told. */
let taking = 'promise';

export const take = (how) => (taking = how);

/** Joins under a name; everything that comes is taken. */
export async function enter({ url, name, jwt, labels = ['chat'], options = {} }) {
  const tokenProvider = async () => jwt ?? (await fetch(`/token?peer=${name}`)).text();
  room = new Room({ url, tokenProvider, ...options });
  for (const group of ['connection', 'channel', 'stream', 'track', 'labelled', 'error']) {
    room.on(group, ({ id, name: what, label }) => log.push({ event: `${group}:${what}`, id, label }));
  }
  room.on('channel:message', (event) => void receive(event));
  room.on('stream:add', ({ stream, label }) => streams.set(label, stream));
  labels.forEach((label) => room.open(label));
  await room.join('room');
}

async function receive({ id, label, data, info }) {
  const message = { from: id, label, info, kind: data.kind, total: data.total, fileName: data.fileName, mimeType: data.mimeType, content: data.content, data };
  messages.push(message);
  if (taking === 'never' || data instanceof ArrayBuffer || typeof data === 'string') return;
  try {
    if (taking === 'stream') await drain(message);
    else message.value = await data;
    message.receipt = data.receipt;
  } catch (error) {
    message.error = { code: error.code, message: error.message, reason: error.reason };
  }
  message.over = true;
}

/** Reads a message piece by piece and keeps no more than asked for in `part`, from the beginning. */
async function drain(message) {
  message.size = 0;
  message.part = [];
  for await (const chunk of message.data) {
    message.size += chunk.length;
    if (message.keep) message.part.push(chunk);
  }
}

/** Waits until `check` gives something truthy, looking whenever the page has time. */
export async function until(check, what, patience = 60_000) {
  const end = performance.now() + patience;
  for (let found; ; ) {
    if ((found = await check())) return found;
    if (performance.now() > end) throw new Error(`not within ${patience} ms: ${what}; ${JSON.stringify(log.slice(-20))}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for a remote peer with whom a label is open. */
export const other = (id, label = 'chat') =>
  until(() => room.connections.get(id)?.channels.get(label)?.readyState === 'open' && room.connections.get(id), `${label} with ${id}`);

/** The message with this number, once it has ended. */
export async function ended(place) {
  const message = await until(() => messages[place]?.over && messages[place], `message ${place}`, 120_000);
  return { ...message, data: undefined, part: undefined, value: undefined };
}

/** Bytes without a pattern, the same for the same seed everywhere. */
export function noise(seed, size) {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed >>> 0 || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state >>> 0;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** SHA-256 of bytes or of a blob, in hexadecimal: by the browser, not by what is tested. */
export async function digest(data) {
  const bytes = data instanceof Blob ? await data.arrayBuffer() : data;
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...found].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A stream of unknown length of these bytes, in chunks of this size. */
export function streamed(bytes, chunk) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += chunk)));
    },
  }, { highWaterMark: 0 });
}
