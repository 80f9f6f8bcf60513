// A room server on Socket.IO, as its documentation builds one. WebSocket only, no compression.
//
//     node socketio.mjs PORT

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
  pingTimeout: 60_000,
});

io.on("connection", (socket) => {
  socket.on("sub", (room, wantsMembers, done) => {
    if (wantsMembers) {
      socket.to(room).emit("joined", { peerId: socket.id });
      socket.join(room);
      socket.emit("members", [...io.sockets.adapter.rooms.get(room)].map((peerId) => ({ peerId })));
    } else {
      socket.join(room);
    }
    done?.();
  });
  socket.on("pub", (channel, data) => {
    socket.to(channel).emit("message", { channel, from: socket.id, data });
  });
  socket.on("to", (id, data, done) => {
    io.to(id).emit("direct", { from: socket.id, data });
    done?.();
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1", 4096);
