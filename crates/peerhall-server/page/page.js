// The page at `/`: joins form, room and call together. Whatever comes from others is only ever put into
// text nodes.

import { asked, remember } from './address.js';
import { startBreaking, stopBreaking } from './breakit.js';
import { addLine, addNote, showPeople } from './chat.js';
import { copy, devKey, showConnection, showSource, url } from './connect.js';
import { byId, make } from './dom.js';
import { forgetFiles, renameFiles, showFiles, startFiles } from './files-view.js';
import { Media } from './media.js';
import { startReports, stopReports } from './report.js';
import * as tiles from './tiles.js';
import { mark, startTimeline, stopTimeline } from './timeline.js';

const media = new Media();
let room = null;
/** What is said while nothing is wrong: text and kind. */
let standing = [];

const ownName = () => byId('name').value.trim() || 'Anonymous';
const nameOf = (id) => (id === 'self' || id === room?.selfId ? `${ownName()} (you)` : room?.nameOf(id) ?? id);

/** Most of what the page loads is the SDK, and nothing that can be done before joining needs it. */
const loadRoom = () => import('./room.js').catch(() => {
  throw new Error('The rest of this page has not come. Load the page again.');
});

/** Joins the room of a code, whose files are shown and nothing else. */
async function take() {
  wait(true);
  try {
    const { codeIn } = await loadRoom();
    const code = codeIn(byId('code').value);
    if (!byId('key').value.trim()) throw new Error('The publishable key of this server is needed, too: type it above, and take the files then.');
    await join({ channel: code.channel, code });
  } catch (error) {
    wait(false);
    say(error.message, 'bad');
  }
}

async function join({ channel, code }) {
  say('Connecting…');
  wait(true);
  remember(code ? { code: code.code } : { channel });
  standing = code ? WAITING : [`Joined “${channel}”.`, 'good'];
  byId('room').classList.toggle('by-code', Boolean(code));
  try {
    const { Room } = await loadRoom();
    room = new Room({ url, key: byId('key').value.trim(), channel, name: ownName(), code });
  } catch (error) {
    end({ reason: error.message });
    return;
  }
  const on = (type, act) => room.addEventListener(type, ({ detail }) => act(detail));
  on('state', ({ state }) => entered(state));
  on('came', ({ remote }) => {
    tiles.watch(remote, nameOf);
    showPeople(room);
  });
  on('went', ({ remote }) => {
    addNote(`${room.nameOf(remote.id)} left`);
    tiles.forget(remote.id);
    showPeople(room);
  });
  on('named', ({ id }) => {
    addNote(`${room.nameOf(id)} is here`);
    showPeople(room);
    renameFiles();
    tiles.refresh(nameOf);
  });
  on('line', ({ from, text, isPrivate }) => {
    addLine(room.nameOf(from), text, { aside: isPrivate ? 'only to you' : '' });
    showPeople(room);
  });
  on('way', () => showPeople(room));
  on('happened', mark);
  on('ended', end);
  media.attach(room);
  showFiles(code ? () => 'the sender' : nameOf, room.files);
  if (code) watchSender(room.files);
  startTimeline(nameOf);
  startReports(room, byId('key').value.trim());
}

const WAITING = ['Waiting for the sender. “peerhall send” has to be running there; if it is, compare the code.'];
const BACK = ['The sender has left before everything was here. Waiting for it to come back.', 'bad'];
const OVER = ['Everything is here.', 'good'];

/** Says how it stands with the sender of a code. */
function watchSender(files) {
  const on = (type, act) => files.addEventListener(type, ({ detail }) => {
    // Whoever leaves sees all others go.
    if (files !== room?.files) return;
    standing = act(detail);
    sayJoined();
  });
  on('offered', ({ offer }) => {
    offer.addEventListener('changed', () => {
      if (offer.state !== 'here') return;
      standing = OVER;
      sayJoined();
    });
    return ['The sender is here.', 'good'];
  });
  on('withdrawn', ({ offer }) => (offer.state === 'here' ? OVER : BACK));
}

/** Also after a reconnect. */
function entered(state) {
  if (state === 'joined') {
    byId('join-form').hidden = byId('code-form').hidden = true;
    byId('room').hidden = false;
    sayJoined();
    showPeople(room);
  } else if (state === 'reconnecting') {
    say('The connection to the server was lost. Coming back…', 'bad');
  }
}

function end({ reason }) {
  media.attach(null);
  media.stop();
  tiles.forgetAll();
  stopTimeline();
  stopReports();
  stopBreaking();
  forgetFiles();
  room = null;
  byId('log').replaceChildren();
  byId('events').replaceChildren();
  byId('join-form').hidden = byId('code-form').hidden = false;
  byId('room').hidden = true;
  wait(false);
  say(reason, reason === 'You left.' ? '' : 'bad');
}

/** Nobody enters twice. */
function wait(isOn) {
  byId('join').disabled = byId('take').disabled = isOn;
}

async function talk() {
  const [text, to] = [byId('text').value, byId('to').value];
  if (!text || !room) return;
  byId('text').value = '';
  try {
    await room.say(text, to || null);
    addLine(ownName(), text, { isOwn: true, aside: to ? `only to ${room.nameOf(to)}` : '' });
  } catch (error) {
    say(error.message, 'bad');
  }
}

async function toggle(button, isOn, start, stop) {
  if (isOn) {
    stop();
    return;
  }
  button.disabled = true;
  try {
    await start();
    // What went wrong the last time is over.
    if (room?.peer.state === 'joined') sayJoined();
  } catch (error) {
    say(error.message, 'bad');
  }
  button.disabled = false;
}

function showMedia() {
  const { camera, screen } = media;
  byId('call').textContent = camera ? 'Stop sharing' : 'Start camera and microphone';
  byId('call').classList.toggle('live', Boolean(camera));
  byId('microphone').hidden = !media.has('audio');
  byId('camera').hidden = !media.has('video');
  byId('microphone').textContent = media.isOn('audio') ? 'Mute' : 'Unmute';
  byId('camera').textContent = media.isOn('video') ? 'Camera off' : 'Camera on';
  byId('screen').textContent = screen ? 'Stop screen' : 'Share screen';
  byId('screen').classList.toggle('live', Boolean(screen));
  tiles.showOwn('camera', camera, nameOf);
  tiles.showOwn('screen', screen, nameOf);
}

const sayJoined = () => say(...standing);

/** Fills in what the address says. Who came by the link of `peerhall send` came for its files. */
function fillIn() {
  const { channel, code, key } = asked();
  if (channel) byId('channel').value = channel;
  // The key of a link is that of the app in which the others are.
  byId('key').value = key || devKey || byId('key').value;
  if (!code) return;
  byId('code').value = code;
  take();
}

function say(text, kind = '') {
  byId('status').textContent = text;
  byId('status').className = kind;
}

function submit(id, act) {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

submit('join-form', () => join({ channel: byId('channel').value }));
submit('code-form', take);
submit('chat-form', talk);
byId('leave').addEventListener('click', () => room?.leave());
byId('call').addEventListener('click', () => toggle(byId('call'), media.camera, () => media.startCamera(), () => media.stopCamera()));
byId('screen').addEventListener('click', () => toggle(byId('screen'), media.screen, () => media.startScreen(), () => media.stopScreen()));
byId('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
byId('microphone').addEventListener('click', () => media.toggle('audio'));
byId('camera').addEventListener('click', () => media.toggle('video'));
media.addEventListener('changed', showMedia);
byId('doctor-start').addEventListener('click', async () => {
  byId('doctor-start').disabled = true;
  try {
    const { examine } = await import('./doctor.js');
    await examine(url, byId('key').value.trim());
  } catch (error) {
    byId('doctor-lines').append(make('li', { textContent: `The check ended early: ${error.message}` }));
  } finally {
    byId('doctor-start').disabled = false;
  }
});
startBreaking(() => room, (text) => mark({ id: 'self', kind: 'broken', text }));
byId('channel').addEventListener('input', showConnection);
for (const button of document.querySelectorAll('.copy')) button.addEventListener('click', () => copy(button));

byId('key-label').hidden = Boolean(devKey);
byId('join-form').classList.toggle('has-key', Boolean(devKey));
byId('channel').value = 'lobby';
startFiles();
wait(false);
byId('doctor-start').disabled = false;
byId('stalled').remove();
fillIn();
showConnection();
addEventListener('hashchange', () => byId('join').disabled || fillIn());
showSource().catch(() => {});
// Whoever joins does not wait for it then. Should it not come, joining says so.
(globalThis.requestIdleCallback ?? setTimeout)(() => loadRoom().then(({ prepare }) => prepare(), () => {}));
