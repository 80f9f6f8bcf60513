// The loop between an engine and the browser: what the engine wants is done here, and what happens is told to
// it. Nothing is decided here.

import { engines } from './engines.js';
import { makeError } from './errors.js';
import { NoopLogger } from './logger.js';

/** Longest delay that timers take. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** The abnormal end of a socket (RFC 6455, section 7.1.5). */
const ABNORMAL = 1006;

let graves;

/** Has the engine forgotten over there when nobody here can reach it any more. */
function bury(object, wasm, number) {
  graves ??= new FinalizationRegistry((shut) => shut());
  graves.register(object, () => wasm.shut(number));
}

/** One engine of a client or a peer. */
export class Engine {
  #wasm;
  #number;
  #classes;
  #outputs;
  #logger;
  #makeSocket;
  #tokenProvider;
  #began = performance.now();
  #sockets = new Map();
  #waiting = new Map();
  #settling = false;
  #timer;
  #due = Infinity;
  #listening = false;
  #online = () => this.tell({ do: 'network' });

  /**
   * `options` are the application's. `outputs` has a function for each kind of output that is not carried out
   * here, `classes` are the errors that the engine names, `wasm` are the engines to make it of.
   *
   * Throws a TypeError when the options cannot work.
   */
  constructor({ logger = NoopLogger, webSocketFactory, tokenProvider, ...options }, { room = false, wasm = engines(), classes, outputs }) {
    if (tokenProvider !== undefined && typeof tokenProvider !== 'function') {
      throw new TypeError('tokenProvider must be a function');
    }
    const tokens = tokenProvider !== undefined;
    const seed = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    const { engine, error } = wasm.open({ ...options, room, tokens, seed });
    if (error) throw makeError(classes, error);
    bury(this, wasm, engine);
    this.#wasm = wasm;
    this.#number = engine;
    this.#classes = classes;
    this.#outputs = outputs;
    this.#logger = logger;
    this.#tokenProvider = tokenProvider;
    this.#makeSocket = webSocketFactory ?? platformSocket();
  }

  get logger() {
    return this.#logger;
  }

  /** The error that the engine describes. */
  error(description) {
    return makeError(this.#classes, description);
  }

  /** Bytes of the engine, where they are; to be used before the next output is taken. */
  view(at, count) {
    return this.#wasm.view(at, count);
  }

  /** Asks for what is known at once. */
  look(request) {
    return this.#wasm.call(this.#number, performance.now() - this.#began, request);
  }

  /** Tells what happened, or asks for something that is done at once; gives or throws the answer. */
  tell(request) {
    const answer = this.look(request);
    this.#settle();
    if (answer?.error) throw this.error(answer.error);
    return answer;
  }

  /** Asks for something that is answered later. */
  ask(request) {
    const { op, error } = this.look(request);
    const answer = error
      ? Promise.reject(this.error(error))
      : new Promise((resolve, reject) => this.#waiting.set(op, { resolve, reject }));
    this.#settle();
    return answer;
  }

  /**
   * Carries out what the engine wants, until it wants nothing. An event is shown before the next output is
   * taken; what a listener asks for is carried out when it has returned.
   */
  #settle() {
    if (this.#settling) return;
    this.#settling = true;
    for (let output; (output = this.#wasm.poll(this.#number)); ) {
      try {
        (this.#outputs[output.do] ?? this.#own[output.do])(output);
      } catch (error) {
        console.error(error);
      }
    }
    this.#settling = false;
    this.#rest();
  }

  #own = {
    token: ({ id }) => this.#provideToken(id),
    open: ({ socket, url }) => this.#open(socket, url),
    text: ({ socket, frame }) => this.#send(socket, frame),
    close: ({ socket, code, reason }) => this.#close(socket, code, reason),
    done: ({ op, error }) => {
      const { resolve, reject } = this.#waiting.get(op) ?? {};
      this.#waiting.delete(op);
      if (error) reject?.(this.error(error));
      else resolve?.();
    },
    log: ({ level, line }) => this.#logger[level](line),
  };

  /** Sleeps until something is due. Who would be woken too early sleeps on then: what is due moves with every message. */
  #rest() {
    const due = this.#wasm.deadline(this.#number);
    if (due < this.#due || due === Infinity) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    if (this.#timer === undefined && due < Infinity) {
      const delay = Math.ceil(due - (performance.now() - this.#began));
      this.#timer = setTimeout(this.#wake, Math.min(Math.max(delay, 0), LONGEST_DELAY));
      this.#due = due;
    }
    const busy = this.#sockets.size > 0 || due < Infinity;
    if (busy !== this.#listening) {
      this.#listening = busy;
      globalThis[busy ? 'addEventListener' : 'removeEventListener']?.('online', this.#online);
    }
  }

  #wake = () => {
    this.#timer = undefined;
    this.tell({ do: 'timeout' });
  };

  async #provideToken(id) {
    let answer;
    try {
      answer = { token: await this.#tokenProvider() };
    } catch (error) {
      answer = { error: words(error) };
    }
    this.tell({ do: 'token', id, ...answer });
  }

  #open(socket, url) {
    let made;
    try {
      made = this.#makeSocket(url);
    } catch (error) {
      this.tell({ do: 'failed', socket, error: words(error) });
      return;
    }
    this.#sockets.set(socket, made);
    made.addEventListener('open', () => this.tell({ do: 'opened', socket }));
    made.addEventListener('message', ({ data }) =>
      this.tell(typeof data === 'string' ? { do: 'text', socket, text: data } : { do: 'binary', socket }));
    made.addEventListener('close', ({ code, reason }) => this.#closed(socket, code, reason));
    // Its end is told by `close`; some sockets want a listener for this, too.
    made.addEventListener('error', () => {});
  }

  #closed(socket, code = ABNORMAL, reason = '') {
    if (this.#sockets.delete(socket)) this.tell({ do: 'closed', socket, code, reason: String(reason) });
  }

  #send(socket, frame) {
    try {
      this.#sockets.get(socket)?.send(JSON.stringify(frame));
    } catch (error) {
      this.#logger.warn('a socket takes no more messages', { error: words(error) });
      this.#closed(socket);
    }
  }

  /** Browsers refuse some codes and long reasons. */
  #close(socket, code, reason) {
    const made = this.#sockets.get(socket);
    try {
      made?.close(code, reason);
    } catch {
      made.close();
    }
  }
}

/** What an error says. */
export const words = (error) => (error instanceof Error ? error.message : String(error));

function platformSocket() {
  const { WebSocket } = globalThis;
  if (!WebSocket) {
    throw new Error('this platform has no WebSocket; give a webSocketFactory, such as (url) => new (require("ws"))(url)');
  }
  return (url) => new WebSocket(url);
}
