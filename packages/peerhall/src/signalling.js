// Channels without peers: `peerhall/signalling`.

import 'peerhall:engines'; // First, so that everything else stands together and compresses well.

export { WsCloseCode, WsCloseCode as WsCloseCodeValue } from './codes.js';
export { prepare } from './engines.js';
export { SignallingClient } from './client.js';
export { OversizedPayloadError, SignallingConnectError } from './errors.js';
export { ConsoleLogger, NoopLogger } from './logger.js';
