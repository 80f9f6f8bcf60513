// Errors of the labelled layer.

/** `code` says why a message was not taken, did not arrive, or a stream was not shared. */
export class LabelledError extends Error {
  name = 'LabelledError';

  constructor(code, message, reason) {
    super(message);
    this.code = code;
    if (reason !== undefined) this.reason = reason;
  }
}

/** A message to everybody did not reach all. `results` says for each how it ended. */
export class BroadcastError extends LabelledError {
  name = 'BroadcastError';

  constructor(results) {
    const failed = results.filter(({ error }) => error);
    super('not_all', `the message did not reach ${failed.length} of ${results.length} peers`);
    this.results = results;
    this.errors = failed.map(({ error }) => error);
  }
}
