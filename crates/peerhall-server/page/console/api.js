// The way to the server. A session that is over shows the sign-in again, whatever was asked.

/** Dispatches `signed-out` when the server wants to know again who asks. */
export const session = new EventTarget();

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the server. Rejects with `Refused` when it says no. */
export async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(`/console/api/${path}`, {
      method,
      headers: body ? { 'content-type': 'application/json' } : {},
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, 'The server does not answer.');
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401 && path !== 'session') session.dispatchEvent(new Event('signed-out'));
  if (response.status === 429) throw new Refused(429, `Too many attempts. Try again in ${response.headers.get('retry-after')} s.`);
  throw new Refused(response.status, answer.message ?? `The server answered ${response.status}.`);
}

export const get = (path) => ask('GET', path);
export const post = (path, body = {}) => ask('POST', path, body);

/** Repeats `work` every `ms` while `isWanted()`; one that is under way is not overtaken. */
export function repeat(work, ms, isWanted) {
  let busy = false;
  const once = async () => {
    if (busy || !isWanted() || document.hidden) return;
    busy = true;
    // What went wrong shows in the live line; the next time may go well.
    await work().catch(() => {});
    busy = false;
  };
  setInterval(once, ms);
  return once;
}
