import type { MeteredPeer, MeteredPeerOptions, RemotePeer as MeteredRemotePeer } from './peerhall.js';

export type {
  EventEmitter, IceServerConfig, JoinOptions, Logger, MeteredPeerEventMap, MeteredPeerOptions, MeteredPeerState, PeerConnectionState,
  ReconnectOptions, RemotePeer as MeteredRemotePeer, RemotePeerEventMap as MeteredRemotePeerEventMap, RemotePeerEventMap,
  RTCPeerConnectionLike, StreamMetadata, TokenProvider,
} from './peerhall.js';
export {
  ConsoleLogger, MeteredPeer, MeteredPeerOversizedError, MeteredPeerReplaceTrackError, MeteredPeerSendError, MeteredPeerStateError,
  NoopLogger, OversizedPayloadError, prepare, SignallingConnectError, WsCloseCode, WsCloseCodeValue,
} from './peerhall.js';

/** What a `MeteredPeer` of `peerhall` is given to have labels. The `MeteredPeer` of `peerhall/labelled` has them anyway. */
export interface Labels {
  /** Makes it a type of its own. */
  readonly Layer: unknown;
}

/**
 * For the option `labels` of a `MeteredPeer`; may be loaded where one is made: `(await import('peerhall/labelled')).labels`.
 * The engine of such a peer is that of `peerhall/labelled`, and so is the `prepare` that starts it.
 */
export declare const labels: Labels;

/** How a labelled channel behaves. The first who asks for a label decides. */
export interface ChannelOptions {
  /** Name of the channel, the same on both sides: 1 to 256 UTF-16 units, not beginning with `__`. Default: `default`. */
  label?: string;
  /** A protocol of your own makes a raw channel: messages go and come by the data channel itself. Default: none. */
  protocol?: string;
  /** `false` makes a raw channel whose messages may overtake each other. Default: `true`. */
  ordered?: boolean;
  /** For how many milliseconds a lost message is sent again; makes a raw channel. Default: without limit. */
  maxPacketLifeTime?: number;
  /** How often a lost message is sent again; makes a raw channel. Default: without limit. */
  maxRetransmits?: number;
}

/** A stream to share under a label. */
export interface StreamOptions {
  /** Default: `default`. */
  label?: string;
  /** The tracks to share; without any, nothing happens. */
  stream: MediaStream;
  /** Whether tracks are stopped for you when they are unshared or replaced. Default: `false`. */
  managed?: boolean;
  /** Wishes for the encoding of sound. */
  audioParameters?: { maxBitrate?: number; priority?: RTCPriorityType };
  /** Wishes for the encoding of pictures. */
  videoParameters?: { maxBitrate?: number; priority?: RTCPriorityType; maxFramerate?: number; scaleResolutionDownBy?: number };
}

/** How a message is sent. */
export interface SendOptions {
  /** On the channel with this label, which somebody has opened. Default: `default`. */
  label?: string;
  /** Goes along with the message; at most 8 KiB of JSON. */
  info?: Record<string, unknown>;
  /** Gives the message up; `send` rejects with the signal's reason, and the receiver learns of it at once. */
  signal?: AbortSignal;
}

/** What can be sent: bytes of these arrive as such, everything else as JSON. */
export type Message = string | Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array> | unknown;

/** How far a message is. */
export interface TransferProgress {
  /** The receiver. */
  id: string;
  label: string;
  /** Bytes handed to the channel, or that the receiver had before. */
  current: number;
  /** Bytes that the receiver's application has read. */
  acked: number;
  /** Bytes of the whole; missing for a stream of unknown length. */
  total?: number;
  /** Whether the receiver has confirmed all of it. True in the last item only. */
  done: boolean;
  /** Confirmed bytes per second, of late. */
  rate: number;
  /** Milliseconds left at this rate, where total and rate are known. */
  left?: number;
}

/** What the receiver of a message confirmed. */
export interface Receipt {
  /** Bytes of the whole message. */
  bytes: number;
  /** BLAKE3 of the whole message in hexadecimal; the same on both sides. */
  proof: string;
}

/** A stream of progress that keeps the newest item only, and a promise of the end. Both may be used at once. */
export interface ProgressStream<Result> extends ReadableStream<TransferProgress>, Promise<Result> {
  [Symbol.asyncIterator](): AsyncIterableIterator<TransferProgress>;
  readonly [Symbol.toStringTag]: string;
  /** Gives it up; receivers learn of it at once. Not reading any more does not. */
  abort(reason?: unknown): void;
}

/** A message to one peer. Resolves when the receiver has read it and its proof is right. */
export interface Transfer extends ProgressStream<Receipt> {
  /** Holds it back; the receiver goes on waiting. */
  pause(): void;
  /** Goes on with it. */
  resume(): void;
}

/** How a message ended with one receiver. */
export interface Delivery {
  id: string;
  receipt?: Receipt;
  error?: unknown;
}

/** A message to several peers. Rejects with a `BroadcastError` when it did not reach all of them. */
export interface Broadcast extends ProgressStream<Delivery[]> {
  /** The message to each, by the peer's id. */
  readonly transfers: ReadonlyMap<string, Transfer>;
}

/**
 * A message that comes: a stream of its bytes, or, awaited, what it was: a text, a JSON value, a `Blob` or an
 * `ArrayBuffer`. One excludes the other. Its bytes wait with the sender until they are read, but for 1 MiB of each
 * label; cancelling the stream tells the sender to stop.
 */
export interface Incoming extends ReadableStream<Uint8Array>, Promise<any> {
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array>;
  readonly [Symbol.toStringTag]: string;
  readonly kind: 'text' | 'json' | 'blob' | 'bytes';
  /** Bytes of the whole; missing for a stream of unknown length. */
  readonly total?: number;
  /** Name of a file, made safe: one part of a path on every system. */
  readonly fileName?: string;
  /** MIME type of a blob, by the word of the sender. */
  readonly mimeType?: string;
  /** What it is a copy of, by the word of the sender: a later attempt has the same. */
  readonly content?: string;
  /** Once all of it is here and is what was sent. */
  readonly receipt?: Receipt;
  /** Goes on after what an earlier attempt has left here; before reading, where there is `content`. */
  goOn(blob: Blob): Promise<void>;
  /** Does not want it, or no more of it; the sender learns of it at once. */
  reject(reason?: string): void;
}

/** A message was not taken, or did not arrive. */
export declare class LabelledError extends Error {
  readonly code:
    | 'no_channel' | 'not_framed' | 'info_too_large' | 'bad_label' | 'too_many_labels' | 'not_labelled' | 'closed'
    | 'aborted' | 'cancelled' | 'stalled' | 'connection_reset' | 'channel_closed' | 'proof_mismatch' | 'cut_off'
    | 'too_large' | 'begun' | 'not_all' | 'bad_code';
  /** The other side's words, for `aborted` and `cancelled`. */
  readonly reason?: string;
  constructor(code: LabelledError['code'], message: string, reason?: string);
}

/** A message to several did not reach all of them. */
export declare class BroadcastError extends LabelledError {
  /** How it ended with each. */
  readonly results: readonly Delivery[];
  /** What went wrong, for those whom it did not reach. */
  readonly errors: readonly unknown[];
  constructor(results: readonly Delivery[]);
}

/** Who proves to have the code: who sends files, or who takes them. */
export type FileSpeaker = 'sender' | 'receiver';

/**
 * The code that `peerhall send` prints, by which both ends find each other and prove that nobody sits between them. Who
 * takes files joins `channel`, opens the label `peerhall files`, and sends its proof to whoever comes.
 */
export declare class FileCode {
  /** Reads a code however it was typed. Throws a `LabelledError` with code `bad_code` for anything else. */
  constructor(text: string);
  /** In groups: `7k3m-9qxt-2h5w-8vbn`. */
  readonly code: string;
  /** Where sender and receivers meet. The code cannot be computed from it. */
  readonly channel: string;
  /** This end's proof on a connection, in hexadecimal; nothing before both ends have agreed on one certificate each. */
  proof(speaker: FileSpeaker, connection: RTCPeerConnection | undefined): string | undefined;
  /** Whether the other end of a connection, the `speaker`, has given its proof. */
  proves(speaker: FileSpeaker, connection: RTCPeerConnection | undefined, given: unknown): boolean;
}

/** What every event says. `remote` is there for handlers of a `Room`. */
export interface LabelledEvent {
  /** Id of the remote peer. */
  id: string;
  /** The event's name without its group. */
  name: string;
  remote?: RemotePeer;
}

/** State of the connection to a remote peer. */
export type ConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

type ConnectionEvent = LabelledEvent & { state: ConnectionState };
type ChannelEvent = LabelledEvent & { label: string; channel?: RTCDataChannel };
type MessageEvent = ChannelEvent & { data: Incoming | string | ArrayBuffer; info?: Record<string, unknown> };
type StreamEvent = LabelledEvent & { label: string; stream: MediaStream };
type TrackEvent = StreamEvent & { track: MediaStreamTrack };
type ErrorEvent = LabelledEvent & { error: Error | { name: string; message: string; code: string } };
type WayEvent = LabelledEvent & { way: Way };

/** Which way messages go: over the connection, or through the server while none can be made. */
export type Way = 'connection' | 'server';

/** Events: each fires under the name of its group, too. */
export interface LabelledEventMap {
  connection: ConnectionEvent;
  'connection:new': ConnectionEvent;
  'connection:connecting': ConnectionEvent;
  'connection:connected': ConnectionEvent;
  'connection:disconnected': ConnectionEvent;
  'connection:failed': ConnectionEvent;
  'connection:closed': ConnectionEvent;
  channel: ChannelEvent;
  'channel:new': ChannelEvent;
  'channel:open': ChannelEvent;
  'channel:close': ChannelEvent;
  /** `data` is an `Incoming`, or what a raw channel brought. A message that nobody listens for is refused. */
  'channel:message': MessageEvent;
  'channel:error': ChannelEvent & { error: Error };
  stream: StreamEvent;
  'stream:add': StreamEvent;
  'stream:remove': StreamEvent;
  track: TrackEvent;
  'track:add': TrackEvent;
  'track:remove': TrackEvent;
  /** Messages go another way from here on. Channels close and come back; what is on its way goes on. */
  way: WayEvent;
  'way:connection': WayEvent;
  'way:server': WayEvent;
  /** Whether the remote peer knows labelled channels. */
  labelled: LabelledEvent;
  /** Labels work with it, for the first time or again. */
  'labelled:ready': LabelledEvent;
  /** It does not know them: streams and raw channels work, messages are refused. */
  'labelled:refused': LabelledEvent;
  error: ErrorEvent;
  /** The server takes no more messages in this period: those to a peer without a connection wait for one. */
  'error:over-quota': ErrorEvent;
}

/** Handlers by the name of an event or of its group; a handler is kept once for a name. */
export declare class GroupEmitter {
  on<K extends keyof LabelledEventMap>(event: K | K[], handler: (event: LabelledEventMap[K]) => void): this;
  once<K extends keyof LabelledEventMap>(event: K | K[], handler: (event: LabelledEventMap[K]) => void): this;
  /** Takes a handler away; without one, all of this name. */
  off<K extends keyof LabelledEventMap>(event: K | K[], handler?: (event: LabelledEventMap[K]) => void): this;
  /** Calls the handlers at once; returns whether there were any. */
  emit(event: string, ...args: any[]): boolean;
}

/** Somebody else in the room. The object stays the same across reconnects. */
export declare class RemotePeer extends GroupEmitter {
  private constructor();
  get id(): string;
  /** Name of the room. */
  readonly room: string;
  /** Its `peerMetadata`. */
  get metadata(): Readonly<Record<string, any>> | undefined;
  get state(): ConnectionState;
  /** The connection of this moment. */
  get connection(): RTCPeerConnection;
  /** Which way messages go at this moment. */
  get way(): Way;
  /** The same remote peer as a `MeteredPeer` shows it, which sends through the server and tells path and quality. */
  get remote(): MeteredRemotePeer;
  /** Inbound streams by label. */
  get streams(): Map<string, MediaStream>;
  /** Data channels by label, opened by either side. */
  get channels(): Map<string, RTCDataChannel>;
  /**
   * Shares a stream with this peer, or makes the share of a label what is given, with the least negotiation. A bare
   * stream has its id for label. Gives the stream, or nothing when it has no tracks.
   */
  share(stream: MediaStream | StreamOptions): MediaStream | undefined;
  /** Stops sharing; gives what was shared. */
  unshare(stream: string | MediaStream | { label?: string }): MediaStream | undefined;
  /** Opens the channel of a label, or finds the one that the other side opened. It comes back after a lost connection. */
  open(channel?: string | ChannelOptions): void;
  /** Closes the channel of a label on both sides, for good. */
  close(channel?: string | { label?: string }): void;
  /** Sends a message behind those before it on its label. */
  send(message: Message, options?: string | SendOptions): Transfer;
  /** Ends channels, messages and shares between the two, and all events. */
  dispose(): void;
  /** Safe to log. */
  toJSON(): { id: string; room: string; metadata?: Record<string, any>; state: ConnectionState; streams: string[]; channels: string[] };
}

/** What a room is made with: the options of a peer. */
export type RoomOptions = MeteredPeerOptions;

/** A member of a room, with labelled streams and channels to everybody in it. */
export declare class Room extends GroupEmitter {
  /** Throws a `TypeError` when the options cannot work. Connects nothing. */
  constructor(options: RoomOptions);
  /** Whether it is in a room. */
  get active(): boolean;
  get id(): string | null;
  get room(): string | null;
  /** The same peer with the calls and events of `peerhall`, which sends through the server. */
  get peer(): MeteredPeer;
  /** Who is here, by id. */
  get connections(): Map<string, RemotePeer>;
  /** What is shared with everybody, by label. */
  get streams(): Map<string, StreamOptions>;
  /** What is opened with everybody, by label. */
  get channels(): Map<string, Omit<ChannelOptions, 'label'>>;
  /** Joins a room; does nothing in one. */
  join(room?: string | { room?: string }): Promise<void>;
  /** Leaves for good. */
  leave(): Promise<void>;
  /** Shares with everybody who is here and who comes; see `RemotePeer.share`. */
  share(stream: MediaStream | StreamOptions): MediaStream | undefined;
  unshare(stream: string | MediaStream | { label?: string }): MediaStream | undefined;
  /** Opens the channel of a label with everybody who is here and who comes. */
  open(channel?: string | ChannelOptions): void;
  close(channel?: string | { label?: string }): void;
  /** Sends to everybody who is here, with progress and a result for each. */
  send(message: Message, options?: string | SendOptions): Broadcast;
  /** Safe to log. */
  toJSON(): { id: string | null; room: string | null; active: boolean; connections: string[]; streams: string[]; channels: string[] };
}
export { Room as Peer };

/** A message by label has begun to come. One that nobody listens for is refused. */
export interface TransferEvent {
  /** Whose it is. */
  peer: MeteredRemotePeer;
  label: string;
  data: Incoming;
  /** What the sender said along with it. */
  info?: Record<string, unknown>;
}
