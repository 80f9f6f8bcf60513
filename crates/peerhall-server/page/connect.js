// How to connect an application: addresses and snippets, filled in.

import { byId } from './dom.js';

export const url = location.origin.replace(/^http/, 'ws');
export const devKey = document.querySelector('meta[name="publishable-key"]').content;

/** Fills in the snippets and what belongs to them. */
export function showConnection() {
  const values = { '{url}': url, '{key}': devKey || 'pk_live_…', '{channel}': byId('channel').value };
  for (const code of document.querySelectorAll('.snippet code[data-fill]')) {
    code.dataset.template ??= code.textContent;
    code.textContent = code.dataset.template.replace(/{(url|key|channel)}/g, (word) => values[word]);
  }
  byId('url').textContent = url;
  byId('dev-key').textContent = devKey;
  byId('key-row').hidden = byId('key-note').hidden = !devKey;
  byId('no-key-note').hidden = Boolean(devKey);
  byId('insecure-note').hidden = isSecureContext;
  const phone = document.querySelector('meta[name="phone-url"]').content;
  byId('phone').hidden = !phone;
  if (phone) byId('phone-picture').src = '/phone.svg';
  byId('phone-url').textContent = `${phone}#${new URLSearchParams({ channel: byId('channel').value })}`;
  byId('phone-note').hidden = phone.startsWith('https:');
}

/** The page's own smallest relative, read from the file that runs at `/minimal`. */
export async function showSource() {
  const response = await fetch('/minimal.js');
  if (response.ok) byId('minimal-code').textContent = (await response.text()).trimEnd();
}

export async function copy(button) {
  const source = byId(button.dataset.copies);
  getSelection().selectAllChildren(source);
  // Without a secure context there is no clipboard; the text is selected then.
  await navigator.clipboard?.writeText(source.textContent);
  button.textContent = navigator.clipboard ? 'Copied' : 'Selected';
  setTimeout(() => (button.textContent = 'Copy'), 1_500);
}
