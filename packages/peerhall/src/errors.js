// Errors of clients. Names, codes and fields are the contract (sdk-behaviour, section 8); texts may change.

/** The connection ended before the server's welcome. */
export class SignallingConnectError extends Error {
  name = 'SignallingConnectError';

  constructor(closeCode, closeReason) {
    // Never the server's own words: they could be anything.
    super(`the connection closed with ${closeCode} before the server's welcome`);
    this.closeCode = closeCode;
    this.closeReason = closeReason;
  }
}

/** The payload is larger than the server takes; nothing was sent. */
export class OversizedPayloadError extends Error {
  name = 'OversizedPayloadError';

  constructor(size, cap) {
    super(`the payload has ${size} bytes of JSON, the server takes ${cap}`);
    this.size = size;
    this.cap = cap;
  }
}

/** The classes that a client's engine names. */
export const CLASSES = { Error, TypeError, SignallingConnectError, OversizedPayloadError };

/** Makes the error that an engine describes: `{class, args, name?}`. */
export function makeError(classes, { class: kind, args, name }) {
  const error = new classes[kind](...args);
  if (name) error.name = name;
  return error;
}
