import { forEachRemote } from './quality.js';

/** How often levels are measured. */
const MEASURE_MS = 100;

/** Samples behind one level, about ten milliseconds: the loudest such piece of an interval counts. */
const BLOCK = 512;

/** What counts as speech, of 1. Rooms and fans stay below. */
const SPEECH = 0.02;

/** How much louder somebody must be to take over from who speaks. */
const TAKE_OVER = 1.5;

let context;

/** One for all: browsers allow only a few. */
const audioContext = () => (context ??= new AudioContext());

/** Measures how loud a stream or a track is, 0 to 1, ten times a second. Gives a function that stops. */
export function audioLevel(source, onLevel) {
  const stream = source.kind === 'audio' ? new MediaStream([source]) : source;
  const audio = audioContext();
  // A context that was made before any gesture sleeps until it is told again.
  audio.resume().catch(() => {});
  const input = audio.createMediaStreamSource(stream);
  const analyser = audio.createAnalyser();
  // More than what passes between two looks: a short sound must not fall between them.
  analyser.fftSize = 8192;
  input.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let loudest = 0;
    for (let from = 0; from < samples.length; from += BLOCK) {
      const energy = samples.subarray(from, from + BLOCK).reduce((sum, sample) => sum + sample * sample, 0);
      loudest = Math.max(loudest, energy / BLOCK);
    }
    onLevel(Math.min(1, Math.sqrt(loudest)));
  }, MEASURE_MS);
  return () => {
    clearInterval(timer);
    input.disconnect();
  };
}

/**
 * Tells who speaks: the remote peer, or undefined when nobody does. Somebody else must be clearly louder to
 * take over. Gives a function that stops.
 */
export function activeSpeaker(peer, onChange) {
  const levels = new Map();
  let speaker;
  const judge = () => {
    let loudest;
    for (const [remote, level] of levels) {
      if (level > SPEECH && !(level <= levels.get(loudest))) loudest = remote;
    }
    const stays = levels.get(speaker) > SPEECH && levels.get(loudest) < levels.get(speaker) * TAKE_OVER;
    if (!stays && loudest !== speaker) onChange((speaker = loudest));
  };
  return forEachRemote(peer, (remote) => {
    const meters = new Map();
    const added = ({ stream }) => {
      meters.get(stream.id)?.();
      meters.delete(stream.id);
      if (stream.getAudioTracks().length === 0) return;
      meters.set(stream.id, audioLevel(stream, (level) => {
        // Speech has gaps: a level falls slowly.
        levels.set(remote, Math.max(level, (levels.get(remote) ?? 0) * 0.8));
        judge();
      }));
    };
    const removed = ({ stream }) => {
      meters.get(stream.id)?.();
      meters.delete(stream.id);
    };
    remote.on('stream-added', added).on('stream-removed', removed);
    return () => {
      remote.off('stream-added', added).off('stream-removed', removed);
      for (const stop of meters.values()) stop();
      levels.delete(remote);
      judge();
    };
  });
}
