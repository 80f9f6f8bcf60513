import type { MeteredPeer, RemotePeer, PeerConnectionState, StreamMetadata } from './peerhall.js';

/** Cameras, microphones and speakers. Names are empty until a permission was given once. */
export declare function listDevices(): Promise<{
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}>;

/** Why a device or the screen could not be opened. */
export type MediaErrorReason = 'denied' | 'insecure' | 'missing' | 'busy' | 'hidden' | 'failed';

/** A device or the screen could not be opened; `message` is for people. */
export declare class MediaError extends Error {
  readonly name: 'MediaError';
  readonly reason: MediaErrorReason;
  constructor(cause: unknown);
}

/** Says in plain words why a device or the screen could not be opened. */
export declare function explainMediaError(error: unknown): { reason: MediaErrorReason; message: string };

/** Opens camera and microphone, or what `constraints` ask for; rejects with a `MediaError`. */
export declare function openDevices(constraints?: MediaStreamConstraints): Promise<MediaStream>;

/** Goes on with another camera or microphone, without negotiation. Resolves with the new track. */
export declare function switchDevice(peer: MeteredPeer, track: MediaStreamTrack, deviceId: string): Promise<MediaStreamTrack>;

/** Sends a screen, a window or a tab beside the camera; rejects with a `MediaError`. */
export declare function shareScreen(
  peer: MeteredPeer,
  options?: DisplayMediaStreamOptions & { metadata?: StreamMetadata },
): Promise<{ stream: MediaStream; stop(): void; ended: Promise<void> }>;

/** Plays an element; where the browser waits for a gesture, at the first one. Gives a function that gives up. */
export declare function unlockAutoplay(element: HTMLMediaElement, options?: { onBlocked?(): void }): () => void;

/** Measures how loud a stream or a track is, 0 to 1, ten times a second. Gives a function that stops. */
export declare function audioLevel(source: MediaStream | MediaStreamTrack, onLevel: (level: number) => void): () => void;

/** Tells which remote peer speaks; `undefined` when nobody does. Gives a function that stops. */
export declare function activeSpeaker(peer: MeteredPeer, onChange: (speaker: RemotePeer | undefined) => void): () => void;

/** How good the connection to a remote peer is. */
export interface ConnectionView {
  remote: RemotePeer;
  state: PeerConnectionState;
  quality?: 'good' | 'fair' | 'poor';
  path?: 'direct' | 'relay';
}

/** Tells how good the connection to each remote peer is, whenever that changes. Gives a function that stops. */
export declare function connectionQuality(peer: MeteredPeer, onChange: (view: ConnectionView) => void): () => void;
