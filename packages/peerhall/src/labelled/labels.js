import { engines } from '../engines.js';
import { LabelledError } from './errors.js';
import { Layer } from './layer.js';

/** What a `MeteredPeer` is given to have labels, also one of the entry `peerhall`. */
export const labels = { engines, Layer, classes: { LabelledError } };
