// The console: who is signed in, which view is open, and the live feed.

import { get, post, session } from './api.js';
import { filterBy, startConnections } from './connections.js';
import { byId, tell } from '../dom.js';
import { showPast, showSample, startGraphs } from './graphs.js';
import { close as closeInspector, inspect, startInspector } from './inspector.js';
import { loadKeys, startKeys } from './keys.js';
import { startRooms } from './rooms.js';

const VIEWS = ['overview', 'connections', 'inspect', 'keys'];
const AGAIN_MS = 3_000;

let isSignedIn = false;
let view = null;
let feed = null;
let wakers = {};

async function open() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  // Neither the history nor a glance over the shoulder needs it.
  if (token) history.replaceState(null, '', '#overview');
  try {
    const state = token ? await post('session', { token }) : await get('session');
    state.signedIn ? enter(state) : askToSignIn();
  } catch (error) {
    askToSignIn(token ? 'This link has been used already, or the server was started anew. Its terminal shows a new one.' : error.message);
  }
}

function enter({ app, mode }) {
  isSignedIn = true;
  byId('opening').hidden = byId('sign-in').hidden = true;
  byId('nav').hidden = byId('live').hidden = byId('app').hidden = false;
  byId('app').textContent = app;
  // There is nothing to sign out of: this machine is let in without a session.
  byId('sign-out').hidden = mode === 'dev';
  listen();
  route();
}

function askToSignIn(why = '') {
  isSignedIn = false;
  feed?.close();
  closeInspector();
  for (const id of ['opening', 'nav', 'live', 'app', 'sign-out', ...VIEWS]) byId(id).hidden = true;
  byId('sign-in').hidden = false;
  byId('sign-in-note').textContent = why;
  view = null;
}

async function signIn() {
  const button = byId('sign-in-form').querySelector('button');
  button.disabled = true;
  byId('sign-in-note').textContent = '';
  try {
    const state = await post('session', { keyId: byId('key-id').value.trim(), secret: byId('secret').value.trim() });
    byId('secret').value = '';
    enter(state);
  } catch (error) {
    const words = error.status === 401 ? 'The server does not accept this key and secret.' : error.message;
    byId('sign-in-note').textContent = words;
  }
  button.disabled = false;
}

/** Shows the view that the address names. */
function route() {
  if (!isSignedIn) return;
  const [name, query] = location.hash.slice(1).split('?');
  const values = new URLSearchParams(query);
  const next = VIEWS.includes(name) ? name : 'overview';
  if (view === 'inspect' || next === 'inspect') closeInspector();
  const isNew = view !== null && next !== view;
  view = next;
  for (const id of VIEWS) byId(id).hidden = id !== view;
  for (const link of byId('nav').children) {
    const isHere = link.hash === `#${view === 'inspect' ? 'connections' : view}`;
    isHere ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
  }
  if (view === 'connections') filterBy(values.get('q') ?? '');
  if (view === 'inspect') inspect(values.get('id') ?? '', values.get('peer') ?? '', values.get('name') ?? '');
  if (view === 'keys') loadKeys().catch(tell);
  wakers[view]?.();
  // A reader that does not see hears of the new view from its beginning.
  if (isNew) byId('main').focus({ preventScroll: true });
}

function listen() {
  feed?.close();
  feed = new EventSource('/console/api/feed');
  feed.addEventListener('open', () => live(true));
  feed.addEventListener('past', ({ data }) => showPast(JSON.parse(data)));
  feed.addEventListener('sample', ({ data }) => {
    live(true);
    showSample(JSON.parse(data));
  });
  feed.addEventListener('error', () => {
    live(false);
    if (feed.readyState === EventSource.CLOSED) setTimeout(lookAgain, AGAIN_MS);
  });
}

/** The feed was refused: the session is over, or the server is away. */
async function lookAgain() {
  if (!isSignedIn) return;
  const state = await get('session').catch(() => null);
  if (state && !state.signedIn) return askToSignIn('The session is over. Sign in again.');
  listen();
}

function live(isLive) {
  const text = isLive ? 'live' : 'the server is away; trying again';
  byId('live').classList.toggle('lost', !isLive);
  if (byId('live').textContent !== text) byId('live').textContent = text;
}

session.addEventListener('signed-out', () => {
  if (isSignedIn) askToSignIn('The session is over. Sign in again.');
});
byId('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault();
  signIn();
});
byId('sign-out').addEventListener('click', async () => {
  await post('session/end').catch(() => {});
  askToSignIn();
});
addEventListener('hashchange', route);

startGraphs();
startInspector();
startKeys();
wakers = {
  overview: startRooms(() => isSignedIn && view === 'overview'),
  connections: startConnections(() => isSignedIn && view === 'connections'),
};
open();
