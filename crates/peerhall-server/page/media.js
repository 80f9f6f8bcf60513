// One's own camera, microphone and screen.

/** Why a device could not be had, in words for people. */
const REASONS = {
  NotAllowedError: 'the browser was not allowed to use them; allow it in the address bar and try again',
  NotFoundError: 'this device has none',
  NotReadableError: 'another program uses them',
};

/** Events: `changed` whenever what is shared or muted has changed. */
export class Media extends EventTarget {
  #room = null;
  camera = null;
  screen = null;

  /** Shares with this room from now on; `null`: with nobody. */
  attach(room) {
    this.#room = room;
    if (room && this.camera) room.peer.addStream(this.camera, { role: 'camera' });
    if (room && this.screen) room.peer.addStream(this.screen, { role: 'screen' });
  }

  /** Opens camera and microphone, or the microphone alone where there is no camera. */
  async startCamera() {
    const ask = (video) => navigator.mediaDevices.getUserMedia({ audio: true, video });
    const stream = await devices(() => ask(true).catch((error) => (error.name === 'NotAllowedError' ? Promise.reject(error) : ask(false))));
    this.camera = stream;
    this.#share(stream, 'camera');
  }

  async startScreen() {
    const stream = await devices(() => navigator.mediaDevices.getDisplayMedia({ video: true }));
    this.screen = stream;
    stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stopScreen());
    this.#share(stream, 'screen');
  }

  stopCamera() {
    this.#stop(this.camera);
    this.camera = null;
    this.#changed();
  }

  stopScreen() {
    this.#stop(this.screen);
    this.screen = null;
    this.#changed();
  }

  stop() {
    this.stopCamera();
    this.stopScreen();
  }

  isOn(kind) {
    return Boolean(this.camera?.getTracks().some((track) => track.kind === kind && track.enabled));
  }

  has(kind) {
    return Boolean(this.camera?.getTracks().some((track) => track.kind === kind));
  }

  toggle(kind) {
    for (const track of this.camera?.getTracks() ?? []) if (track.kind === kind) track.enabled = !track.enabled;
    this.#changed();
  }

  #share(stream, role) {
    this.#room?.peer.addStream(stream, { role });
    this.#changed();
  }

  #stop(stream) {
    if (!stream) return;
    stream.getTracks().forEach((track) => track.stop());
    const state = this.#room?.peer.state;
    if (state && state !== 'closed' && state !== 'leaving') this.#room.peer.removeStream(stream);
  }

  #changed() {
    this.dispatchEvent(new Event('changed'));
  }
}

async function devices(open) {
  if (!navigator.mediaDevices) throw new Error('No camera or microphone: they need https: or localhost');
  try {
    return await open();
  } catch (error) {
    throw new Error(`No camera, microphone or screen: ${REASONS[error.name] ?? error.message}`);
  }
}
