//! The two relays, as processes on one core.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peerhall_auth::turn::{RelayUser, TurnSecret};
use peerhall_turn::{Network, Setup, TurnServer};

use super::client::{Client, User};
use crate::error::LoadError;
use crate::machine::{self, Processes};

/// Where both listen and relay.
const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Core of the servers.
const SERVER_CORE: usize = 0;

/// How long a server may take to answer its first question.
const START_WITHIN: Duration = Duration::from_secs(20);

/// Which relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Peerhall,
    Coturn,
}

/// A running relay; dropping it ends it.
pub(super) struct Server {
    kind: Kind,
    process: Child,
    address: SocketAddr,
    secret: TurnSecret,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts a relay. `this` is the program that [`serve`]s.
    pub(super) fn start(kind: Kind, this: &Path) -> Result<Self, LoadError> {
        let folder = tempfile::tempdir().map_err(LoadError::system("make a folder"))?;
        let address = free_port()?;
        let text = format!("{:032x}", fastrand::u128(..));
        let secret = TurnSecret::new(&text).map_err(|error| LoadError::Credential(error.to_string()))?;
        let mut command = match kind {
            Kind::Peerhall => {
                let mut command = Command::new(this);
                command.args(["--serve", &address.to_string()]).env("PEERHALL_RELAY_SECRET", &text);
                command
            }
            Kind::Coturn => coturn(address, &text),
        };
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Path::new(command.get_program()).to_owned();
        // A process runs where the thread was that started it.
        let start = move || {
            machine::pin_to_core(SERVER_CORE);
            command.spawn()
        };
        let started = std::thread::spawn(start).join();
        let started = started.unwrap_or_else(|_| Err(std::io::Error::other("the starting thread panicked")));
        let process = started.map_err(|cause| LoadError::Start { program, cause })?;
        let server = Self { kind, process, address, secret, _folder: folder };
        server.await_answer()?;
        Ok(server)
    }

    fn await_answer(&self) -> Result<(), LoadError> {
        let end = Instant::now() + START_WITHIN;
        loop {
            let mut client = Client::to(self.address)?;
            match client.challenge(&self.user(0)) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Credentials until tomorrow.
    pub(super) fn user(&self, number: usize) -> User {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires_at = now.as_secs() + 86_400;
        let peer = format!("peer-{number}");
        let plain = format!("{expires_at}:{peer}");
        let name = match (self.kind, "bench".parse(), peer.parse()) {
            (Kind::Peerhall, Ok(app), Ok(peer)) => {
                let issued_at_ms = u64::try_from(now.as_millis()).unwrap_or(0);
                RelayUser { expires_at, app, issued_at_ms, peer }.to_string()
            }
            (Kind::Peerhall | Kind::Coturn, _, _) => plain,
        };
        User { password: self.secret.password(&name), name }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn processes(&self) -> Processes {
        Processes::of(Some(self.process.id()))
    }

    pub(super) fn resident_kib(&self) -> Result<u64, LoadError> {
        let unknown = || LoadError::Output("this system does not tell what a process holds".to_owned());
        self.processes().resident_kib().ok_or_else(unknown)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Serves as our relay until standard input ends: everything that the server's own relay does, with its
/// default bandwidth, on one thread. Its ports suffice for 10,000 allocations.
///
/// # Errors
///
/// When the relay does not start.
pub fn serve(address: SocketAddr) -> Result<(), LoadError> {
    let text = std::env::var("PEERHALL_RELAY_SECRET").unwrap_or_default();
    let secret = TurnSecret::new(&text).map_err(|error| LoadError::Credential(error.to_string()))?;
    let mut setup = Setup::at(address, secret);
    setup.threads = NonZeroUsize::MIN;
    setup.engine.quotas.ports = NonZeroU32::new(16_000).unwrap_or(NonZeroU32::MIN);
    // The peers of the bench are on this machine.
    setup.filter.allowed.extend("127.0.0.0/8".parse::<Network>());
    // Every allocation has a descriptor.
    let _ = machine::raise_descriptor_limit();
    let server = TurnServer::start(setup).map_err(|error| LoadError::Output(error.to_string()))?;
    let mut out = std::io::stdout();
    // Nobody has to read it.
    let _ = writeln!(out, "{:?}", server.addresses());
    let mut rest = Vec::new();
    let ended = std::io::stdin().read_to_end(&mut rest);
    drop(server);
    ended.map(drop).map_err(LoadError::system("read standard input"))
}

/// Debian's coturn with the same tasks: one thread, one address, the shared-secret scheme, no logs.
fn coturn(address: SocketAddr, secret: &str) -> Command {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = Command::new("turnserver");
    command
        .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--relay-threads", "1"])
        .args(["--listening-ip", &ip, "--relay-ip", &ip, "--listening-port", &port])
        .args(["--use-auth-secret", "--static-auth-secret", secret, "--realm", "peerhall"])
        .args(["--no-stdout-log", "--log-file", "/dev/null", "--pidfile", "turnserver.pid"])
        .args(["--userdb", "turnserver.db", "--min-port", "49152", "--max-port", "65535"]);
    command
}

fn free_port() -> Result<SocketAddr, LoadError> {
    let open = || UdpSocket::bind((HOST, 0))?.local_addr();
    open().map_err(LoadError::system("find a free port"))
}
