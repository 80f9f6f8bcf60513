// A Peerhall server of its own for each script: the real binary on a loopback port.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { within } from './run.mjs';

const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 15_000;
/** How much of the server's log a failure repeats. */
const LOG_TAIL = 4_000;

function binary() {
  const path = process.env.PEERHALL_BIN;
  if (!path) throw new Error('PEERHALL_BIN is not set; run the tests by `cargo xtask test`');
  return path;
}

/** One running server process. */
class Server {
  #child;
  #log = '';
  #exited;

  constructor(args) {
    this.#child = spawn(binary(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#log += text;
    });
  }

  /** Reads the ready line: `url`, `listen` and, in `dev`, a publishable and a secret key. */
  async ready() {
    const lines = createInterface({ input: this.#child.stdout });
    const first = once(lines, 'line').then(([line]) => JSON.parse(line));
    const gone = this.#exited.then(([code, signal]) => {
      throw new Error(`the server ended (${code ?? signal}) before it was ready: ${this.log()}`);
    });
    gone.catch(() => {});
    Object.assign(this, await within(Promise.race([first, gone]), READY_WITHIN_MS, 'ready line'));
    this.port = Number(this.listen.split(':').pop());
    return this;
  }

  log() {
    return this.#log.slice(-LOG_TAIL);
  }

  /** Ends the process with `signal` and waits until it is gone. */
  async stop(signal = 'SIGTERM') {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill(signal);
      try {
        await within(this.#exited, STOP_WITHIN_MS, `the server's end after ${signal}`);
      } catch (error) {
        this.#child.kill('SIGKILL');
        throw error;
      }
    }
    const errors = this.#log.split('\n').filter((line) => /\b(ERROR|panicked)\b/.test(line));
    if (errors.length > 0) throw new Error(`the server logged: ${errors.slice(0, 3).join(' | ')}`);
  }
}

async function start(test, args) {
  const server = new Server(args);
  test.defer(() => server.stop());
  return server.ready();
}

/** A throw-away server in memory whose keys may do everything. */
export function startDev(test) {
  return start(test, ['dev', '--listen', '127.0.0.1:0', '--json']);
}

/** The same for other devices of the network too. */
export function startLan(test) {
  return start(test, ['dev', '--lan', '--listen', '127.0.0.1:0', '--json']);
}

/** A data folder with two keys, on which a server can be started, stopped and started again. */
export async function createDeployment(test) {
  const data = await mkdtemp(join(tmpdir(), 'peerhall-foreign-'));
  test.defer(() => rm(data, { recursive: true, force: true }));
  const port = await freePort();
  const keys = {
    publishableKey: (await createKey(data, 'publishable')).keyId,
    secretKey: await createKey(data, 'secret'),
  };
  const args = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--json'];
  return {
    port,
    ...keys,
    start: async () => Object.assign(await start(test, args), keys),
  };
}

async function createKey(data, type) {
  const actions = 'publish,subscribe,presence,send';
  const args = ['key', 'create', '--data', data, '--type', type, '--actions', actions, '--json'];
  const { stdout } = await promisify(execFile)(binary(), args);
  return JSON.parse(stdout);
}

/** A port nobody listens on. Taken from the system, so it is free at least for now. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** One call of the REST control plane with the server's secret key; rejects unless it is 2xx. */
export async function rest(server, method, path, body) {
  const { keyId, secret } = server.secretKey;
  const response = await fetch(`http://${server.listen}${path}`, {
    method,
    headers: { authorization: `Bearer ${keyId}:${secret}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} gave ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Mints a token for peer `peerId` over REST; `claims` are further members of the request. */
export async function mint(server, peerId, claims = {}) {
  const { token } = await rest(server, 'POST', '/v1/tokens', { peerId, ...claims });
  return token;
}
