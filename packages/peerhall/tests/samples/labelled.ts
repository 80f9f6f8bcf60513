// The sample of the contract's page on labelled peers, and what else an application does with the entry. Compiled only:
// `package_labelled.mjs` of the foreign clients runs the same calls.

import {
  BroadcastError, FileCode, LabelledError, MeteredPeer, Peer, Room, labels, type Incoming, type MeteredRemotePeer, type RemotePeer,
} from 'peerhall/labelled';
import { MeteredPeer as MainPeer, type RemotePeer as MainRemotePeer } from 'peerhall';
import { log } from './application.js';

export async function contract(remote: RemotePeer): Promise<void> {
  // send a message to default channel
  await remote.send('Hello, peer!');
  // send large data with a progress handler
  const file = new File([new Uint8Array(1024 * 1024)], 'example.dat');
  const transfer = remote.send(file, {
    label: 'chat', // channel label
    info: { filename: file.name }, // metadata
    signal: AbortSignal.timeout(10000), // abort signal
  });
  // optionally handle the progress
  for await (const progress of transfer) {
    const { id, label, current, total } = progress;
    const percent = Math.round((current / total!) * 100);
    log(`[${id}:${label}] Sending... ${percent}%`);
  }
}

export async function members(remote: RemotePeer, stream: MediaStream): Promise<unknown[]> {
  remote.open('chat');
  remote.open({ label: 'game', ordered: false, maxRetransmits: 0, protocol: 'moves' });
  remote.channels.get('game')?.send('left');
  const shared: MediaStream | undefined = remote.share({ label: 'camera', stream, managed: true, videoParameters: { maxBitrate: 500_000 } });
  remote.share(stream);
  remote.unshare('camera');
  remote.close('chat');
  remote.on(['channel:open', 'channel:close'], ({ label }) => log(label)).once('stream:add', ({ stream: came, label }) => log(`${label} ${came.id}`));
  remote.off('channel:open');
  remote.emit('anything', 1);
  const { id, room, metadata, state, connection, streams } = remote;
  remote.dispose();
  return [shared, id, room, metadata?.name, state, connection.iceConnectionState, streams.size, JSON.stringify(remote)];
}

export async function everybody(url: string, apiKey: string): Promise<void> {
  const room: Peer = new Room({ url, apiKey, stallMs: 10_000 });
  room.open('files');
  room.on('channel:message', async ({ data, info, remote }) => {
    if (typeof data === 'string' || data instanceof ArrayBuffer) return;
    const message: Incoming = data;
    log(`${remote?.id} ${message.fileName} ${info?.place} ${(await message) as string} ${message.receipt?.proof}`);
  });
  await room.join('lobby');
  const sending = room.send(new Blob(['x']), 'files');
  sending.transfers.get('ben')?.pause();
  try {
    for (const { id, receipt } of await sending) log(`${id} ${receipt?.bytes}`);
  } catch (error) {
    if (error instanceof BroadcastError) log(String(error.results.length));
    if (error instanceof LabelledError && error.code === 'cancelled') log(error.reason ?? '');
  }
  await room.leave();
}

export async function byCode(typed: string, url: string, apiKey: string): Promise<void> {
  const code = new FileCode(typed);
  const room = new Room({ url, apiKey });
  room.open('peerhall files');
  room.on('connection:connected', ({ remote }) => {
    const proof: string | undefined = remote && code.proof('receiver', remote.connection);
    remote?.send({ type: 'ask', proof }, 'peerhall files');
  });
  room.on('channel:message', async ({ remote, data }) => {
    if (typeof data === 'string' || data instanceof ArrayBuffer || !remote) return;
    const said = data.kind === 'json' ? await data : undefined;
    if (code.proves('sender', remote.connection, said?.proof)) log(`${code.code} ${JSON.stringify(said.files)}`);
  });
  await room.join(code.channel);
}

/** What is written for a peer of `peerhall` takes one of `peerhall/labelled`. */
const greet = (peer: MainPeer): void => void peer.on('peer-joined', ({ peer: remote }) => log(remote.id)).send({ hello: 1 });
const metadataOf = (remote: MainRemotePeer): unknown => remote.metadata;

export async function oneObject(url: string, apiKey: string, stream: MediaStream): Promise<void> {
  await use(new MeteredPeer({ url, apiKey, stallMs: 10_000 }), stream);
  await use(new MainPeer({ url, apiKey, labels, fallback: false }), stream);
  await use(new MainPeer({ url, apiKey, labels: (await import('peerhall/labelled')).labels }), stream);
}

async function use(peer: MainPeer, stream: MediaStream): Promise<void> {
  peer.openChannel('files');
  peer.openChannel({ label: 'game', ordered: false, maxRetransmits: 0, protocol: 'moves' });
  peer.on('peer-joined', async ({ peer: remote }) => {
    const theirs: MeteredRemotePeer = remote;
    log(metadataOf(theirs) as string);
    remote.on('transfer', ({ label, info }) => log(`${label} ${info?.place}`)).on('stream-added', ({ metadata }) => log(metadata?.label ?? ''));
    for await (const { acked, total } of remote.transfer('hello', 'files')) log(`${acked} of ${total}`);
  });
  peer.once('transfer', async ({ peer: remote, data }) => {
    const message: Incoming = data;
    log(`${remote.id} ${message.fileName} ${(await message) as string} ${remote.labelled.way}`);
  });
  greet(peer);
  await peer.join('lobby');
  peer.share({ label: 'camera', stream });
  const [remote] = peer.remotePeers;
  remote?.share(stream);
  log(`${remote?.streams.size} ${remote?.channels.get('game')?.readyState} ${peer.labelled.connections.size}`);
  const results = await peer.transfer(new Blob(['x']), { label: 'files', info: { place: 1 } });
  for (const { id, receipt } of results) log(`${id} ${receipt?.proof}`);
  peer.unshare('camera');
  peer.closeChannel('game');
  await peer.send('through the server');
  const same: boolean = peer.labelled.peer === peer;
  log(String(same));
}
