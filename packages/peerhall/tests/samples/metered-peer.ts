// The samples of the contract's page on peers. The URL is what migration adds; the rest is what TypeScript wants.

import {
  MeteredPeer, MeteredPeerOversizedError, MeteredPeerReplaceTrackError, type MeteredPeerEventMap, type MeteredPeerOptions,
  type StreamMetadata,
} from 'peerhall';
import {
  addMessage, addTile, appendMessage, appendToPrivateThread, appendToRoomChat, attachToFaceTile, attachToScreenTile, backend, log,
  reportToSentry, showAccessDeniedUI, showAuthFlowBroken, showBillingUI, showKickedUI, showReloginPrompt, toast,
} from './application.js';

export function constructed(apiKey: string, fetchJwtFromYourBackend: () => Promise<string>): [MeteredPeer, MeteredPeer] {
  const peer = new MeteredPeer({
    url: backend.url,
    apiKey,
  });
  const other = new MeteredPeer({
    url: backend.url,
    tokenProvider: async () => fetchJwtFromYourBackend(),
  });
  return [peer, other];
}

export async function joined(peer: MeteredPeer): Promise<void> {
  peer.on('peer-joined', ({ peer: remote }) => addTile(remote));
  await peer.join('room-42');
  log(peer.peerId);
}

export async function again(peer: MeteredPeer, opts: MeteredPeerOptions, channel: string): Promise<MeteredPeer> {
  await peer.close('user logged out');
  peer = new MeteredPeer(opts);
  await peer.join(channel);
  return peer;
}

export async function chat(peer: MeteredPeer): Promise<void> {
  await peer.send({ type: 'chat', text: 'hi everyone' });
}

export async function whisper(peer: MeteredPeer, otherPeer: { id: string }): Promise<void> {
  await peer.sendTo(otherPeer.id, { whisper: 'private' });
}

export async function tooBig(peer: MeteredPeer, huge: unknown): Promise<void> {
  try {
    await peer.send(huge);
  } catch (e) {
    if (e instanceof MeteredPeerOversizedError) {
      toast(`Message too big (${e.size} bytes, max ${e.cap})`);
    } else throw e;
  }
}

export async function camera(peer: MeteredPeer): Promise<MediaStream> {
  const local = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  peer.addStream(local, { role: 'camera', label: 'front cam' });
  return local;
}

export function singleTracks(peer: MeteredPeer, local: MediaStream): void {
  const audioTrack = local.getAudioTracks()[0];
  const videoTrack = local.getVideoTracks()[0];
  peer.addTrack(audioTrack, local, { role: 'voice' });
  peer.addTrack(videoTrack, local, { role: 'camera', label: 'front' });
}

export function label(peer: MeteredPeer, localScreen: MediaStream): string | undefined {
  const meta = peer.getStreamMetadata(localScreen);
  log(meta?.label);
  return meta?.label;
}

export async function screenInstead(peer: MeteredPeer, cameraTrack: MediaStreamTrack): Promise<MediaStreamTrack> {
  const screen = await navigator.mediaDevices.getDisplayMedia({ video: true });
  await peer.replaceTrack(cameraTrack, screen.getVideoTracks()[0]);
  return screen.getVideoTracks()[0];
}

export async function carefulSwap(peer: MeteredPeer, oldCam: MediaStreamTrack, newCam: MediaStreamTrack): Promise<void> {
  try {
    await peer.replaceTrack(oldCam, newCam);
  } catch (e) {
    if (e instanceof MeteredPeerReplaceTrackError) {
      for (const { peerId, err } of e.failed) {
        console.warn(`replaceTrack failed for ${peerId}`, err);
      }
    } else throw e;
  }
}

/** What the contract says of a label. */
export const metadata: StreamMetadata = { role: 'custom', label: 'mine', anything: [1, 2] };

export async function cameraAndScreen(peer: MeteredPeer): Promise<void> {
  const cam = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  peer.addStream(cam, { role: 'camera', label: 'front cam' });

  const screen = await navigator.mediaDevices.getDisplayMedia({ video: true });
  peer.addStream(screen, { role: 'screen', label: 'shared window' });
}

export function cameraAndScreenSeen(peer: MeteredPeer): void {
  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('stream-added', ({ stream, metadata }) => {
      if (metadata?.role === 'camera') attachToFaceTile(stream);
      if (metadata?.role === 'screen') attachToScreenTile(stream);
    });
  });
}

export function reads(peer: MeteredPeer): [string, string | null, string | null, number] {
  return [peer.state, peer.peerId, peer.channel, peer.remotePeers.length];
}

export function on<K extends keyof MeteredPeerEventMap>(peer: MeteredPeer, eventName: K, handler: (payload: MeteredPeerEventMap[K]) => void): void {
  peer.on(eventName, handler);
}

export function kinds(peer: MeteredPeer): void {
  peer.on('data', ({ senderPeerId, data, kind }) => {
    if (kind === 'broadcast') {
      appendToRoomChat(senderPeerId, data);
    } else {
      appendToPrivateThread(senderPeerId, data);
    }
  });
}

export async function names(peer: MeteredPeer): Promise<void> {
  await peer.join('room-42', { includeSenderMetadata: true });

  peer.on('data', ({ senderPeerId, senderMetadata, data }) => {
    const name = senderMetadata?.username ?? 'Anonymous';
    appendMessage(name, data.text);
    void senderPeerId;
  });
}

export function errors(peer: MeteredPeer): void {
  peer.on('error', ({ err }) => {
    switch (err.name) {
      case 'invalid_token':
      case 'token_expired':
        showReloginPrompt();
        break;
      case 'account_suspended':
        showBillingUI();
        break;
      case 'admin_disconnect':
        showKickedUI();
        break;
      case 'channel_not_authorized':
        showAccessDeniedUI();
        break;
      case 'TokenProviderError':
        showAuthFlowBroken();
        break;
      default:
        reportToSentry(err);
    }
  });
}

export function attributed(peer: MeteredPeer): void {
  peer.on('data', ({ data }) => addMessage(data.from, data.text));
  peer.on('data', ({ senderPeerId, data }) => addMessage(senderPeerId, data.text));
}
