import type {
  Broadcast, ChannelOptions, Labels, Message, RemotePeer as LabelledRemotePeer, Room, SendOptions, StreamOptions, Transfer, TransferEvent,
} from './labelled.js';
import type { SignallingClientOptions } from './shared.js';

export * from './shared.js';

/** Listeners are called at once, in the order of registration; one that throws does not stop the others. */
export declare class EventEmitter<Events> {
  on<K extends keyof Events>(event: K, handler: (payload: Events[K]) => void): this;
  /** Removes the first registration of a handler, also one by `once`. */
  off<K extends keyof Events>(event: K, handler: (payload: Events[K]) => void): this;
  /** As `on`, and removes it before its first call. */
  once<K extends keyof Events>(event: K, handler: (payload: Events[K]) => void): this;
  emit<K extends keyof Events>(event: K, payload: Events[K]): boolean;
  listenerCount<K extends keyof Events>(event: K): number;
  removeAllListeners(): this;
}

/** What is said about a track or a stream when it is added. The sender says it; nobody vouches for it. */
export interface StreamMetadata {
  /** By convention `camera`, `screen`, `canvas`, `file`, or a word of your own. */
  role?: string;
  /** For people. */
  label?: string;
  [key: string]: unknown;
}

/** What a peer is doing. `closed` is final: make another peer. */
export type MeteredPeerState = 'idle' | 'joining' | 'joined' | 'reconnecting' | 'leaving' | 'closed';

/** State of the connection to a remote peer. */
export type PeerConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** What is used of an `RTCPeerConnection`. */
export interface RTCPeerConnectionLike {
  readonly connectionState: RTCPeerConnectionState;
  readonly signalingState: RTCSignalingState;
  readonly iceConnectionState: RTCIceConnectionState;
  readonly localDescription: RTCSessionDescription | null;
  readonly remoteDescription: RTCSessionDescription | null;
  createOffer(options?: RTCOfferOptions): Promise<RTCSessionDescriptionInit>;
  createAnswer(options?: RTCAnswerOptions): Promise<RTCSessionDescriptionInit>;
  setLocalDescription(description?: RTCSessionDescriptionInit): Promise<void>;
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>;
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): RTCRtpSender;
  removeTrack(sender: RTCRtpSender): void;
  getSenders(): RTCRtpSender[];
  createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel;
  setConfiguration(configuration?: RTCConfiguration): void;
  addEventListener(type: string, listener: (event: any) => void): void;
  removeEventListener(type: string, listener: (event: any) => void): void;
  close(): void;
  /** Quality and path are told where this is there. */
  getStats?(): Promise<RTCStatsReport>;
}

/** What a peer is made with: the options of its client, and some of its own. */
export interface MeteredPeerOptions extends SignallingClientOptions {
  /** Makes peer connections. Default: the platform's `RTCPeerConnection`. */
  rtcPeerConnectionFactory?: (config: RTCConfiguration) => RTCPeerConnectionLike;
  /** `relay`: only over TURN servers. Default: `all`. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** How long a remote peer that lost its connection to the server may stay away, in milliseconds. Default: 16 000. */
  lingerMs?: number;
  /**
   * How long a first connection may take before its `unreachable` event, and how long labelled messages wait for a first or
   * a lost one before they go through the server, in milliseconds. Default: 30 000.
   */
  reachTimeoutMs?: number;
  /** How often quality is measured, in milliseconds; 0: never. Default: 5 000. */
  statsIntervalMs?: number;
  /** Whether broadcasts of peers that presence has not shown are handed on. Default: `false`. */
  broadcastsOfStrangers?: boolean;
  /**
   * The `labels` of `peerhall/labelled`: `openChannel`, `share`, `transfer` and what belongs to them work with it. Default:
   * none, and those throw; a `MeteredPeer` of `peerhall/labelled` has them without being given any.
   */
  labels?: Labels;
  /** With labels: time without movement after which a message fails, in milliseconds; 0: never. Default: 30 000. */
  stallMs?: number;
  /** With labels: largest message of known size that is taken, in bytes. Default: no limit. */
  maxMessage?: number;
  /** With labels: largest message that is put together for a promise, in bytes. Default: 67 108 864. */
  collectLimit?: number;
  /**
   * With labels: whether messages go through the server while no connection can be made, where it sees them, counts them,
   * and holds them to its rate. Streams and raw channels wait for a connection. Default: true.
   */
  fallback?: boolean;
}

/** How to join. */
export interface JoinOptions {
  /** Whether broadcasts carry their senders' `peerMetadata`. Default: `false`. */
  includeSenderMetadata?: boolean;
}

/** Events of a peer. */
export interface MeteredPeerEventMap {
  /** The peer is in its channel; once, before `join` resolves. */
  joined: { peerId: string; channel: string };
  /** The peer ended. */
  left: { peerId: string | null; channel: string | null; reason?: string };
  'state-change': { from: MeteredPeerState; to: MeteredPeerState };
  'peer-joined': { peer: RemotePeer };
  'peer-left': { peer: RemotePeer };
  data: {
    /** The sender, as the server knows it. */
    senderPeerId: string;
    /** What the sender wrote; nobody has looked at it. */
    data: any;
    kind: 'broadcast' | 'direct';
    /** The sender's `peerMetadata`; of broadcasts only when `join` asked for it. */
    senderMetadata?: Record<string, any>;
  };
  /** Something to act on; `err.name` says what. */
  error: { err: Error };
  /** With labels: a message has begun to come. One that nobody listens for is refused. */
  transfer: TransferEvent;
}

/**
 * A member of one channel, connected to everybody else in it. `send` goes through the server, `transfer` from peer to peer.
 * What needs the option `labels` throws a `MeteredPeerStateError` without.
 */
export declare class MeteredPeer extends EventEmitter<MeteredPeerEventMap> {
  /** Throws a `TypeError` when the options cannot work. Connects nothing. */
  constructor(options: MeteredPeerOptions);
  get state(): MeteredPeerState;
  /** This peer's id, once the server has welcomed it. */
  get peerId(): string | null;
  /** The channel, once joined. */
  get channel(): string | null;
  /** Who is in the channel now. A new list each time. */
  get remotePeers(): RemotePeer[];
  /** Joins a channel, connecting first. Others appear as `peer-joined` after that. */
  join(channel: string, options?: JoinOptions): Promise<void>;
  /** Leaves for good. */
  close(reason?: string): Promise<void>;
  /** Sends to everybody in the channel, through the server. */
  send(data: unknown): Promise<void>;
  /** Sends to one peer, through the server. */
  sendTo(peerId: string, data: unknown): Promise<void>;
  /** With labels: the same peer with the calls and events of a `Room`. */
  get labelled(): Room;
  /**
   * With labels: opens the channel of a label with everybody who is here and who comes. There is one for each label, whichever
   * side opens it, and it comes back by itself after a lost connection.
   */
  openChannel(channel?: string | ChannelOptions): void;
  /** With labels: closes the channel of a label with everybody. */
  closeChannel(channel?: string | { label?: string }): void;
  /**
   * With labels: shares a stream under a label with everybody who is here and who comes, or makes the share of a label what is
   * given, with the least negotiation. A bare stream has its id for label. Gives the stream, or nothing when it has no tracks.
   */
  share(stream: MediaStream | StreamOptions): MediaStream | undefined;
  /** With labels: stops sharing; gives what was shared. */
  unshare(stream: string | MediaStream | { label?: string }): MediaStream | undefined;
  /** With labels: sends a message of any size to everybody who is here, with progress and a result for each. */
  transfer(message: Message, options?: string | SendOptions): Broadcast;
  /** Sends all tracks of a stream to everybody who is here and who comes later. */
  addStream(stream: MediaStream, metadata?: StreamMetadata): void;
  /** Sends a track; without a stream, receivers see the track alone. */
  addTrack(track: MediaStreamTrack, stream?: MediaStream, metadata?: StreamMetadata): void;
  /** Stops sending what was added with a stream. Its tracks go on. */
  removeStream(stream: MediaStream): void;
  /** Stops sending a track. */
  removeTrack(track: MediaStreamTrack): void;
  /** Puts another track, or nothing, in the place of one for everybody, without negotiation. */
  replaceTrack(oldTrack: MediaStreamTrack, newTrack: MediaStreamTrack | null): Promise<void>;
  /** What was said about a local track when it was added. */
  getTrackMetadata(track: MediaStreamTrack): StreamMetadata | undefined;
  /** What was said about a local stream when it was added. */
  getStreamMetadata(stream: MediaStream): StreamMetadata | undefined;
  /** Tells that the network is back, or another one: what waits for a moment is tried at once. */
  networkAvailable(): void;
  /** Drops the connection to the server and makes it anew, to try what an application does then. */
  dropConnection(): void;
  /** Replaces the connections to all remote peers, so that a changed transport policy counts for them too. */
  resetConnections(): void;
  /** Over which paths connections that are made from now on may go. */
  setTransportPolicy(policy: RTCIceTransportPolicy): void;
  /** Safe to log. */
  toJSON(): { state: MeteredPeerState; peerId: string | null; channel: string | null };
}
export { MeteredPeer as RoomPeer };

/** Events of a remote peer. */
export interface RemotePeerEventMap {
  'state-change': { from: PeerConnectionState; to: PeerConnectionState };
  /** A track came; before the `stream-added` of its stream. */
  track: { track: MediaStreamTrack; streams: ReadonlyArray<MediaStream>; metadata?: StreamMetadata };
  /** The first track of a stream came. After a reconnect again, with a new object of the same id: bind it anew. */
  'stream-added': { stream: MediaStream; metadata?: StreamMetadata };
  /** The last live track of a stream is gone. */
  'stream-removed': { stream: MediaStream };
  /** The remote peer opened a data channel. */
  'data-channel': { channel: RTCDataChannel };
  /** Negotiation failed; only `IceRestartExhaustedError` is final. */
  'negotiation-error': { err: Error };
  /** A candidate was not taken; mostly harmless. */
  'ice-candidate-error': { err: Error };
  /** `pc` is a new connection: make data channels again. */
  'connection-reset': Record<string, never>;
  /** The way that the connection goes. */
  path: { path: 'direct' | 'relay' };
  /** How good the connection is. */
  quality: { quality: 'good' | 'fair' | 'poor' };
  /** The remote peer cannot be reached for now; `reason` is for people. */
  unreachable: { reason: string };
  /** With labels: a message of this peer has begun to come. One that nobody listens for is refused. */
  transfer: TransferEvent;
}

/** Somebody else in the channel. The object stays the same across reconnects. */
export declare class RemotePeer extends EventEmitter<RemotePeerEventMap> {
  private constructor();
  get id(): string;
  /** Its `peerMetadata`; may be newer after a reconnect. */
  get metadata(): Readonly<Record<string, any>> | undefined;
  get state(): PeerConnectionState;
  /** Whether this side gives way when both offer at once. */
  get polite(): boolean;
  /** The connection of this moment; another one after `connection-reset`. */
  get pc(): RTCPeerConnection;
  /** Sends to this peer, through the server. */
  send(data: unknown): Promise<void>;
  /** Looks for a new path while data goes on flowing over the present one. */
  restartIce(): void;
  /** With labels: the same remote peer with the calls and events of a `Room`'s. */
  get labelled(): LabelledRemotePeer;
  /** With labels: inbound streams by label; `stream-added` tells of them with the label in `metadata.label`. */
  get streams(): Map<string, MediaStream>;
  /** With labels: data channels by label, opened by either side. */
  get channels(): Map<string, RTCDataChannel>;
  /** With labels: opens the channel of a label, or finds the one that the other side opened. It comes back after a lost connection. */
  openChannel(channel?: string | ChannelOptions): void;
  /** With labels: closes the channel of a label on both sides, for good. */
  closeChannel(channel?: string | { label?: string }): void;
  /** With labels: shares a stream with this peer alone; see `MeteredPeer.share`. */
  share(stream: MediaStream | StreamOptions): MediaStream | undefined;
  /** With labels: stops sharing; gives what was shared. */
  unshare(stream: string | MediaStream | { label?: string }): MediaStream | undefined;
  /** With labels: sends a message of any size from peer to peer, behind those before it on its label. */
  transfer(message: Message, options?: string | SendOptions): Transfer;
  /** Safe to log. */
  toJSON(): { id: string; state: PeerConnectionState };
}

/** What is used of an `RTCDataChannel`. */
export interface RTCDataChannelLike {
  readonly label: string;
  readonly readyState: RTCDataChannelState;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType?: string;
  send(data: any): void;
  close(): void;
  addEventListener(type: string, listener: (event: any) => void): void;
  removeEventListener(type: string, listener: (event: any) => void): void;
}

/** Bounds of a `DataChannel`. */
export interface DataChannelOptions {
  /** Most bytes that wait to go out. Default: 1 048 576. */
  maxBufferedAmount?: number;
  /** Sends go on below this. Default: half of the ceiling. */
  bufferedAmountLowThreshold?: number;
  /** Sends that may wait. Default: 256. */
  maxQueuedSends?: number;
  /** Where log lines go. */
  logger?: { debug?(message: string): void; warn?(message: string): void; error?(message: string): void };
}

/** Events of a `DataChannel`; nothing after `close`. */
export interface DataChannelEventMap {
  open: void;
  close: void;
  error: { err: Error };
  message: { data: string | ArrayBuffer };
}

/** A data channel that does not let its buffer grow without end. */
export declare class DataChannel extends EventEmitter<DataChannelEventMap> {
  /** Takes over a channel; throws a `TypeError` for bounds that contradict each other. */
  constructor(channel: RTCDataChannelLike, options?: DataChannelOptions);
  get label(): string;
  get readyState(): RTCDataChannelState;
  get bufferedAmount(): number;
  /** Sends in order; waits for room. Rejects with `DataChannelOverflowError` when too many wait. */
  send(data: string | ArrayBuffer): Promise<void>;
  /** Closes the channel; sends that wait reject, and nothing is told any more. */
  close(): void;
}

/** Too many sends wait. */
export declare class DataChannelOverflowError extends Error {
  readonly name: 'DataChannelOverflowError';
  readonly queued: number;
  readonly cap: number;
  constructor(queued: number, cap: number);
}

/** The payload, or the metadata of a track, is larger than the server takes. */
export declare class MeteredPeerOversizedError extends Error {
  readonly name: 'MeteredPeerOversizedError';
  readonly size: number;
  readonly cap: number;
  constructor(size: number, cap: number);
}

/** A peer did not send, or join. */
export declare class MeteredPeerSendError extends Error {
  readonly name: 'MeteredPeerSendError';
  readonly code: 'reserved_channel' | 'not_joined' | 'invalid_args' | 'self_send';
  constructor(code: MeteredPeerSendError['code'], message: string);
}

/** A call that is not possible now. */
export declare class MeteredPeerStateError extends Error {
  readonly name: 'MeteredPeerStateError';
  readonly code: 'invalid_state' | 'track_already_attached';
  /** The call; `labelled` for whatever needs labels. */
  readonly method: string;
  readonly currentState?: string;
  constructor(code: MeteredPeerStateError['code'], method: string, message: string, currentState?: string);
}

/** A track was replaced for some and not for others. */
export declare class MeteredPeerReplaceTrackError extends Error {
  readonly name: 'MeteredPeerReplaceTrackError';
  /** Who receives the new track. */
  readonly succeeded: readonly string[];
  /** Who still receives the old one. */
  readonly failed: ReadonlyArray<{ peerId: string; err: Error }>;
  constructor(succeeded: readonly string[], failed: ReadonlyArray<{ peerId: string; err: Error }>);
}
