// One script, one test: runs a body under a time limit, undoes what it set up, prints one verdict.

import { inspect } from 'node:util';

/** How long one deferred action may take before it is given up. */
const UNDO_LIMIT_MS = 8_000;

/**
 * Runs `body(test)` and ends the process: status 0 and a line `PASS …`, or 1 and a line `FAIL …`.
 *
 * `test.defer(action)` undoes in reverse order; `test.step(text)` names what is being done, so
 * that a time-out can say where it happened.
 */
export async function run(name, limitSeconds, body) {
  const started = Date.now();
  const undo = [];
  let step = 'starting';
  const test = {
    defer: (action) => undo.push(action),
    step: (text) => {
      step = text;
    },
  };

  const timeUp = new Promise((_, reject) => {
    const fail = () => reject(new Error(`not finished within ${limitSeconds} s`));
    setTimeout(fail, limitSeconds * 1_000).unref();
    process.once('SIGTERM', () => reject(new Error('asked to stop')));
    process.once('SIGINT', () => reject(new Error('interrupted')));
    process.once('unhandledRejection', (reason) => reject(reason));
    process.once('uncaughtException', (error) => reject(error));
  });

  let failure;
  let note;
  try {
    note = await Promise.race([body(test), timeUp]);
  } catch (error) {
    failure = error;
  }
  for (const action of undo.reverse()) {
    try {
      await within(Promise.resolve().then(action), UNDO_LIMIT_MS, 'cleaning up');
    } catch (error) {
      failure ??= error;
    }
  }

  const seconds = ((Date.now() - started) / 1_000).toFixed(1);
  if (failure) {
    console.log(`FAIL ${name} after ${seconds} s, while ${step}: ${describe(failure)}`);
    process.exit(1);
  }
  console.log(`PASS ${name} in ${seconds} s${note ? `: ${note}` : ''}`);
  process.exit(0);
}

/** Passes on what `promise` gives, or rejects after `ms` milliseconds naming what was awaited. */
export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A pause for the cases where silence, or the passing of time itself, is what a test shows. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function describe(error) {
  return error instanceof Error ? (error.stack ?? String(error)) : inspect(error);
}
