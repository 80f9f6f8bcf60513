// The samples of the contract's page on coming from another library.

import { MeteredPeer, MeteredPeerReplaceTrackError } from 'peerhall';
import { attachVideo, backend, handle } from './application.js';

export function identified(fetchToken: () => Promise<string>): MeteredPeer {
  return new MeteredPeer({ url: backend.url, tokenProvider: async () => fetchToken() });
}

export async function direct(peer: MeteredPeer, bobId: string): Promise<void> {
  await peer.sendTo(bobId, 'hi');
}

export function channels(peer: MeteredPeer): Map<any, any> {
  const channels = new Map();
  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('state-change', ({ to }) => {
      if (to !== 'connected') return;
      channels.get(remote.id)?.close();
      const dc = remote.pc.createDataChannel('data');
      dc.onmessage = (e) => handle(e.data);
      channels.set(remote.id, dc);
    });
  });
  return channels;
}

export async function call(localId: string, remoteId: string, fetchTokenFor: (id: string, channel: string) => Promise<string>): Promise<MeteredPeer> {
  const channel = `call/${[localId, remoteId].sort().join('-')}`;
  const peer = new MeteredPeer({
    url: backend.url,
    tokenProvider: async () => fetchTokenFor(localId, channel),
  });
  const localStream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  peer.addStream(localStream);
  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('track', ({ streams }) => attachVideo(streams[0]));
  });
  await peer.join(channel);
  return peer;
}

export async function swap(peer: MeteredPeer, oldCam: MediaStreamTrack, newCam: MediaStreamTrack): Promise<void> {
  try {
    await peer.replaceTrack(oldCam, newCam);
  } catch (e) {
    if (e instanceof MeteredPeerReplaceTrackError) {
      for (const { peerId, err } of e.failed) {
        console.warn(`replaceTrack failed for ${peerId}:`, err.message);
      }
    } else throw e;
  }
}
