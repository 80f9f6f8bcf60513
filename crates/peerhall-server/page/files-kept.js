// What has come of files, kept by the browser so that a page that is loaded anew goes on with it.

const NAME = 'peerhall files';

/** Pieces of files by what they are a copy of and where they begin; and which files of an offer are here. */
const [PIECES, HERE] = ['pieces', 'here'];

/** How long the rest of a file may take to come. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** What a browser keeps for this page. Where it keeps nothing, as in some private windows, a reload begins anew. */
export class Kept {
  #opening = open().catch(() => undefined);
  #last = Promise.resolve();

  /** The beginning of a file, as far as it is here. */
  async beginning(content) {
    const records = await this.#ask(PIECES, 'readonly', (store) => store.getAll(piecesOf(content))) ?? [];
    const blobs = [];
    let size = 0;
    // Behind a gap nothing can be gone on with.
    for (const { from, blob } of records) {
      if (from !== size) break;
      blobs.push(blob);
      size += blob.size;
    }
    return size > 0 ? new Blob(blobs) : undefined;
  }

  /** Keeps a piece that begins at a byte. */
  piece(content, from, blob) {
    this.#later(() => this.#ask(PIECES, 'readwrite', (store) => store.put({ content, from, blob, at: Date.now() })));
  }

  /** Forgets a file. */
  forget(content) {
    this.#later(() => this.#ask(PIECES, 'readwrite', (store) => store.delete(piecesOf(content))));
  }

  /** Places of the files of an offer that were here before. */
  async here(batch) {
    return (await this.#ask(HERE, 'readonly', (store) => store.get(batch)))?.places ?? [];
  }

  /** Notes which files of an offer are here. */
  note(batch, places) {
    this.#later(() => this.#ask(HERE, 'readwrite', (store) => store.put({ batch, places: [...places], at: Date.now() })));
  }

  /** Resolves when everything that was given is kept. */
  settled() {
    return this.#last;
  }

  /** One after the other, as they were given. */
  #later(act) {
    this.#last = this.#last.then(act);
  }

  /** What a request gives; nothing where the browser does not do it, because its room is used up or it keeps nothing. */
  async #ask(name, mode, request) {
    try {
      const database = await this.#opening;
      return database && await answer(request(database.transaction(name, mode).objectStore(name)));
    } catch {
      return undefined;
    }
  }
}

const piecesOf = (content) => IDBKeyRange.bound([content, 0], [content, Infinity]);

const answer = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function open() {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => {
    for (const [name, keyPath] of [[PIECES, ['content', 'from']], [HERE, 'batch']]) {
      opening.result.createObjectStore(name, { keyPath }).createIndex('at', 'at');
    }
  };
  const database = await answer(opening);
  const old = IDBKeyRange.upperBound(Date.now() - KEPT_MS);
  for (const name of [PIECES, HERE]) {
    const store = database.transaction(name, 'readwrite').objectStore(name);
    for (const key of await answer(store.index('at').getAllKeys(old))) store.delete(key);
  }
  return database;
}
