import { MediaError } from './devices.js';

/**
 * Asks for a screen, a window or a tab and sends it to everybody, beside the camera. It ends with `stop()`, and
 * when the person ends it in the browser's own bar; `ended` resolves then. Throws a `MediaError`.
 */
export async function shareScreen(peer, { audio = false, metadata = { role: 'screen' }, ...options } = {}) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio, ...options });
  } catch (error) {
    throw new MediaError(error);
  }
  let told;
  const ended = new Promise((resolve) => (told = resolve));
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    if (peer.state !== 'closed' && peer.state !== 'leaving') peer.removeStream(stream);
    told();
  };
  stream.getVideoTracks()[0].addEventListener('ended', stop);
  try {
    peer.addStream(stream, metadata);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
  return { stream, stop, ended };
}
