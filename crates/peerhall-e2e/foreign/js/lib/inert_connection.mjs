// Stands where a browser's RTCPeerConnection would: enough for the SDK to hold one, no media.

export class InertConnection extends EventTarget {
  connectionState = 'new';
  signalingState = 'stable';
  iceConnectionState = 'new';
  localDescription = null;
  remoteDescription = null;

  async createOffer() {
    return { type: 'offer', sdp: 'v=0\r\n' };
  }
  async createAnswer() {
    return { type: 'answer', sdp: 'v=0\r\n' };
  }
  async setLocalDescription(description) {
    this.localDescription = description;
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
  }
  async addIceCandidate() {}
  addTrack() {
    throw new Error('an inert connection carries no media');
  }
  removeTrack() {}
  getSenders() {
    return [];
  }
  createDataChannel() {
    throw new Error('an inert connection carries no data channels');
  }
  setConfiguration() {}
  close() {
    this.connectionState = 'closed';
  }
}
