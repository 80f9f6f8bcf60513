// The samples at work: Alice and Bob in Chromium, on a real server. `samples.mjs` of the foreign clients calls this.

import { MeteredPeer, SignallingClient, type MeteredPeerOptions } from 'peerhall';
import { backend, called, calls, until } from './application.js';
import * as metered from './metered-peer.js';
import * as migration from './migration.js';
import * as remotes from './remote-peer.js';

// What the test's side of the page does.
declare const tokenOf: (peer: string) => Promise<string>;
declare const kick: (peer: string) => Promise<void>;

const options = (peer: string): MeteredPeerOptions => ({ url: backend.url, tokenProvider: () => backend.token(peer) });

function must(holds: unknown, what: string): void {
  if (!holds) throw new Error(what);
}

/** Sets where things are; first of all. */
export function prepare(url: string, apiKey: string): void {
  backend.url = url;
  backend.token = tokenOf;
  document.body.innerHTML = '<div id="grid"></div>';
  key = apiKey;
}
let key = '';

/** The page on remote peers. Alice listens, Bob shows and speaks. */
export async function remotePeers(): Promise<void> {
  const [alice, bob] = [new MeteredPeer(options('alice')), new MeteredPeer(options('bob'))];
  remotes.avatars(alice);
  remotes.nameTags(alice);
  remotes.tiles(alice);
  const channels = remotes.reopenedChannels(alice);
  bob.on('peer-joined', ({ peer }) => {
    peer.on('data-channel', ({ channel }) => {
      channel.addEventListener('message', ({ data }) => channel.send(data));
    });
  });
  const heard: unknown[] = [];
  bob.on('data', ({ data }) => heard.push(data));
  const camera = await metered.camera(bob);
  await alice.join('remote-peers');
  alice.on('peer-joined', ({ peer }) => {
    remotes.tracks(peer);
    remotes.reboundTiles(peer);
    remotes.spinners(peer);
  });
  await bob.join('remote-peers');
  await called('showAvatar', (url) => url === 'https://example.org/bob.png');
  await called('log', (line) => line === 'Bob joined');
  const remote = alice.remotePeers[0];
  must(remotes.reads(remote)[0] === 'bob', 'the id is that of the token');
  await called('updateNameTag', (id, name) => id === 'bob' && name === 'Bob');
  await called('hideLoadingSpinner', (id) => id === 'bob');
  await called('attachToAudioPipeline', (track) => track.kind === 'audio');
  await called('attachToVideoTile', (stream, metadata) => stream.id === camera.id && metadata.label === 'front cam');
  await until(() => document.querySelector(`[data-stream-id="${CSS.escape(camera.id)}"]`), 'a tile');
  must(remotes.tilesByStreamId.get(camera.id)?.srcObject, 'the second tile has the stream');

  await remotes.whisper(remote);
  await until(() => heard.some((data) => (data as { whisper?: string }).whisper === 'private'), 'the whisper');
  const dc = remotes.game(remote);
  await called('log', (line, id) => line === 'DC open to' && id === 'bob');
  dc.send(JSON.stringify({ tick: 1 }));
  await called('handleGameTick', (tick) => tick.tick === 1);
  await until(() => channels.get('bob')?.readyState === 'open', 'the channel for data');
  channels.get('bob').send('ping');
  await called('handle', (data) => data === 'ping');
  remotes.safeToLog(remote);
  await called('log', (line) => JSON.stringify(line) === '{"id":"bob","state":"connected"}');

  // A cut: everything that the page promises about reconnects.
  const before = calls.updateNameTag!.length;
  const [first, tile] = [channels.get('bob'), remotes.tilesByStreamId.get(camera.id)!];
  const shown = tile.srcObject;
  alice.dropConnection();
  await called('showLoadingSpinner', (id) => id === 'bob');
  await until(() => calls.updateNameTag!.length > before, 'the name tag is written again');
  await until(() => channels.get('bob') !== first && channels.get('bob').readyState === 'open', 'another channel');
  await until(() => tile.srcObject !== shown, 'the tile shows the new stream');
  must((tile.srcObject as MediaStream).id === camera.id, 'of the same id');
  must(alice.remotePeers[0] === remote, 'the remote peer is the same object');
  // The simpler sample makes a tile for each event, so there are two by now, and takes one of them away.
  const tiles = () => document.querySelectorAll(`[data-stream-id="${CSS.escape(camera.id)}"]`).length;
  must(tiles() === 2, `${tiles()} tiles after a reconnect`);
  bob.removeStream(camera);
  await until(() => tiles() === 1, 'a tile goes');
  await bob.close();
  await called('removeTile', (id) => id === 'bob');
  await alice.close();
}

/** The page on peers. */
export async function meteredPeers(): Promise<void> {
  const [anonymous, alice] = metered.constructed(key, () => backend.token('alice'));
  const bob = new MeteredPeer(options('bob'));
  must(JSON.stringify(metered.reads(anonymous)) === '["idle",null,null,0]', 'nothing connects by itself');
  await anonymous.close();

  metered.kinds(alice);
  metered.attributed(alice);
  metered.errors(alice);
  metered.cameraAndScreenSeen(alice);
  await metered.joined(bob);
  await called('log', (id) => id === 'bob');
  await metered.names(alice);
  await called('addTile', (remote) => remote.id === 'alice');
  await until(() => metered.reads(alice)[3] === 1, 'Alice sees Bob');
  await metered.chat(bob);
  await called('appendToRoomChat', (from, data) => from === 'bob' && data.text === 'hi everyone');
  await called('appendMessage', (name, text) => name === 'Bob' && text === 'hi everyone');
  await metered.whisper(bob, { id: 'alice' });
  await called('appendToPrivateThread', (from, data) => from === 'bob' && data.whisper === 'private');
  await bob.send({ from: 'somebody else', text: 'mine' });
  await called('addMessage', (from, text) => from === 'bob' && text === 'mine');
  await metered.tooBig(bob, 'x'.repeat(70_000));
  await called('toast', (text) => text === 'Message too big (70002 bytes, max 65536)');

  await metered.cameraAndScreen(bob);
  await called('attachToFaceTile');
  await called('attachToScreenTile');
  const local = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  metered.singleTracks(alice, local);
  must(alice.getTrackMetadata(local.getAudioTracks()[0])?.role === 'voice', 'each track has its own label');
  const shared = await navigator.mediaDevices.getDisplayMedia({ video: true });
  alice.addStream(shared, { label: 'shared screen' });
  must(metered.label(alice, shared) === 'shared screen', 'a label is given back');
  const screen = await metered.screenInstead(alice, local.getVideoTracks()[0]);
  await metered.carefulSwap(alice, screen, local.getVideoTracks()[0]);

  const left: unknown[] = [];
  metered.on(alice, 'left', (payload) => left.push(payload));
  const back = await metered.again(alice, options('alice'), 'room-42');
  must(JSON.stringify(left) === '[{"peerId":"alice","channel":"room-42","reason":"user logged out"}]', `left: ${JSON.stringify(left)}`);
  metered.errors(back);
  await kick('alice');
  await called('showKickedUI');
  await bob.close();
}

/** The page on coming from another library. */
export async function migrated(): Promise<void> {
  const alice = migration.identified(() => backend.token('alice'));
  const channels = migration.channels(alice);
  const heard: unknown[] = [];
  const client = new SignallingClient(options('bob'));
  client.on('direct', ({ data }) => heard.push(data));
  await client.connect();
  await alice.join('desk');
  await migration.direct(alice, 'bob');
  await until(() => heard.includes('hi'), 'the direct message');
  await client.close();
  must(channels.size === 0, 'nobody to have a channel with');
  await alice.close();

  delete calls.attachVideo;
  const [one, other] = await Promise.all([
    migration.call('alice', 'bob', (id) => backend.token(id)),
    migration.call('bob', 'alice', (id) => backend.token(id)),
  ]);
  await until(() => (calls.attachVideo?.length ?? 0) >= 4, 'sound and picture on both sides');
  const [camera] = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks();
  const next = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks()[0];
  one.addTrack(camera);
  await migration.swap(one, camera, next);
  must(one.getTrackMetadata(camera) === undefined, 'the old track is not kept');
  await Promise.all([one.close(), other.close()]);
}
