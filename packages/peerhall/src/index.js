import 'peerhall:engines'; // First, so that everything else stands together and compresses well.

export { WsCloseCode, WsCloseCode as WsCloseCodeValue } from './codes.js';
export { prepare } from './engines.js';
export { SignallingClient } from './client.js';
export { DataChannel, DataChannelOverflowError } from './data-channel.js';
export { OversizedPayloadError, SignallingConnectError } from './errors.js';
export { ConsoleLogger, NoopLogger } from './logger.js';
export { MeteredPeer, MeteredPeer as RoomPeer } from './metered-peer.js';
export {
  MeteredPeerOversizedError,
  MeteredPeerReplaceTrackError,
  MeteredPeerSendError,
  MeteredPeerStateError,
} from './peer-errors.js';
export { RemotePeer } from './remote-peer.js';
