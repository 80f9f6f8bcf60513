// Bun's WebSocket server (uWebSockets) with its own topics, speaking the frames of Peerhall.
// No authentication, limits, rates or memory of who was there: what an afternoon's server does.
//
//     bun bun.mjs PORT

const port = Number(process.argv[2]);
const sockets = new Map();
const members = new Map();

const frame = (type, fields) => JSON.stringify({ type, ...fields });

const handlers = {
  subscribe(socket, { channel, requestId }) {
    const present = members.get(channel) ?? new Set();
    members.set(channel, present);
    const joined = [{ peerId: socket.data.id }];
    server.publish(channel, frame("presence", { channel, joined, left: [] }));
    present.add(socket.data.id);
    socket.data.channels.add(channel);
    socket.subscribe(channel);
    socket.send(frame("ack", { requestId }));
    const all = [...present].map((peerId) => ({ peerId }));
    socket.send(frame("presence", { channel, joined: all, left: [] }));
  },
  publish(socket, { channel, data, requestId }) {
    socket.publish(channel, frame("message", { channel, from: socket.data.id, data }));
    if (requestId) socket.send(frame("ack", { requestId }));
  },
  send(socket, { to, data, requestId }) {
    sockets.get(to)?.send(frame("direct", { from: socket.data.id, data }));
    if (requestId) socket.send(frame("ack", { requestId }));
  },
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch(request, server) {
    const data = { id: crypto.randomUUID(), channels: new Set() };
    if (!server.upgrade(request, { data })) return new Response("upgrade wanted", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    backpressureLimit: 64 << 20,
    open(socket) {
      sockets.set(socket.data.id, socket);
      const facts = { expiresAt: null, serverTime: Date.now(), maxMessageSize: 65536 };
      socket.send(frame("welcome", { peerId: socket.data.id, ...facts }));
    },
    message(socket, text) {
      const request = JSON.parse(text);
      handlers[request.type]?.(socket, request);
    },
    close(socket) {
      sockets.delete(socket.data.id);
      for (const channel of socket.data.channels) {
        const present = members.get(channel);
        present?.delete(socket.data.id);
        if (present?.size === 0) members.delete(channel);
      }
    },
  },
});
