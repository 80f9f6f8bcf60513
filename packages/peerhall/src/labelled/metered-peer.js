import { MeteredPeer as PlainPeer } from '../metered-peer.js';
import { labels } from './labels.js';

/** A `MeteredPeer` that has labels without being given any. */
export class MeteredPeer extends PlainPeer {
  constructor(options) {
    super({ ...options, labels });
  }
}
