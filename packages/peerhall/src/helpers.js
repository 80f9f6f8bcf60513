// What nearly every call needs besides the call: `peerhall/helpers`.

export { audioLevel, activeSpeaker } from './helpers/audio.js';
export { unlockAutoplay } from './helpers/autoplay.js';
export { explainMediaError, listDevices, openDevices, switchDevice, MediaError } from './helpers/devices.js';
export { connectionQuality } from './helpers/quality.js';
export { shareScreen } from './helpers/screen.js';
