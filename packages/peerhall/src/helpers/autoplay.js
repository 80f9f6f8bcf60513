const GESTURES = ['pointerdown', 'keydown', 'touchend'];

/**
 * Plays an audio or video element; where the browser waits for a gesture, at the first one. `onBlocked` is
 * called when it has to wait, so that a page can say so. Gives a function that gives up waiting.
 */
export function unlockAutoplay(element, { onBlocked } = {}) {
  const { ownerDocument } = element;
  const forget = () => {
    for (const gesture of GESTURES) ownerDocument.removeEventListener(gesture, play, true);
  };
  const wait = () => {
    for (const gesture of GESTURES) ownerDocument.addEventListener(gesture, play, true);
    onBlocked?.();
  };
  const play = async () => {
    forget();
    try {
      await element.play();
    } catch (error) {
      // Anything else means that there is nothing to play, or something else to play by now.
      if (error.name === 'NotAllowedError') wait();
    }
  };
  play();
  return forget;
}
