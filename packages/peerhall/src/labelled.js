// Everything of `peerhall` for peers, with labelled streams and channels, and messages of any size: `peerhall/labelled`
// (labelled-peer, section 7.1).

import 'peerhall:engines'; // First, so that everything else stands together and compresses well.

export { WsCloseCode, WsCloseCode as WsCloseCodeValue } from './codes.js';
export { BroadcastError, LabelledError } from './labelled/errors.js';
export { FileCode } from './labelled/file-code.js';
export { labels } from './labelled/labels.js';
export { MeteredPeer } from './labelled/metered-peer.js';
export { RemotePeer } from './labelled/remote-peer.js';
export { Room, Room as Peer } from './labelled/room.js';
export { prepare } from './engines.js';
export { OversizedPayloadError, SignallingConnectError } from './errors.js';
export { ConsoleLogger, NoopLogger } from './logger.js';
export {
  MeteredPeerOversizedError,
  MeteredPeerReplaceTrackError,
  MeteredPeerSendError,
  MeteredPeerStateError,
} from './peer-errors.js';
