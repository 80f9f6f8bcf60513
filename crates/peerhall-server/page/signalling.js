// One room over the wire protocol of this server, with nothing but the browser's WebSocket.
// Comes back by itself after a lost connection, under the same peer id.

const PING_EVERY_MS = 20_000;
const SILENT_AFTER_MS = 60_000;
const ANSWER_WITHIN_MS = 15_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** Close codes after which the same attempt fails again, and what they mean. */
const FINAL = new Map([
  [4001, 'The server does not accept this key.'],
  [4003, 'The key does not reach this channel any more.'],
  [4012, 'The app of this key is suspended.'],
  [4020, 'An administrator closed the connection.'],
]);
const OVER_CONCURRENT_LIMIT = 4010;
const OVER_LIMIT_DELAY_MS = 30_000;

/**
 * Events (`detail`): `joined` ({ selfId, iceServers, peers }: the whole room, again after each
 * reconnect), `came` and `went` (a list of peer ids), `message` and `direct` ({ from, data }),
 * `lost` ({ retryInMs }), `ended` ({ reason }).
 */
export class Room extends EventTarget {
  #url;
  #channel;
  #socket = null;
  #resume = null;
  #pending = new Map();
  #requests = 0;
  #attempts = 0;
  #timers = {};
  #welcome = null;
  #isListed = false;

  constructor(url, key, channel) {
    super();
    this.#url = `${url}/v1?key=${encodeURIComponent(key)}&client=peerhall-page`;
    this.#channel = channel;
    this.#open();
  }

  /** Resolves when the server has taken the message for everybody else in the room. */
  publish(data) {
    return this.#request({ type: 'publish', channel: this.#channel, data });
  }

  /** Resolves when the server has taken the message for the peer `to`. */
  send(to, data) {
    return this.#request({ type: 'send', to, data });
  }

  leave() {
    this.#end('You left.');
  }

  #open() {
    const resume = this.#resume ? `&resume=${encodeURIComponent(this.#resume)}` : '';
    const socket = new WebSocket(this.#url + resume);
    this.#socket = socket;
    this.#isListed = false;
    let heard = Date.now();
    socket.onmessage = ({ data }) => {
      heard = Date.now();
      if (socket === this.#socket) this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) this.#lose(code);
    };
    this.#timers.ping = setInterval(() => {
      if (Date.now() - heard > SILENT_AFTER_MS) {
        socket.close(4000);
        this.#lose(1006);
      } else if (socket.readyState === WebSocket.OPEN) {
        socket.send('{"type":"ping"}');
      }
    }, PING_EVERY_MS);
  }

  #lose(code) {
    this.#drop();
    if (FINAL.has(code)) {
      this.#end(FINAL.get(code));
      return;
    }
    const usual = Math.min(FIRST_DELAY_MS * 2 ** this.#attempts, LONGEST_DELAY_MS);
    const base = code === OVER_CONCURRENT_LIMIT ? OVER_LIMIT_DELAY_MS : usual;
    const retryInMs = base * (0.8 + 0.4 * Math.random());
    this.#attempts += 1;
    this.#timers.retry = setTimeout(() => this.#open(), retryInMs);
    this.#tell('lost', { retryInMs });
  }

  #end(reason) {
    this.#drop();
    this.#tell('ended', { reason });
  }

  /** Forgets the socket, so that nothing of it is heard any more. */
  #drop() {
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Error('the connection was lost'));
    }
    this.#pending.clear();
  }

  #receive(frame) {
    switch (frame.type) {
      case 'welcome':
        this.#welcome = frame;
        this.#resume = frame.resume ?? null;
        this.#request({ type: 'subscribe', channel: this.#channel }).catch((error) => {
          if (this.#socket) this.#end(error.message);
        });
        break;
      case 'ack':
        this.#settle(frame.requestId)?.resolve();
        break;
      case 'error':
        this.#settle(frame.requestId)?.reject(new Error(`${frame.code}: ${frame.message}`));
        break;
      case 'presence':
        this.#presence(frame.joined.map(idOf), frame.left.map(idOf));
        break;
      case 'message':
      case 'direct':
        this.#tell(frame.type, { from: frame.from, data: frame.data });
        break;
    }
  }

  /** The first presence after a subscribe is the whole room, the ones after it are changes. */
  #presence(joined, left) {
    if (this.#isListed) {
      if (left.length > 0) this.#tell('went', left);
      if (joined.length > 0) this.#tell('came', joined);
      return;
    }
    this.#isListed = true;
    this.#attempts = 0;
    const { peerId: selfId, metadata } = this.#welcome;
    this.#tell('joined', { selfId, iceServers: metadata?.iceServers ?? [], peers: joined });
  }

  #request(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Error('there is no connection at the moment'));
    }
    const requestId = String((this.#requests += 1));
    this.#socket.send(JSON.stringify({ ...frame, requestId }));
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(requestId)?.reject(new Error('the server did not answer'));
      this.#pending.set(requestId, { resolve, reject, timer: setTimeout(late, ANSWER_WITHIN_MS) });
    });
  }

  #settle(requestId) {
    const request = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    clearTimeout(request?.timer);
    return request;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const idOf = ({ peerId }) => peerId;
