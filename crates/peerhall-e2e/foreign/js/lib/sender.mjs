// `peerhall send` as a process: what it tells line by line, and how it ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from './run.mjs';

const PATIENCE_MS = 90_000;

/** Starts sending files over a server; `code`, `link` and `channel` are those that it prints. */
export async function startSender(test, server, ...files) {
  const args = ['send', ...files, '--url', server.url, '--key', server.publishableKey, '--json'];
  const child = spawn(process.env.PEERHALL_BIN, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  test.defer(() => child.kill());
  const told = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => told.push(JSON.parse(line)));
  const [first] = await within(once(lines, 'line'), PATIENCE_MS, 'the code of the sender');
  return {
    ...JSON.parse(first),
    /** What was told by this name so far. */
    told: (event) => told.filter((line) => line.event === event),
    /** Status of its end. */
    end: () => within(ended, PATIENCE_MS, 'the end of the sender'),
  };
}
