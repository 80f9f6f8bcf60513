// A call with everybody in a room: one peer connection for each other peer, negotiated by directs in
// the shapes that the SDKs use (`rtc-description`, `rtc-ice`), so that their peers can take part.

/**
 * How long the polite side holds its offer back. Two offers at once are sorted out, but a browser
 * that takes back an offer while it gathers candidates may never gather again.
 */
const POLITE_WAIT_MS = 300;

/**
 * Events (`detail`): `stream` ({ peer, stream }: there is something to see or hear) and `silence`
 * ({ peer }: there is nothing any more).
 */
export class Call extends EventTarget {
  #selfId;
  #iceServers;
  #send;
  #links = new Map();
  #media = null;

  /** `send(to, data)` passes a signal to one peer. */
  constructor({ selfId, iceServers, peers }, send) {
    super();
    this.#selfId = selfId;
    this.#iceServers = iceServers;
    this.#send = send;
    for (const peer of peers) this.add(peer);
  }

  /** Sends the tracks of a stream to everybody, newcomers too; `null` stops that. */
  share(media) {
    this.#media = media;
    for (const link of this.#links.values()) link.share(media);
  }

  add(peer) {
    this.remove(peer);
    const link = new Link({
      iceServers: this.#iceServers,
      // The side whose id sorts first gives way when both offer at once.
      isPolite: this.#selfId < peer,
      send: (data) => this.#send(peer, data),
      onStream: (stream) => this.#tell('stream', { peer, stream }),
      onSilence: () => this.#tell('silence', { peer }),
    });
    this.#links.set(peer, link);
    if (this.#media) link.share(this.#media);
  }

  remove(peer) {
    const link = this.#links.get(peer);
    if (!link) return;
    link.close();
    this.#links.delete(peer);
    this.#tell('silence', { peer });
  }

  /** Takes a direct of `peer`. Says whether it was a signal. */
  receive(peer, data) {
    const isDescription = data?.type === 'rtc-description' && typeof data.description?.sdp === 'string';
    const isCandidate = data?.type === 'rtc-ice' && typeof data.candidate === 'object';
    if (!isDescription && !isCandidate) return false;
    // A signal of somebody who is not in the room comes too early or too late; either way it is lost.
    const link = this.#links.get(peer);
    if (isDescription) link?.describe(data.description);
    else link?.addCandidate(data.candidate);
    return true;
  }

  close() {
    for (const peer of [...this.#links.keys()]) this.remove(peer);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The connection to one peer: perfect negotiation, signals taken one after the other. */
class Link {
  #connection;
  #isPolite;
  #send;
  #isOffering = false;
  #ignoresOffer = false;
  #descriptions = 0;
  #signals = Promise.resolve();

  constructor({ iceServers, isPolite, send, onStream, onSilence }) {
    const connection = new RTCPeerConnection({ iceServers });
    this.#connection = connection;
    this.#isPolite = isPolite;
    this.#send = send;
    connection.onnegotiationneeded = () => this.#offer();
    connection.onicecandidate = ({ candidate }) => {
      this.#signal({ type: 'rtc-ice', candidate: candidate?.toJSON() ?? null });
    };
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === 'failed') connection.restartIce();
    };
    connection.ontrack = ({ track, streams }) => {
      const stream = streams[0] ?? new MediaStream([track]);
      onStream(stream);
      stream.onremovetrack = () => {
        if (stream.getTracks().length === 0) onSilence();
      };
    };
  }

  share(media) {
    for (const sender of this.#connection.getSenders()) {
      if (sender.track) this.#connection.removeTrack(sender);
    }
    for (const track of media?.getTracks() ?? []) this.#connection.addTrack(track, media);
  }

  describe(description) {
    this.#descriptions += 1;
    this.#next(async () => {
      const connection = this.#connection;
      const isOffer = description.type === 'offer';
      const collides = isOffer && (this.#isOffering || connection.signalingState !== 'stable');
      this.#ignoresOffer = collides && !this.#isPolite;
      if (this.#ignoresOffer) return;
      await connection.setRemoteDescription(description);
      if (!isOffer) return;
      await connection.setLocalDescription();
      this.#signal({ type: 'rtc-description', description: connection.localDescription.toJSON() });
    });
  }

  addCandidate(candidate) {
    this.#next(async () => {
      // The end of candidates needs no action; browsers differ in how they take it.
      if (!candidate?.candidate) return;
      try {
        await this.#connection.addIceCandidate(candidate);
      } catch (error) {
        if (!this.#ignoresOffer) throw error;
      }
    });
  }

  close() {
    this.#connection.onnegotiationneeded = null;
    this.#connection.onicecandidate = null;
    this.#connection.ontrack = null;
    this.#connection.close();
  }

  async #offer() {
    const connection = this.#connection;
    if (this.#isPolite) {
      const before = this.#descriptions;
      await new Promise((resolve) => setTimeout(resolve, POLITE_WAIT_MS));
      // Once the other's offer is answered, the browser asks again if there is still something to say.
      if (this.#descriptions !== before || connection.signalingState !== 'stable') return;
    }
    this.#isOffering = true;
    try {
      await connection.setLocalDescription();
      this.#signal({ type: 'rtc-description', description: connection.localDescription.toJSON() });
    } catch (error) {
      this.#report(error);
    } finally {
      this.#isOffering = false;
    }
  }

  #next(step) {
    this.#signals = this.#signals.then(step).catch((error) => this.#report(error));
  }

  #signal(data) {
    // A peer that has just left is told of by presence.
    this.#send(data).catch((error) => this.#report(error));
  }

  #report(error) {
    if (this.#connection.connectionState !== 'closed') console.warn('negotiation:', error.message);
  }
}
