// Channels without peers: `peerhall/signalling`.

export { WsCloseCode, WsCloseCode as WsCloseCodeValue } from './codes.js';
export { SignallingClient } from './client.js';
export { OversizedPayloadError, SignallingConnectError } from './errors.js';
export { ConsoleLogger, NoopLogger } from './logger.js';
