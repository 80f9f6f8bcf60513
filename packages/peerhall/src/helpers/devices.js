/** Why a device or the screen could not be opened, by the name of the browser's error. */
const REASONS = {
  NotAllowedError: ['denied', 'The permission was refused. Allow it in the site settings of the browser and try again.'],
  SecurityError: ['insecure', 'Devices can only be used on pages that were loaded over https, or from this machine.'],
  NotFoundError: ['missing', 'No such device is connected.'],
  OverconstrainedError: ['missing', 'No connected device can do what was asked for.'],
  NotReadableError: ['busy', 'The device is in use by another program, or the system refuses it.'],
  AbortError: ['busy', 'The device stopped while it was being opened.'],
  InvalidStateError: ['hidden', 'The page must be in front when it asks for a device.'],
  TypeError: ['insecure', 'This page cannot use devices: it was not loaded over https, or nothing was asked for.'],
};

/** A device or the screen could not be opened; `reason` is a word, `message` is for people. */
export class MediaError extends Error {
  name = 'MediaError';

  constructor(cause) {
    const { reason, message } = explainMediaError(cause);
    super(message, { cause });
    this.reason = reason;
  }
}

/** Says in plain words why a device or the screen could not be opened. */
export function explainMediaError(error) {
  const [reason, message] = REASONS[error?.name] ?? ['failed', `The device could not be opened: ${error?.message ?? error}`];
  return { reason, message };
}

/** The platform's devices; a page that was not loaded safely has none. */
function mediaDevices() {
  const devices = globalThis.navigator?.mediaDevices;
  if (!devices) throw new MediaError(new TypeError('no devices on this page'));
  return devices;
}

/** Cameras, microphones and speakers. Names are empty until a permission was given once. */
export async function listDevices() {
  const found = await mediaDevices().enumerateDevices();
  const of = (kind) => found.filter((device) => device.kind === kind);
  return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
}

/** Opens camera and microphone, or those that `constraints` ask for; throws a `MediaError`. */
export async function openDevices(constraints = { audio: true, video: true }) {
  try {
    return await mediaDevices().getUserMedia(constraints);
  } catch (error) {
    throw error instanceof MediaError ? error : new MediaError(error);
  }
}

/**
 * Goes on with another camera or microphone: everybody who receives `track` receives the new one without
 * negotiation. Resolves with the new track; `track` is stopped.
 */
export async function switchDevice(peer, track, deviceId) {
  const wanted = { deviceId: { exact: deviceId } };
  const stream = await openDevices(track.kind === 'audio' ? { audio: wanted } : { video: wanted });
  const [next] = stream.getTracks();
  try {
    await peer.replaceTrack(track, next);
  } catch (error) {
    // Whoever has the new one keeps it.
    if (!error.succeeded?.length) next.stop();
    throw error;
  }
  next.enabled = track.enabled;
  track.stop();
  return next;
}
