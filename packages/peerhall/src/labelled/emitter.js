// Events as the third seed has them: names or lists of names, each handler once for a name, and a group's name beside
// that of each event in it.

/** Handlers by name. */
export class GroupEmitter {
  #handlers = new Map();

  /** Calls `handler` for each event of a name, or of each name in a list. */
  on(event, handler) {
    for (const name of [event].flat()) {
      const known = this.#handlers.get(name) ?? new Map();
      this.#handlers.set(name, known.set(handler, false));
    }
    return this;
  }

  /** As `on`, for the next event only. */
  once(event, handler) {
    for (const name of [event].flat()) {
      const known = this.#handlers.get(name) ?? new Map();
      this.#handlers.set(name, known.set(handler, true));
    }
    return this;
  }

  /** Takes a handler away, or all of them. */
  off(event, handler) {
    for (const name of [event].flat()) {
      if (handler === undefined) this.#handlers.delete(name);
      else this.#handlers.get(name)?.delete(handler);
    }
    return this;
  }

  /** Calls the handlers of a name; one that throws does not stop the others. Returns whether there were any. */
  emit(event, ...args) {
    const handlers = [...(this.#handlers.get(event) ?? [])];
    for (const [handler, once] of handlers) {
      if (once) this.#handlers.get(event)?.delete(handler);
      try {
        handler(...args);
      } catch (error) {
        console.error(`a listener of "${event}" threw`, error);
      }
    }
    return handlers.length > 0;
  }

  /** Forgets all handlers. */
  clear() {
    this.#handlers.clear();
  }
}
