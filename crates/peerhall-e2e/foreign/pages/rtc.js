// A bare RTCPeerConnection that negotiates as browsers' applications do ("perfect negotiation").
// The test evaluates its steps here; descriptions and candidates go through `signalOut`.

globalThis.start = (polite) => {
  const connection = new RTCPeerConnection();
  const peer = { connection, polite, making: false, ignoring: false, channels: {}, tracks: [], log: [] };
  globalThis.peer = peer;
  connection.onicecandidate = ({ candidate }) => signalOut({ candidate });
  connection.onnegotiationneeded = async () => {
    try {
      peer.making = true;
      await connection.setLocalDescription();
      signalOut({ description: connection.localDescription });
    } finally {
      peer.making = false;
    }
  };
  connection.ondatachannel = ({ channel }) => keep(channel);
  connection.ontrack = ({ track, streams }) => {
    peer.tracks.push({ track, streams });
    // Sound is decoded only for somebody who listens.
    if (track.kind === 'audio') Object.assign(new Audio(), { srcObject: new MediaStream([track]) }).play();
    peer.log.push(`track ${track.kind} ${streams.map((stream) => stream.id).join(',')}`);
    for (const stream of streams) stream.onremovetrack = () => peer.log.push(`removed ${stream.id}`);
  };
};

/** Lets nothing in until `release()`. */
globalThis.hold = () => {
  globalThis.gate = new Promise((resolve) => (globalThis.release = resolve));
};

globalThis.signalIn = async ({ description, candidate }) => {
  const { connection } = peer;
  await globalThis.gate;
  try {
    if (description) {
      const collision = description.type === 'offer' && (peer.making || connection.signalingState !== 'stable');
      peer.ignoring = collision && !peer.polite;
      if (peer.ignoring) return;
      await connection.setRemoteDescription(description);
      if (description.type === 'offer') {
        await connection.setLocalDescription();
        signalOut({ description: connection.localDescription });
      }
    } else {
      await connection.addIceCandidate(candidate ?? undefined);
    }
  } catch (error) {
    if (!peer.ignoring) trouble(`${error.name}: ${error.message}`);
  }
};

globalThis.keep = (channel) => {
  channel.binaryType = 'arraybuffer';
  peer.channels[channel.label] = channel;
  channel.received = [];
  channel.onmessage = ({ data }) => {
    channel.received.push(typeof data === 'string' ? data : data.byteLength);
    if (channel.echo) channel.send(data);
  };
  return channel;
};

/** A moving picture without a camera, so that addresses stay hidden behind mDNS names. */
globalThis.picture = () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const context = canvas.getContext('2d');
  let step = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(step += 7) % 360} 80% 50%)`;
    context.fillRect(0, 0, 320, 240);
    context.fillStyle = 'white';
    context.fillRect(step % 320, 0, 20, 240);
  }, 40);
  return canvas.captureStream(25);
};

/** A tone without a microphone. */
globalThis.tone = () => {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: 440 });
  const out = new MediaStreamAudioDestinationNode(context);
  oscillator.connect(out);
  oscillator.start();
  return out.stream;
};

/** Frames decoded, or sound received, of the first track of a kind that the remote sends. */
globalThis.inbound = async (kind) => {
  const reports = [...(await peer.connection.getStats()).values()];
  const found = reports.filter((report) => report.type === 'inbound-rtp' && report.kind === kind);
  const key = kind === 'video' ? 'framesDecoded' : 'totalAudioEnergy';
  return Math.max(0, ...found.map((report) => report[key] ?? 0));
};

globalThis.until = async (what, check) => {
  const end = performance.now() + 30_000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not in time: ${what}; seen: ${peer.log.join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
