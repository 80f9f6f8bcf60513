//! Which server is measured, and how it is started and ended.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use peerhall_auth::key::{AppRecord, KeyKind, KeyRecord};
use peerhall_auth::pattern::PatternSet;
use peerhall_auth::token::{MintRequest, mint};
use peerhall_server::store::{SqliteStore, Stamp, Store};
use tempfile::TempDir;

use crate::error::LoadError;
use crate::machine;
use crate::protocol::{Protocol, Spec};

/// How long a server may take to open its port.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// What is put into the configuration of our own server. One publisher of a load stands for thousands
/// of users, so its bucket is the largest there is; it is still counted.
const SETTINGS: &str =
    "[limits]\nframes_per_second = 1000000\nframe_burst = 1000000\n\n[log]\nlevel = \"warn\"\n";

/// Name of the app of our own server.
const APP: &str = "default";

/// Which server is measured.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A process of ours, new for each scenario.
    Own(Own),
    /// One that is running.
    Running(Target),
    /// A process of other people's, new for each scenario.
    Program(Program),
}

/// How our own server is started: on a free port, with a new data folder and a key of its own.
#[derive(Debug, Clone)]
pub struct Own {
    /// The program `peerhall`.
    pub program: PathBuf,
    /// Core that it gets for itself, with one shard. Default none: all cores.
    pub core: Option<usize>,
}

/// How a server of other people is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name in reports.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables beside ours.
    pub environment: Vec<(String, String)>,
    /// Port of loopback that it will open.
    pub port: u16,
    /// Request target of a connection.
    pub path: String,
    /// The wire it speaks.
    pub protocol: Protocol,
    /// Core that it gets for itself.
    pub core: Option<usize>,
}

/// A server that can be connected to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Request target of a connection, credential included.
    pub path: String,
    /// The wire it speaks.
    pub protocol: Protocol,
    /// Its process on this machine, whose CPU and memory are read. `None`: not known.
    pub process: Option<u32>,
    signer: Option<Signer>,
}

/// A secret key in whose name every connection gets a token of its own.
#[derive(Debug, Clone)]
struct Signer {
    key: KeyRecord,
    now: u64,
}

/// A server for as long as a scenario lasts. Dropping it ends the process that was started for it.
#[derive(Debug)]
pub struct Running {
    target: Target,
    child: Option<Child>,
    _folder: Option<TempDir>,
}

impl Target {
    /// The server of a URL such as `ws://127.0.0.1:7788/v1?key=pk_live_…`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Url`] when it is none, or its host has no address.
    pub fn parse(url: &str, process: Option<u32>) -> Result<Self, LoadError> {
        let wrong = |why: &str| LoadError::Url(format!("--url: {why}"));
        let rest = url.strip_prefix("ws://").ok_or_else(|| wrong("the URL has to begin with ws://"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut found = authority.to_socket_addrs().map_err(|_| wrong("the URL needs a host and a port"))?;
        let addr = found.next().ok_or_else(|| wrong("the host has no address"))?;
        let path = if path.is_empty() { "/v1" } else { path };
        Ok(Self { addr, path: path.to_owned(), protocol: Protocol::Peerhall, process, signer: None })
    }

    /// Request target of one connection.
    pub(crate) fn request(&self, spec: &Spec, seed: u64) -> Result<String, LoadError> {
        match &self.signer {
            None => Ok(self.protocol.target(&self.path, spec)),
            Some(signer) => {
                Ok(format!("/v1?token={}&client=peerhall-load", signer.token(&long_id(seed, spec.index))?))
            }
        }
    }
}

impl Signer {
    fn token(&self, sub: &str) -> Result<String, LoadError> {
        let request = MintRequest {
            peer_id: sub,
            channels: None,
            permissions: None,
            expires_in_secs: Some(24 * 3_600),
            metadata: None,
            peer_metadata: None,
        };
        let refused = |error: peerhall_auth::token::MintError| LoadError::Credential(error.to_string());
        let claims = request.check(&self.key, self.now, u64::MAX).map_err(refused)?;
        mint(&self.key, &claims).map_err(refused)
    }
}

impl Subject {
    /// Starts it, where there is something to start.
    ///
    /// # Errors
    ///
    /// Why it did not start.
    pub fn start(&self) -> Result<Running, LoadError> {
        match self {
            Self::Own(own) => own.start(),
            Self::Running(target) => Ok(Running { target: target.clone(), child: None, _folder: None }),
            Self::Program(program) => program.start(),
        }
    }
}

impl Own {
    fn start(&self) -> Result<Running, LoadError> {
        let folder = tempfile::tempdir().map_err(LoadError::system("make a temporary folder"))?;
        let signer = create_key(&folder.path().join("data"))?;
        let config = folder.path().join("bench.toml");
        let shards = if self.core.is_some() { "shards = 1\n" } else { "" };
        std::fs::write(&config, format!("{shards}{SETTINGS}"))
            .map_err(LoadError::system("write a configuration"))?;
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"));
        command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = spawn(&mut command, &self.program, self.core)?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let listen = serde_json::from_str::<serde_json::Value>(&line).ok();
        let addr = listen.as_ref().and_then(|ready| ready.get("listen")?.as_str()?.parse().ok());
        let process = Some(child.id());
        let path = String::new();
        match (read, addr) {
            (Some(Ok(_)), Some(addr)) => {
                let target =
                    Target { addr, path, protocol: Protocol::Peerhall, process, signer: Some(signer) };
                Ok(Running { target, child: Some(child), _folder: Some(folder) })
            }
            _ => {
                end(&mut child);
                Err(LoadError::Silent(self.program.display().to_string()))
            }
        }
    }
}

impl Program {
    fn start(&self) -> Result<Running, LoadError> {
        let addr = SocketAddr::from(([127, 0, 0, 1], self.port));
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| LoadError::Url(format!("{} has no program to start", self.name)))?;
        if TcpStream::connect(addr).is_ok() {
            return Err(LoadError::Url(format!("port {} is taken; end the server that has it", self.port)));
        }
        let mut command = Command::new(program);
        command.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = spawn(&mut command, Path::new(program), self.core)?;
        let until = Instant::now() + START_PATIENCE;
        while TcpStream::connect(addr).is_err() {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > until {
                end(&mut child);
                return Err(LoadError::Silent(format!("{addr} ({})", self.name)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let (path, protocol) = (self.path.clone(), self.protocol);
        let target = Target { addr, path, protocol, process: Some(child.id()), signer: None };
        Ok(Running { target, child: Some(child), _folder: None })
    }
}

impl Running {
    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

/// Ends a process and what it has started: politely, then not.
fn end(child: &mut Child) {
    let family = machine::Processes::of(Some(child.id()));
    family.terminate();
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // It is gone, or there is nothing more to be done about it.
    let _ = child.kill();
    let _ = child.wait();
}

/// Starts a process on a core of its own. A process inherits the core of the thread that starts it, so
/// a thread is made for that.
fn spawn(command: &mut Command, program: &Path, core: Option<usize>) -> Result<Child, LoadError> {
    let start = |command: &mut Command| {
        command.spawn().map_err(|cause| LoadError::Start { program: program.to_owned(), cause })
    };
    let Some(core) = core else { return start(command) };
    std::thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            machine::pin_to_core(core);
            start(command)
        });
        pinned.join().unwrap_or_else(|_| Err(LoadError::Silent(program.display().to_string())))
    })
}

/// Makes the store of our own server with a secret key in it.
fn create_key(folder: &Path) -> Result<Signer, LoadError> {
    let refused = |error: &dyn std::fmt::Display| LoadError::Credential(error.to_string());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let app: peerhall_proto::ids::AppId = APP.parse().map_err(|error| refused(&error))?;
    let all = vec!["**".parse().map_err(|error| refused(&error))?];
    let patterns = PatternSet::for_key(all).map_err(|error| refused(&error))?;
    let mut key =
        KeyRecord::generate(KeyKind::Secret, app.clone(), patterns, now).map_err(|error| refused(&error))?;
    key.actions = peerhall_auth::action::Actions::ALL;
    let stamp = Stamp { who: "bench".to_owned(), at: now };
    let mut store = SqliteStore::open(folder)?;
    store.create_app(&AppRecord::new(app), &stamp)?;
    store.create_key(&key, &stamp)?;
    Ok(Signer { key, now })
}

/// A peer id of the 36 characters that ids of servers have mostly, so that lists of members weigh what
/// they do elsewhere.
fn long_id(seed: u64, index: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (high, low) = (rng.u64(..), rng.u64(..));
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_address_and_target_or_says_what_it_lacks() {
        let target = Target::parse("ws://127.0.0.1:7788/v1?key=pk_live_x", None).unwrap();
        assert_eq!((target.addr.port(), target.path.as_str()), (7788, "/v1?key=pk_live_x"));
        assert_eq!(Target::parse("ws://127.0.0.1:1", None).unwrap().path, "/v1");
        for wrong in ["wss://127.0.0.1:1/v1", "127.0.0.1:1", "ws://127.0.0.1/v1", "ws:///v1"] {
            let sentence = Target::parse(wrong, None).unwrap_err().to_string();
            assert!(sentence.contains("ws://127.0.0.1:7788"), "{sentence}");
        }
    }

    #[test]
    fn ids_are_different_and_the_same_for_the_same_seed() {
        let ids: std::collections::HashSet<String> = (0..1_000).map(|index| long_id(5, index)).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
        assert_eq!(long_id(5, 3), long_id(5, 3));
        assert_ne!(long_id(6, 3), long_id(5, 3));
    }
}
