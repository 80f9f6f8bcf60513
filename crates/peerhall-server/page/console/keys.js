// Keys: which there are, new ones, the end of old ones, and what a token may do.

import { get, post } from './api.js';
import { byId, confirm, copyButton, foreign, make, reconcile, tell } from '../dom.js';

let body = null;

export function startKeys() {
  const heads = ['Key', 'Channels', 'Actions', 'Made', ''];
  body = make('tbody');
  const head = make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text || make('span', { className: 'visually-hidden', textContent: 'Actions on keys' }))));
  byId('keys-list').append(make('table', {}, make('thead', {}, head), body));
  const form = byId('create-form');
  form.addEventListener('submit', (event) => guard(event, 'create-note', create));
  form.addEventListener('change', () => (byId('origins-row').hidden = kind() === 'secret'));
  byId('check-form').addEventListener('submit', (event) => guard(event, 'verdict', check));
}

/** Shows the keys as they are now. */
export async function loadKeys() {
  show((await get('keys')).keys);
}

function show(keys) {
  reconcile(body, keys, ({ id }) => id, row, () => {});
}

function row(key) {
  const id = make('code', { textContent: key.id });
  const what = make('div', { className: 'cell' },
    key.name ? foreign(key.name) : make('span', { className: 'faint', textContent: 'without a name' }), ' ',
    make('span', { className: 'badge', textContent: key.type }),
    make('span', { className: 'sub' }, id));
  const end = key.revokedAt !== null ? make('span', { className: 'faint', textContent: `revoked ${day(key.revokedAt)}` })
    : key.isOwn ? make('span', { className: 'faint', textContent: 'you use it' })
      : make('button', { className: 'small danger', textContent: 'Revoke', 'aria-label': `Revoke ${key.name || key.id}`, onclick: () => revoke(key).catch(tell) });
  const origins = key.origins.length > 0 ? make('span', { className: 'sub', textContent: `from ${key.origins.join(', ')}` }) : null;
  return make('tr', { className: key.revokedAt === null ? '' : 'revoked', 'data-key': key.id },
    cell('Key', what),
    cell('Channels', make('div', { className: 'cell chips' }, ...key.channels.map((channel) => make('span', { className: 'badge' }, foreign(channel))))),
    cell('Actions', make('div', { className: 'cell' }, key.actions.join(', '), origins)),
    cell('Made', make('span', { textContent: day(key.createdAt) })),
    make('td', { className: 'actions' }, end));
}

function cell(label, content) {
  return make('td', { 'data-label': label }, content);
}

const day = (seconds) => new Date(seconds * 1_000).toISOString().slice(0, 10);
const kind = () => byId('create-form').elements.type.value;
const list = (text) => text.split(',').map((part) => part.trim()).filter(Boolean);

async function create() {
  byId('created').hidden = true;
  const boxes = [...document.querySelectorAll('#create-form [name=action]:checked')];
  const made = await post('keys', {
    type: kind(),
    name: byId('new-name').value.trim(),
    channels: list(byId('new-channels').value),
    actions: boxes.map((box) => box.value),
    origins: kind() === 'secret' ? [] : list(byId('new-origins').value),
  });
  byId('created').replaceChildren(
    make('p', { textContent: made.secret ? 'The key is in force. Its secret is shown this once.' : 'The key is in force.' }),
    make('dl', {}, ...entry('Key id', made.keyId), ...(made.secret ? entry('Secret', made.secret) : [])));
  byId('created').hidden = false;
  byId('new-name').value = '';
  await loadKeys();
}

function entry(title, text) {
  const code = make('code', { textContent: text });
  return [make('dt', { textContent: title }), make('dd', {}, code, copyButton(text, code))];
}

async function revoke(key) {
  const name = key.name || key.id;
  const isSure = await confirm(`Revoke “${name}” for good? Its connections are closed, those of its tokens too.`, 'Revoke');
  if (!isSure) return;
  const { keys } = await post('keys/revoke', { keyId: key.id });
  body.querySelector(`[data-key="${CSS.escape(key.id)}"]`)?.remove();
  show(keys);
}

async function check() {
  const { allowed, text } = await post('check', {
    credential: byId('check-credential').value.trim(),
    action: byId('check-action').value,
    channel: byId('check-channel').value,
    origin: byId('check-origin').value.trim() || undefined,
  });
  byId('verdict').className = `verdict ${allowed ? 'yes' : 'no'}`;
  byId('verdict').textContent = text.charAt(0).toUpperCase() + text.slice(1);
}

/** Runs what a form does, and puts what goes wrong where it belongs. */
async function guard(event, noteId, work) {
  event.preventDefault();
  const [note, button] = [byId(noteId), event.target.querySelector('button.primary')];
  note.textContent = '';
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (noteId === 'verdict') note.className = 'verdict no';
    note.textContent = error.message;
  }
  button.disabled = false;
}
