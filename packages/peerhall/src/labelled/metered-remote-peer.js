import { RemotePeer as PlainRemotePeer } from '../remote-peer.js';

/** The same remote peers with the calls and events of the third seed. */
export const labels = new WeakMap();

/** Somebody else in the channel, with labels; made by a `MeteredPeer`. What it does by labels, `labelled` does. */
export class MeteredRemotePeer extends PlainRemotePeer {
  get labelled() {
    return labels.get(this);
  }

  /** Inbound streams by label. A new map each time. */
  get streams() {
    return this.labelled.streams;
  }

  /** Data channels by label. A new map each time. */
  get channels() {
    return this.labelled.channels;
  }

  openChannel(given) {
    this.labelled.open(given);
  }

  closeChannel(given) {
    this.labelled.close(given);
  }

  share(stream) {
    return this.labelled.share(stream);
  }

  unshare(stream) {
    return this.labelled.unshare(stream);
  }

  transfer(message, given) {
    return this.labelled.send(message, given);
  }

  /** Labels take part in what is told, without a listener that the application could count or take away. */
  emit(event, detail) {
    this.labelled.told(event, detail);
    return super.emit(event, detail);
  }
}
