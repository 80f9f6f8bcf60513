import type {
  MeteredPeer, MeteredPeerEventMap, MeteredPeerOptions, MeteredPeerState, RemotePeer, RemotePeerEventMap, StreamMetadata,
} from './peerhall.js';

/** What a component shows of a peer. */
export interface PeerView {
  /** `null` until the component is mounted. */
  peer: MeteredPeer | null;
  state: MeteredPeerState;
  remotes: RemotePeer[];
  /** Why joining failed, or what the peer's `error` event told. */
  error: Error | null;
}

/** A peer in a channel for as long as the component is mounted. Another channel, server or key: another peer. */
export declare function usePeer(options: MeteredPeerOptions, channel: string | null | undefined): PeerView;

/** Calls the latest `handler` at an event. */
export declare function usePeerEvent<K extends keyof MeteredPeerEventMap>(
  target: MeteredPeer | null | undefined, event: K, handler: (payload: MeteredPeerEventMap[K]) => void,
): void;
export declare function usePeerEvent<K extends keyof RemotePeerEventMap>(
  target: RemotePeer | null | undefined, event: K, handler: (payload: RemotePeerEventMap[K]) => void,
): void;

/** The streams of a remote peer that are live now. */
export declare function useRemoteStreams(
  remote: RemotePeer | null | undefined,
): Array<{ stream: MediaStream; metadata?: StreamMetadata }>;
