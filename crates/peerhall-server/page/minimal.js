// A call with everybody who opens this page: all there is to it.
import { MeteredPeer } from '/peerhall.js';

const show = (stream, isOwn = false) => {
  const video = document.createElement('video');
  Object.assign(video, { srcObject: stream, autoplay: true, playsInline: true, muted: isOwn });
  document.body.append(video);
  return video;
};

const peer = new MeteredPeer({
  url: location.origin.replace(/^http/, 'ws'),
  apiKey: document.querySelector('meta[name="publishable-key"]').content,
});

peer.on('peer-joined', ({ peer: remote }) => {
  const videos = new Map();
  remote.on('stream-added', ({ stream }) => videos.set(stream.id, show(stream)));
  remote.on('stream-removed', ({ stream }) => videos.get(stream.id)?.remove());
});

await peer.join('minimal');
const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
show(camera, true);
peer.addStream(camera, { role: 'camera' });
