// Elements without markup: whatever comes from others becomes text and nothing else.

export const byId = (id) => document.getElementById(id);

const SVG = 'http:' + '//www.w3.org/2000/svg';

/** Makes an element. Properties are set as properties, `data-*`, `aria-*` and `role` as attributes. */
export function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Makes an SVG element; its properties are attributes. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (/^(aria-|data-|role$)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text that others chose: kept apart from the direction of the text around it. */
export const foreign = (text) => make('bdi', { textContent: text });

/** What a peer calls itself in its metadata or on its page, else the beginning of its id. */
export function nameOf(peer, metadata, told) {
  const named = [...['username', 'name', 'displayName'].map((member) => metadata?.[member]), told];
  const name = named.find((value) => typeof value === 'string' && value.trim());
  return shorten(name ?? peer, 48);
}

export function shorten(text, length) {
  const letters = [...text];
  return letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : text;
}

/**
 * Shows a list in `parent` one element for each item, kept from one time to the next by its key, so
 * that what has the focus keeps it. `update(element, item)` fills an element.
 */
export function reconcile(parent, items, keyOf, create, update) {
  const before = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  items.forEach((item, place) => {
    const key = keyOf(item);
    let element = before.get(key);
    if (element) before.delete(key);
    else {
      element = create(item);
      element.dataset.key = key;
    }
    update(element, item);
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
  before.forEach((element) => element.remove());
}

/** Sets text only where it changed, so that a screen reader is not told again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tells of something that did not work, for a while. */
export function tell(error) {
  const toast = byId('toast');
  toast.textContent = error.message;
  toast.hidden = false;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (toast.hidden = true), 8_000);
}

/** Asks in a dialog. Resolves to whether the answer was yes. */
export function confirm(question, yes) {
  const dialog = byId('confirm');
  byId('confirm-text').textContent = question;
  byId('confirm-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/** A button that copies a text, or selects `source` where there is no clipboard. */
export function copyButton(text, source) {
  const button = make('button', { type: 'button', className: 'small', textContent: 'Copy' });
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(source);
    await navigator.clipboard?.writeText(text);
    button.textContent = navigator.clipboard ? 'Copied' : 'Selected';
    setTimeout(() => (button.textContent = 'Copy'), 1_500);
  });
  return button;
}
