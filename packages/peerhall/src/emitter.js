/** Events as Node.js has them: synchronous, in the order of registration (sdk-behaviour, section 2). */
export class EventEmitter {
  #lists = new Map();
  #warned = new Set();
  #options;

  constructor(options = {}) {
    this.#options = options;
  }

  on(event, handler) {
    return this.#add(event, { handler, run: handler });
  }

  once(event, handler) {
    const entry = { handler };
    entry.run = (payload) => {
      this.#remove(event, (other) => other === entry);
      handler(payload);
    };
    return this.#add(event, entry);
  }

  off(event, handler) {
    return this.#remove(event, (entry) => entry.handler === handler);
  }

  emit(event, payload) {
    // Whoever comes or goes meanwhile changes the next round, not this one.
    const entries = [...this.#list(event)];
    for (const { run } of entries) {
      try {
        run(payload);
      } catch (error) {
        this.#failed(error, event);
      }
    }
    return entries.length > 0;
  }

  listenerCount(event) {
    return this.#list(event).length;
  }

  removeAllListeners() {
    this.#lists.clear();
    this.#warned.clear();
    return this;
  }

  #list(event) {
    return this.#lists.get(event) ?? [];
  }

  #add(event, entry) {
    const list = this.#list(event);
    this.#lists.set(event, list);
    list.push(entry);
    const { maxListenersWarn = 100, onListenerWarn = console.warn } = this.#options;
    if (list.length >= maxListenersWarn && !this.#warned.has(event)) {
      this.#warned.add(event);
      onListenerWarn('many listeners on one event; is one added again and again?', {
        event,
        count: list.length,
      });
    }
    return this;
  }

  #remove(event, fits) {
    const list = this.#list(event);
    const index = list.findIndex(fits);
    if (index >= 0) list.splice(index, 1);
    if (list.length < (this.#options.maxListenersWarn ?? 100)) this.#warned.delete(event);
    return this;
  }

  #failed(error, event) {
    const { onListenerError } = this.#options;
    if (onListenerError) onListenerError(error, event);
    else console.error(`a listener of "${event}" threw`, error);
  }
}
