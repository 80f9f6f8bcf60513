//! Who we are compared with, and how each is started.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::protocol::Protocol;
use crate::subject::{Program, Subject};

/// Another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Bun's WebSocket server, which is uWebSockets, with 60 lines that speak our frames: the hardest
    /// to beat.
    Bun,
    /// Socket.IO on Node.js.
    SocketIo,
    /// The signalling server of PeerJS.
    PeerServer,
    /// NATS.
    Nats,
    /// Mosquitto.
    Mosquitto,
    /// Nchan in nginx.
    Nchan,
    /// Socket.IO in Rust: the crate socketioxide with axum.
    SocketIoxide,
    /// `matchbox_server`, a signalling server for games in Rust.
    Matchbox,
    /// The Go library under Centrifugo, in the version that Debian has; it checks an HS256 token.
    Centrifuge,
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folder with our small servers, the configurations, and `node_modules`.
    pub peers: PathBuf,
    /// Folder with the servers that had to be built: `socketioxide`, `matchbox_server`, `centrifuge`.
    pub built: PathBuf,
    /// Node.js.
    pub node: PathBuf,
    /// Core of the servers.
    pub core: usize,
}

impl Peer {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Bun,
        Self::Nats,
        Self::Mosquitto,
        Self::Nchan,
        Self::SocketIo,
        Self::PeerServer,
        Self::SocketIoxide,
        Self::Matchbox,
        Self::Centrifuge,
    ];

    /// Those that are compared with when nobody says whom.
    pub const USUAL: [Self; 5] = [Self::Bun, Self::Nats, Self::Mosquitto, Self::SocketIo, Self::PeerServer];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bun => "bun",
            Self::SocketIo => "socketio",
            Self::PeerServer => "peerserver",
            Self::Nats => "nats",
            Self::Mosquitto => "mosquitto",
            Self::Nchan => "nchan",
            Self::SocketIoxide => "socketioxide",
            Self::Matchbox => "matchbox",
            Self::Centrifuge => "centrifuge",
        }
    }

    /// How it is started.
    #[must_use]
    pub fn subject(self, places: &Places) -> Subject {
        let port = self.port();
        let file = |name: &str| places.peers.join(name).to_string_lossy().into_owned();
        let script = |program: String, name: &str| vec![program, file(name), port.to_string()];
        let built = |name: &str| places.built.join(name).to_string_lossy().into_owned();
        let node = || places.node.to_string_lossy().into_owned();
        let (command, path, protocol) = match self {
            Self::Bun => {
                let bun = file("node_modules/bun/bin/bun.exe");
                (script(bun, "bun.mjs"), "/v1", Protocol::Peerhall)
            }
            Self::SocketIo => {
                (script(node(), "socketio.mjs"), "/socket.io/?EIO=4&transport=websocket", Protocol::SocketIo)
            }
            Self::PeerServer => {
                (script(node(), "peerserver.mjs"), "/peerjs?key=peerjs", Protocol::PeerServer)
            }
            Self::Nats => {
                (vec!["nats-server".to_owned(), "-c".to_owned(), file("nats.conf")], "/", Protocol::Nats)
            }
            Self::Mosquitto => (
                vec!["mosquitto".to_owned(), "-c".to_owned(), file("mosquitto.conf")],
                "/mqtt",
                Protocol::Mqtt,
            ),
            Self::Nchan => {
                // It writes its process id there.
                let folder = format!("{}/", std::env::temp_dir().display());
                let words = ["nginx", "-p", &folder, "-c", &file("nchan.conf")].map(str::to_owned);
                (words.to_vec(), "/", Protocol::Nchan)
            }
            Self::SocketIoxide => {
                let words = vec![built("socketioxide"), port.to_string()];
                (words, "/socket.io/?EIO=4&transport=websocket", Protocol::SocketIo)
            }
            Self::Matchbox => {
                let words = vec![built("matchbox_server"), format!("127.0.0.1:{port}")];
                (words, "/", Protocol::Matchbox)
            }
            Self::Centrifuge => {
                let words = vec![built("centrifuge"), port.to_string()];
                (words, "/connection/websocket", Protocol::Centrifuge)
            }
        };
        Subject::Program(Program {
            name: self.name().to_owned(),
            command,
            // One core, one thread that runs: the setting in which Go does best here.
            environment: vec![("GOMAXPROCS".to_owned(), "1".to_owned())],
            port,
            path: path.to_owned(),
            protocol,
            core: Some(places.core),
        })
    }

    /// Its port, which its configuration names too.
    const fn port(self) -> u16 {
        match self {
            Self::Bun => 9182,
            Self::SocketIo => 9183,
            Self::PeerServer => 9184,
            Self::Nats => 9185,
            Self::Mosquitto => 9186,
            Self::Nchan => 9187,
            Self::SocketIoxide => 9188,
            Self::Matchbox => 9189,
            Self::Centrifuge => 9190,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|peer| peer.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("nobody of this name is compared with; there are {names}")
        })
    }
}
