// The code of `peerhall send`, as people give it.

import { asked } from './address.js';
import { FileCode } from './labelled.js';

/** The code that was typed, alone or as a link of this server. Throws in plain words. */
export function codeIn(typed) {
  try {
    return new FileCode(typed.includes(':') ? linked(typed.trim()) : typed.trim());
  } catch (error) {
    if (error.code !== 'bad_code') throw error;
    throw new Error('This is not a code of “peerhall send”, which has 16 letters and digits, such as 7k3m-9qxt-2h5w-8vbn. Compare it letter by letter.');
  }
}

function linked(text) {
  let link;
  try {
    link = new URL(text);
  } catch {
    return text;
  }
  if (link.origin !== location.origin) throw new Error('This link leads to another server. Open it in the address bar of the browser.');
  return asked(link.hash).code ?? text;
}
