// Errors of peers (sdk-behaviour, section 8).

import { CLASSES, makeError } from './errors.js';

/** The payload is larger than the server takes; nothing was sent, or attached. */
export class MeteredPeerOversizedError extends Error {
  name = 'MeteredPeerOversizedError';

  constructor(size, cap) {
    super(`the payload has ${size} bytes of JSON, the server takes ${cap}`);
    this.size = size;
    this.cap = cap;
  }
}

/** `code` says why a peer did not send, or join. */
export class MeteredPeerSendError extends Error {
  name = 'MeteredPeerSendError';

  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** A call that is not possible now. */
export class MeteredPeerStateError extends Error {
  name = 'MeteredPeerStateError';

  constructor(code, method, message, currentState) {
    super(message);
    this.code = code;
    this.method = method;
    if (currentState !== undefined) this.currentState = currentState;
  }
}

/** A track was replaced for some and not for others. */
export class MeteredPeerReplaceTrackError extends Error {
  name = 'MeteredPeerReplaceTrackError';

  constructor(succeeded, failed) {
    super(`the track was replaced for ${succeeded.length} peers and not for ${failed.length}`);
    this.succeeded = succeeded;
    this.failed = failed;
  }
}

/** What a peer has with labels only; throws where it was made without. */
export function needed(labelled) {
  if (!labelled) {
    throw new MeteredPeerStateError('invalid_state', 'labelled', "this peer has no labels: give it those of 'peerhall/labelled'");
  }
  return labelled;
}

/** The classes that a peer's engine names. */
export const PEER_CLASSES = {
  ...CLASSES,
  MeteredPeerOversizedError,
  MeteredPeerSendError,
  MeteredPeerStateError,
  MeteredPeerReplaceTrackError: function replaceTrackError(succeeded, failed) {
    const failures = failed.map(({ peerId, err }) => ({ peerId, err: makeError(CLASSES, err) }));
    return new MeteredPeerReplaceTrackError(succeeded, failures);
  },
};
