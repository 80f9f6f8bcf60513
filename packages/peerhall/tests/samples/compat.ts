// What is written against the vendor's declarations is right against ours: only compiled, never run.

import type * as Ours from 'peerhall';
import type * as Theirs from '@metered-ca/realtime';

/** `true` when everything that is a `From` is also a `To`. */
type Fits<From, To> = [From] extends [To] ? true : { this: From; isNo: To };
type Check<T extends true> = T;

/** Names that listeners, options and payloads of the vendor's have and ours have not. */
type Missing<Their, Our> = Exclude<keyof Their, keyof Our>;
type None<T extends never> = T;

/** Events: each has at least the vendor's members, of types that its listeners take. Objects of classes are left to the members below. */
type Payloads<Their, Our> = { [K in keyof Their & keyof Our]: Fits<Flat<Our[K]>, Flat<Their[K]>> }[keyof Their & keyof Our];
type Flat<T> = T extends { peer: unknown } ? Omit<T, 'peer'> : T;

export type Events = [
  None<Missing<Theirs.MeteredPeerEventMap, Ours.MeteredPeerEventMap>>,
  None<Missing<Theirs.RemotePeerEventMap, Ours.RemotePeerEventMap>>,
  None<Missing<Theirs.SignallingClientEventMap, Ours.SignallingClientEventMap>>,
  None<Missing<Theirs.DataChannelEventMap, Ours.DataChannelEventMap>>,
  Check<Payloads<Theirs.MeteredPeerEventMap, Ours.MeteredPeerEventMap>>,
  Check<Payloads<Theirs.RemotePeerEventMap, Ours.RemotePeerEventMap>>,
  Check<Payloads<Theirs.SignallingClientEventMap, Ours.SignallingClientEventMap>>,
  Check<Payloads<Theirs.DataChannelEventMap, Ours.DataChannelEventMap>>,
];

/** Options: everything that the vendor takes is taken, once there is a URL. */
type WithUrl<T> = Omit<T, 'url'> & { url: string };
export type Options = [
  Check<Fits<WithUrl<Theirs.SignallingClientOptions>, Ours.SignallingClientOptions>>,
  Check<Fits<Omit<WithUrl<Theirs.MeteredPeerOptions>, 'rtcPeerConnectionFactory'>, Ours.MeteredPeerOptions>>,
  None<Missing<Theirs.MeteredPeerOptions, Ours.MeteredPeerOptions>>,
  Check<Fits<Theirs.ReconnectOptions, Ours.ReconnectOptions>>,
  Check<Fits<Theirs.JoinOptions, Ours.JoinOptions>>,
  Check<Fits<Theirs.SubscribeOptions, Ours.SubscribeOptions>>,
  None<Missing<Theirs.DataChannelOptions, Ours.DataChannelOptions>>,
  Check<Fits<Theirs.Logger, Ours.Logger>>,
  Check<Fits<Theirs.TokenProvider, Ours.TokenProvider>>,
  Check<Fits<Theirs.StreamMetadata, Ours.StreamMetadata>>,
];

/** Words: whoever switches over the vendor's has a case for each of ours, and the codes are known. */
export type Words = [
  Check<Fits<Ours.MeteredPeerState, Theirs.MeteredPeerState>>,
  Check<Fits<Ours.PeerConnectionState, Theirs.PeerConnectionState>>,
  Check<Fits<Ours.SignallingClientState, Theirs.SignallingClientState>>,
  Check<Fits<Theirs.ErrorCode, Ours.ErrorCode>>,
  Check<Fits<Theirs.LogLevel, Ours.LogLevel>>,
  Check<Fits<Theirs.WsCloseCode, Ours.WsCloseCode>>,
];

/** Classes: each public member is there. */
export type Members = [
  None<Missing<Theirs.MeteredPeer, Ours.MeteredPeer>>,
  None<Missing<Theirs.RemotePeer, Ours.RemotePeer>>,
  None<Missing<Theirs.SignallingClient, Ours.SignallingClient>>,
  None<Missing<Theirs.DataChannel, Ours.DataChannel>>,
  None<Missing<Theirs.RTCPeerConnectionLike, Ours.RTCPeerConnectionLike>>,
  None<Missing<Theirs.WebSocketLike, Ours.WebSocketLike>>,
];

/** Calls: arguments that the vendor's take, ours take; answers that the vendor's give, ours give. */
type Callable = (...values: never[]) => unknown;
type Taken<Their extends Callable, Our extends Callable> = Fits<Parameters<Their>, Parameters<Our>>;
type Given<Their extends Callable, Our extends Callable> = Fits<ReturnType<Our>, ReturnType<Their>>;
type Calls<Their, Our, Names extends keyof Their & keyof Our> = {
  [K in Names]: Their[K] extends Callable ? (Our[K] extends Callable ? Taken<Their[K], Our[K]> | Given<Their[K], Our[K]> : false) : false;
}[Names];
export type Signatures = [
  Check<Calls<Theirs.MeteredPeer, Ours.MeteredPeer, 'join' | 'close' | 'send' | 'sendTo' | 'addStream' | 'addTrack' | 'removeStream' | 'removeTrack' | 'replaceTrack' | 'getTrackMetadata' | 'getStreamMetadata' | 'toJSON' | 'listenerCount'>>,
  Check<Calls<Theirs.RemotePeer, Ours.RemotePeer, 'send' | 'toJSON' | 'listenerCount'>>,
  Check<Calls<Theirs.SignallingClient, Ours.SignallingClient, 'connect' | 'close' | 'subscribe' | 'unsubscribe' | 'publish' | 'send'>>,
  Check<Calls<Theirs.DataChannel, Ours.DataChannel, 'send' | 'close'>>,
];

/** The comparison itself can fail. */
export type Refused = [
  // @ts-expect-error a member that ours would not have
  None<Missing<Theirs.MeteredPeer & { unheard(): void }, Ours.MeteredPeer>>,
  // @ts-expect-error a payload of another type
  Check<Payloads<{ joined: { peerId: number } }, Ours.MeteredPeerEventMap>>,
  // @ts-expect-error an argument that ours would not take
  Check<Calls<{ join(channel: number): Promise<void> }, Ours.MeteredPeer, 'join'>>,
];
