// How long "Check my connection" waits for anything: browsers may leave a promise open for ever, where a network swallows
// what they send.

export const PATIENCE_MS = 8_000;

/** What the promise gives, or `otherwise` when it takes longer. */
export function within(ms, promise, otherwise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, otherwise)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
