// PeerServer as a library: its own command prints a line for each connection.
//
//     node peerserver.mjs PORT

import { PeerServer } from "peer";

PeerServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  path: "/",
  // The default of 5,000 is a limit of policy, not of the program.
  concurrent_limit: 100_000,
  alive_timeout: 600_000,
});
