// The samples of the contract's page on remote peers. What is added is what TypeScript wants of the browser's own
// types and of a name that may be missing: `!`.

import type { MeteredPeer, RemotePeer } from 'peerhall';
import {
  attachToAudioPipeline, attachToVideoTile, handle, handleGameTick, hideLoadingSpinner, log, removeTile, showAvatar,
  showLoadingSpinner, updateNameTag,
} from './application.js';

export function reads(remote: RemotePeer): [string, Record<string, unknown> | undefined, string, boolean, object] {
  return [remote.id, remote.metadata, remote.state, remote.polite, remote.pc];
}

export function avatars(peer: MeteredPeer): void {
  peer.on('peer-joined', ({ peer: remote }) => {
    log(`${remote.metadata!.username} joined`);
    showAvatar(remote.metadata!.avatarUrl);
  });
}

export function nameTags(peer: MeteredPeer): void {
  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('state-change', ({ to }) => {
      if (to === 'connected') {
        updateNameTag(remote.id, remote.metadata?.username);
      }
    });
  });
}

export async function whisper(remote: RemotePeer): Promise<void> {
  await remote.send({ whisper: 'private' });
}

export function tiles(peer: MeteredPeer): void {
  peer.on('peer-joined', ({ peer: remote }) => {
    remote.on('stream-added', ({ stream, metadata }) => {
      const tile = document.createElement('video');
      tile.autoplay = true;
      tile.playsInline = true;
      tile.dataset.streamId = stream.id;
      if (metadata?.role === 'screen') tile.classList.add('screen-share');
      document.querySelector('#grid')!.appendChild(tile);
      tile.srcObject = stream;
    });
    remote.on('stream-removed', ({ stream }) => {
      document.querySelector(`[data-stream-id="${stream.id}"]`)?.remove();
    });
  });
}

export function tracks(remote: RemotePeer): void {
  remote.on('track', ({ track, streams, metadata }) => {
    if (track.kind === 'audio') attachToAudioPipeline(track);
    if (track.kind === 'video') attachToVideoTile(streams[0], metadata);
  });
}

export const tilesByStreamId = new Map<string, HTMLVideoElement>();

export function reboundTiles(remote: RemotePeer): void {
  remote.on('stream-added', ({ stream }) => {
    let tile = tilesByStreamId.get(stream.id);
    if (!tile) {
      tile = document.createElement('video');
      tile.autoplay = true;
      document.querySelector('#grid')!.appendChild(tile);
      tilesByStreamId.set(stream.id, tile);
    }
    tile.srcObject = stream;
  });
}

export function spinners(remote: RemotePeer): void {
  remote.on('state-change', ({ to }) => {
    if (to === 'connected') hideLoadingSpinner(remote.id);
    if (to === 'reconnecting') showLoadingSpinner(remote.id);
    if (to === 'closed') removeTile(remote.id);
  });
}

export function game(remote: RemotePeer): RTCDataChannel {
  const dc = remote.pc.createDataChannel('game-state', { ordered: false });
  dc.onopen = () => log('DC open to', remote.id);
  dc.onmessage = (ev) => handleGameTick(JSON.parse(ev.data));
  return dc;
}

export function reopenedChannels(peer: MeteredPeer): Map<any, any> {
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

export function safeToLog(remote: RemotePeer): void {
  log(remote.toJSON());
}
