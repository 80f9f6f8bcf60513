// Payloads as JSON sees them.

/**
 * Bytes of UTF-8 of a text, counted without a text encoder, which not every host has. A surrogate without its
 * partner counts three, as the replacement character that would be sent for it.
 */
export function utf8Bytes(text) {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
      continue;
    }
    bytes += 2;
    const next = text.charCodeAt(at + 1);
    if (unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
      // Four bytes for two units.
      at += 1;
    }
  }
  return bytes;
}

/** Bytes of UTF-8 of a value's compact JSON text. */
export const jsonBytes = (value) => utf8Bytes(JSON.stringify(value) ?? '');

/**
 * What JSON keeps of a value, without its methods and getters: nothing that is looked at later can call
 * back. `undefined` for what JSON has no word for.
 *
 * Throws a TypeError for cycles and for big integers.
 */
export function plain(value) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}
