// The border to WebAssembly (`crates/peerhall-wasm/src/js.rs` is the other side). Values have numbers over
// there; the list of them is here. Texts travel as UTF-16 units, which is what both sides count in.

import { jsonBytes } from './json.js';

/** Values whose numbers never change. 0 is the number of what is not there; nobody has that object. */
const FIXED = [{}, undefined, null, false, true];

/** Most units that are made into text at once; more arguments than engines take would be needed otherwise. */
const CHUNK = 8192;

/** Starts the engines: functions on plain values, as `crates/peerhall-wasm/src/lib.rs` tells of them. */
export function start(bytes) {
  const values = [...FIXED];
  const free = [];
  // What names and lists of names were written out already, by their place.
  const names = [];
  const lists = [];

  const keep = (value) => {
    const fixed = value && value !== true ? -1 : FIXED.indexOf(value);
    if (fixed >= 0) return fixed;
    const number = free.pop() ?? values.length;
    values[number] = value;
    return number;
  };
  const release = (number) => {
    if (number < FIXED.length) return;
    values[number] = undefined;
    free.push(number);
  };
  const take = (number) => {
    const value = values[number];
    release(number);
    return value;
  };
  const put = (object, key, number) => {
    const value = take(number);
    if (value !== undefined) object[key] = value;
  };
  const units = (at, length) => new Uint16Array(wasm.memory.buffer, at, length);
  const name = (at, length) => {
    // Names are constants over there, whose places are theirs alone.
    if (LABELLED && names[at]?.length === length) return names[at];
    const text = String.fromCharCode(...new Uint8Array(wasm.memory.buffer, at, length));
    if (LABELLED) names[at] = text;
    return text;
  };

  const js = {
    release,
    again: (number) => keep(values[number]),
    text(at, length) {
      let text = '';
      for (let done = 0; done < length; done += CHUNK) {
        text += String.fromCharCode(...units(at + 2 * done, Math.min(CHUNK, length - done)));
      }
      return keep(text);
    },
    number: keep,
    object: () => keep({}),
    record(at, length, from, count) {
      const numbers = new Uint32Array(wasm.memory.buffer, from, count);
      const made = {};
      const keys = LABELLED && lists[at]?.length === count ? lists[at] : name(at, length).split(',', count);
      if (LABELLED) lists[at] = keys;
      keys.forEach((key, place) => {
        put(made, key, numbers[place]);
      });
      return keep(made);
    },
    list: () => keep([]),
    set(object, at, length, value) {
      put(values[object], name(at, length), value);
    },
    push(list, value) {
      values[list].push(take(value));
    },
    kind(number) {
      const value = values[number];
      if (value == null) return 0;
      if (typeof value === 'object') return Array.isArray(value) ? 4 : 5;
      return { boolean: 1, number: 2, string: 3 }[typeof value] ?? 0;
    },
    get(object, at, length) {
      const value = values[object];
      const key = name(at, length);
      const own = value != null && Object.prototype.hasOwnProperty.call(value, key) ? value[key] : undefined;
      return own === undefined ? 0 : keep(own);
    },
    item: (list, index) => keep(values[list][index]),
    len: (number) => values[number]?.length ?? 0,
    copy(number, at) {
      const text = values[number];
      const room = units(at, text.length);
      for (let unit = 0; unit < text.length; unit += 1) room[unit] = text.charCodeAt(unit);
    },
    float: (number) => values[number],
    size: (number) => jsonBytes(values[number]),
    parse(text) {
      try {
        return keep(JSON.parse(values[text]));
      } catch {
        return 0;
      }
    },
  };
  if (LABELLED) {
    js.word = (at, length) => keep(name(at, length));
    js.bytes = (at, length) => keep(new Uint8Array(wasm.memory.buffer, at, length).slice());
    js.fill = (number, at) => new Uint8Array(wasm.memory.buffer).set(values[number], at);
  }
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes), { js }).exports;

  return {
    open: (options) => take(wasm.open(keep(options))),
    call: (engine, now, request) => take(wasm.call(engine, now, keep(request))),
    poll: (engine) => take(wasm.poll(engine)),
    deadline: wasm.deadline,
    shut: wasm.shut,
    ...(LABELLED && { view: (at, count) => new Uint8Array(wasm.memory.buffer, at, count) }),
  };
}
