// The page at `/`: shows how to connect an application, and joins form, room and call together.
// Whatever comes from others is only ever put into text nodes.

import { Call } from './call.js';
import { Room } from './signalling.js';

const byId = (id) => document.getElementById(id);
const url = location.origin.replace(/^http/, 'ws');
const devKey = document.querySelector('meta[name="publishable-key"]').content;

let room = null;
let call = null;
let media = null;
let selfId = null;
/** Everybody else in the room, and the names that people gave themselves. */
const present = new Set();
const names = new Map();
const tiles = new Map();

// ---- How to connect ----

function showConnection() {
  const values = { '{url}': url, '{key}': devKey || 'pk_live_…', '{channel}': byId('channel').value };
  for (const code of document.querySelectorAll('.snippet code')) {
    code.dataset.template ??= code.textContent;
    code.textContent = code.dataset.template.replace(/{(url|key|channel)}/g, (word) => values[word]);
  }
  byId('url').textContent = url;
  byId('dev-key').textContent = devKey;
  byId('key-row').hidden = byId('key-note').hidden = !devKey;
  byId('no-key-note').hidden = Boolean(devKey);
  byId('insecure-note').hidden = isSecureContext;
}

async function copy(button) {
  const source = byId(button.dataset.copies);
  getSelection().selectAllChildren(source);
  // Without a secure context there is no clipboard; the text is selected then.
  await navigator.clipboard?.writeText(source.textContent);
  button.textContent = navigator.clipboard ? 'Copied' : 'Selected';
  setTimeout(() => (button.textContent = 'Copy'), 1_500);
}

// ---- The room ----

function join() {
  say('Connecting…');
  byId('join').disabled = true;
  history.replaceState(null, '', `#${new URLSearchParams({ channel: byId('channel').value })}`);
  room = new Room(url, byId('key').value.trim(), byId('channel').value);
  const on = (type, act) => room.addEventListener(type, ({ detail }) => act(detail));
  on('joined', enter);
  on('came', (peers) => peers.forEach(arrive));
  on('went', (peers) => peers.forEach(depart));
  on('message', ({ from, data }) => read(from, data, (name) => room.send(from, { name })));
  on('direct', ({ from, data }) => call?.receive(from, data) || read(from, data));
  on('lost', ({ retryInMs }) => {
    say(`The connection was lost. Trying again in ${Math.ceil(retryInMs / 1_000)} s…`, 'bad');
  });
  on('ended', end);
}

/** Also after a reconnect: what was known of the room before no longer counts. */
function enter(roster) {
  call?.close();
  selfId = roster.selfId;
  present.clear();
  roster.peers.forEach((peer) => present.add(peer));
  call = new Call(roster, (to, data) => room.send(to, data));
  call.addEventListener('stream', ({ detail }) => showTile(detail.peer, detail.stream));
  call.addEventListener('silence', ({ detail }) => dropTile(detail.peer));
  if (media) call.share(media);
  room.publish({ name: ownName() }).catch(complain);
  byId('join-form').hidden = true;
  byId('room').hidden = false;
  say(`Joined “${byId('channel').value}”.`, 'good');
  showPeople();
}

function arrive(peer) {
  present.add(peer);
  call.add(peer);
  showPeople();
}

function depart(peer) {
  present.delete(peer);
  call.remove(peer);
  note(`${nameOf(peer)} left`);
  showPeople();
}

function end({ reason }) {
  call?.close();
  stopMedia();
  room = call = selfId = null;
  present.clear();
  byId('log').replaceChildren();
  byId('join-form').hidden = false;
  byId('room').hidden = true;
  byId('join').disabled = false;
  say(reason, reason === 'You left.' ? '' : 'bad');
}

/** `{ name }` alone is this page's greeting; `answer` greets back. Other data is a line of chat. */
function read(from, data, answer) {
  const isObject = typeof data === 'object' && data !== null;
  if (isObject && typeof data.name === 'string') names.set(from, data.name.slice(0, 40));
  const isGreeting = isObject && typeof data.name === 'string' && data.text === undefined;
  if (!isGreeting) {
    addLine(nameOf(from), typeof data?.text === 'string' ? data.text : JSON.stringify(data));
  } else if (answer) {
    note(`${nameOf(from)} is here`);
    answer(ownName()).catch(complain);
  }
  showPeople();
}

async function talk() {
  const text = byId('text').value;
  if (!text) return;
  byId('text').value = '';
  try {
    await room.publish({ name: ownName(), text });
    addLine(ownName(), text, 'own');
  } catch (error) {
    complain(error);
  }
}

// ---- Camera and microphone ----

async function toggleCall() {
  if (media) {
    call?.share(null);
    stopMedia();
    return;
  }
  byId('call').disabled = true;
  try {
    if (!navigator.mediaDevices) throw new Error('they need https: or localhost');
    const ask = (video) => navigator.mediaDevices.getUserMedia({ audio: true, video });
    media = await ask(true).catch(() => ask(false));
    if (!room) return stopMedia();
    call?.share(media);
    showTile(selfId, media, true);
    showCall();
  } catch (error) {
    say(`No camera or microphone: ${error.message}`, 'bad');
  } finally {
    byId('call').disabled = false;
  }
}

function stopMedia() {
  media?.getTracks().forEach((track) => track.stop());
  media = null;
  tiles.forEach((tile, peer) => tile.classList.contains('own') && dropTile(peer));
  showCall();
}

function toggleTracks(kind) {
  const tracks = media.getTracks().filter((track) => track.kind === kind);
  tracks.forEach((track) => (track.enabled = !track.enabled));
  showCall();
}

function showCall() {
  const isOn = (kind) => media?.getTracks().some((track) => track.kind === kind && track.enabled);
  byId('call').textContent = media ? 'Stop sharing' : 'Start camera and microphone';
  byId('call').classList.toggle('live', Boolean(media));
  byId('microphone').hidden = byId('camera').hidden = !media;
  byId('microphone').textContent = isOn('audio') ? 'Mute' : 'Unmute';
  byId('camera').textContent = isOn('video') ? 'Camera off' : 'Camera on';
}

// ---- What is seen ----

function showTile(peer, stream, isOwn = false) {
  const tile = tiles.get(peer) ?? byId('tile-template').content.cloneNode(true).firstElementChild;
  const video = tile.querySelector('video');
  tile.classList.toggle('own', isOwn);
  tile.querySelector('figcaption').textContent = isOwn ? `${ownName()} (you)` : nameOf(peer);
  video.muted = isOwn;
  if (video.srcObject !== stream) video.srcObject = stream;
  if (!tiles.has(peer)) byId('tiles').append(tile);
  tiles.set(peer, tile);
}

function dropTile(peer) {
  tiles.get(peer)?.remove();
  tiles.delete(peer);
}

function showPeople() {
  const items = [...present].map((peer) => item(nameOf(peer), '', peer));
  byId('people').replaceChildren(item(`${ownName()} (you)`, 'own', selfId), ...items);
  byId('count').textContent = present.size + 1;
  for (const [peer, tile] of tiles) {
    if (present.has(peer)) tile.querySelector('figcaption').textContent = nameOf(peer);
  }
}

function addLine(name, text, kind = '') {
  const line = item(text, kind);
  const who = document.createElement('strong');
  who.textContent = name;
  line.prepend(who);
  log(line);
}

const note = (text) => log(item(text, 'event'));

function log(line) {
  const list = byId('log');
  list.append(line);
  if (list.children.length > 500) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

function item(text, kind, title = '') {
  const element = document.createElement('li');
  element.textContent = text;
  element.className = kind;
  element.title = title;
  return element;
}

function say(text, kind = '') {
  byId('status').textContent = text;
  byId('status').className = kind;
}

const complain = (error) => say(error.message, 'bad');
const ownName = () => byId('name').value.trim() || 'Anonymous';
const nameOf = (peer) => names.get(peer) || `Peer ${peer.slice(0, 8)}`;

// ---- Wiring ----

const submit = (id, act) => {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
};
submit('join-form', join);
submit('chat-form', talk);
byId('leave').addEventListener('click', () => room?.leave());
byId('call').addEventListener('click', toggleCall);
byId('microphone').addEventListener('click', () => toggleTracks('audio'));
byId('camera').addEventListener('click', () => toggleTracks('video'));
byId('channel').addEventListener('input', showConnection);
for (const button of document.querySelectorAll('.copy')) button.addEventListener('click', () => copy(button));

if (devKey) byId('key').value = devKey;
byId('key-label').hidden = Boolean(devKey);
byId('join-form').classList.toggle('has-key', Boolean(devKey));
byId('channel').value = new URLSearchParams(location.hash.slice(1)).get('channel') || 'lobby';
showConnection();
