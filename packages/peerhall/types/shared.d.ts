/** Who the client is: exactly one of the two. */
export interface SignallingClientOptions {
  /** A publishable key, `pk_live_…`. It may stand in a page. */
  apiKey?: string;
  /** Gives a token of your backend; asked before every connection, the first one and later ones. */
  tokenProvider?: TokenProvider;
  /**
   * Origin of the server: `wss://host[:port]`, or `ws://` to this machine. Several stand in for each other.
   * Required: there is no server that everybody uses.
   */
  url: string | string[];
  /** Allows `ws://` to other machines, for networks where nobody listens on the way. Default: `false`. */
  allowInsecure?: boolean;
  /** How long the token provider may take, in milliseconds. Default: 10 000. */
  tokenProviderTimeoutMs?: number;
  /** Where log lines go. Default: nowhere. */
  logger?: Logger;
  /** How a lost connection is made anew; `false`: never. */
  reconnect?: ReconnectOptions | false;
  /** How long the server may be silent, in milliseconds; 0 or `Infinity` switches that off. Default: 60 000. */
  inactivityTimeoutMs?: number;
  /** Whether channels are subscribed again after a reconnect. A `MeteredPeer` insists on it. Default: `true`. */
  autoResubscribe?: boolean;
  /** Makes the socket. Default: the platform's `WebSocket`. */
  webSocketFactory?: (url: string) => WebSocketLike;
}

/** Gives a token. */
export type TokenProvider = () => Promise<string>;

/** Delay `n` is `initialDelayMs × multiplier^(n-1)`, at most `maxDelayMs`, moved by up to `jitterRatio` of itself. */
export interface ReconnectOptions {
  /** Before the first attempt. Default: 500. */
  initialDelayMs?: number;
  /** At least 1. Default: 2. */
  multiplier?: number;
  /** Default: 30 000. */
  maxDelayMs?: number;
  /** 0 to 1. Default: 0.2. */
  jitterRatio?: number;
  /** Attempts in a row, or `Infinity`. Default: 100. */
  maxAttempts?: number;
}

/** What is used of a `WebSocket`. */
export interface WebSocketLike {
  readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'close' | 'message' | 'error', listener: (event: any) => void): void;
  removeEventListener(type: 'open' | 'close' | 'message' | 'error', listener: (event: any) => void): void;
}

/** Weight of a log line. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Takes log lines. Credentials, descriptions and candidates are never in them. */
export interface Logger {
  debug(message: string, context?: Record<string, unknown>): void;
  info(message: string, context?: Record<string, unknown>): void;
  warn(message: string, context?: Record<string, unknown>): void;
  error(message: string, context?: Record<string, unknown>): void;
}

/**
 * Unpacks and starts the engine now, which the first object made would do otherwise: some 40 ms of one processor, once.
 * For pages that want their first `join()` to be as quick as the later ones: `requestIdleCallback(prepare)`.
 */
export declare function prepare(): void;

/** Drops every line. */
export declare const NoopLogger: Logger;
/** Writes to the console. */
export declare const ConsoleLogger: Logger;

/** Close codes that say why a connection to the server ended. */
export declare const WsCloseCode: {
  readonly GoingAway: 1001;
  readonly PolicyViolation: 1008;
  readonly MessageTooBig: 1009;
  readonly ClientInactivity: 4000;
  readonly InvalidToken: 4001;
  readonly TokenExpired: 4002;
  readonly ChannelNotAuthorized: 4003;
  readonly OverConcurrentLimit: 4010;
  readonly OverMessageRate: 4011;
  readonly AccountSuspended: 4012;
  readonly AdminDisconnect: 4020;
};
/** One of them. */
export type WsCloseCode = (typeof WsCloseCode)[keyof typeof WsCloseCode];
export { WsCloseCode as WsCloseCodeValue };

/** The connection ended before the server's welcome. */
export declare class SignallingConnectError extends Error {
  readonly name: 'SignallingConnectError';
  /** The close code; 1006 when there was none. */
  readonly closeCode: number;
  /** The server's words. Not in `message`: they could be anything. */
  readonly closeReason: string;
  constructor(closeCode: number, closeReason: string);
}

/** The payload is larger than the server takes; nothing was sent. */
export declare class OversizedPayloadError extends Error {
  readonly name: 'OversizedPayloadError';
  /** Bytes of the payload's JSON. */
  readonly size: number;
  /** Most that the server takes. */
  readonly cap: number;
  constructor(size: number, cap: number);
}

/** What a client is doing. */
export type SignallingClientState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** Codes of refused requests that this version knows; newer servers may send others. */
export type ErrorCode =
  | 'malformed_message'
  | 'unknown_type'
  | 'invalid_channel'
  | 'invalid_peer_id'
  | 'channel_not_authorized'
  | 'channel_reserved'
  | 'channel_limit_exceeded'
  | 'peer_not_found'
  | 'missing_data'
  | 'action_not_permitted'
  | 'over_message_quota'
  | 'backend_error'
  | 'internal_error';

/** A STUN or TURN server. */
export interface IceServerConfig {
  urls: string | string[];
  username?: string;
  credential?: string;
}

/** A broadcast. */
export interface ChannelMessage {
  channel: string;
  /** The sender, as the server knows it. */
  from: string;
  /** The sender's `peerMetadata`, for those who asked for it. */
  fromMetadata?: Record<string, unknown>;
  data: unknown;
}

/** A message to this client alone. */
export interface DirectMessageEvent {
  from: string;
  fromMetadata?: Record<string, unknown>;
  data: unknown;
}

/** Somebody in a channel. */
export interface PresencePeer {
  peerId: string;
  metadata?: Record<string, unknown>;
}

/** Who came and who went; after a subscription, everybody who is there. */
export interface PresenceEvent {
  channel: string;
  joined: PresencePeer[];
  left: PresencePeer[];
}

/** An error that answers no request. */
export interface ServerErrorEvent {
  requestId?: string;
  code: ErrorCode | (string & {});
  message?: string;
}

/** The server stops soon. */
export interface GoingAwayEvent {
  retryAfterMs: number;
}

/** The server's first message. */
export interface WelcomePayload {
  peerId: string;
  /** Unix seconds; `null` for a publishable key. */
  expiresAt: number | null;
  serverTime: number;
  maxMessageSize: number;
  metadata?: Record<string, unknown>;
}

/** How to subscribe. */
export interface SubscribeOptions {
  /** Whether messages carry their senders' `peerMetadata`. Default: `false`. */
  includeSenderMetadata?: boolean;
}
/** Nothing yet. */
export type PublishOptions = Record<string, never>;
/** Nothing yet. */
export type SendOptions = Record<string, never>;

/** Events of a client. */
export interface SignallingClientEventMap {
  connected: {
    peerId: string;
    serverTime: number;
    expiresAt: number | null;
    isReconnect: boolean;
    maxMessageSize: number;
    iceServers?: IceServerConfig[];
  };
  disconnected: { code: number; reason: string; willReconnect: boolean };
  'state-change': { from: SignallingClientState; to: SignallingClientState };
  message: ChannelMessage;
  direct: DirectMessageEvent;
  presence: PresenceEvent;
  'server-error': ServerErrorEvent;
  'going-away': GoingAwayEvent;
  /** Other STUN and TURN servers, before the credentials of the earlier ones end. */
  'ice-servers': { iceServers: IceServerConfig[] };
  /** From the third failure in a row on. The client goes on trying. */
  'token-provider-error': { consecutiveFailures: number; err: Error };
  /** A channel that was held is refused for good after a reconnect. */
  'subscription-lost': { channel: string; code: string };
}

/**
 * One connection to the server, made anew when it is lost, and the channels that are held over it.
 *
 * Requests reject with an error whose `name` is the server's code, `NotConnectedError` (nothing was sent),
 * `DisconnectedError` (it may have been processed), `AckTimeoutError` or `TypeError`.
 */
export declare class SignallingClient {
  /** Throws a `TypeError` when the options cannot work. Connects nothing. */
  constructor(options: SignallingClientOptions);
  get state(): SignallingClientState;
  /** Connects; resolves with the server's welcome. Possible when idle or closed. */
  connect(): Promise<void>;
  /** Ends the connection; `connect` starts afresh. */
  close(code?: number, reason?: string): Promise<void>;
  /** Subscribes a channel and holds it across reconnects. */
  subscribe(channel: string, options?: SubscribeOptions): Promise<void>;
  /** Lets a channel go. */
  unsubscribe(channel: string): Promise<void>;
  /** Sends to everybody in a channel; rejects with `OversizedPayloadError` when the payload is too big. */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<void>;
  /** Sends to one peer. */
  send(toPeerId: string, data: unknown, options?: SendOptions): Promise<void>;
  on<K extends keyof SignallingClientEventMap>(event: K, handler: (payload: SignallingClientEventMap[K]) => void): this;
  off<K extends keyof SignallingClientEventMap>(event: K, handler: (payload: SignallingClientEventMap[K]) => void): this;
  once<K extends keyof SignallingClientEventMap>(event: K, handler: (payload: SignallingClientEventMap[K]) => void): this;
  /** The state alone; credentials are out of reach. */
  toJSON(): { state: SignallingClientState };
}
