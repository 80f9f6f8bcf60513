//! Two peers that want to meet through a laboratory, with no ICE setting anywhere.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::guest;
use super::network::{Access, Lab, SERVER, SERVER_V6, Unavailable, Weather};
use super::peer::Talker;
use crate::foreign::{from_env, workspace};

/// How long two peers may take to hear each other, and to hear each other again.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a peer is asked whether it hears the other.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// What the peers are behind.
    pub sides: [Access; 2],
    /// What happens to packets.
    pub weather: Weather,
    /// Whether the first side changes its address once they hear each other.
    pub moves: bool,
    /// Whether the second peer is the vendor's SDK in Chromium. Then nobody moves, and the path is the one that
    /// the first peer sees.
    pub browser: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Kinds of the two candidates in use, as the second peer sees them; `None` when they never met.
    pub path: Option<String>,
    /// From the moment one knew of the other until it heard it.
    pub connected_in: Option<Duration>,
    /// From the change of address until it heard it again.
    pub recovered_in: Option<Duration>,
}

impl Trial {
    /// Two sides in fine weather that stay where they are.
    #[must_use]
    pub const fn between(one: Access, other: Access) -> Self {
        Self { sides: [one, other], weather: Weather::Fine, moves: false, browser: false }
    }

    /// Tries it.
    ///
    /// # Errors
    ///
    /// When there can be no laboratory here.
    ///
    /// # Panics
    ///
    /// When the server does not start.
    pub fn run(&self) -> Result<Outcome, Unavailable> {
        let lab = Lab::new(self.sides, self.weather)?;
        if self.browser {
            let met = guest::meet(&lab, self.sides)?;
            let connected_in = met.as_ref().map(|(begin, heard)| heard.at - *begin);
            return Ok(Outcome { path: met.map(|(_, heard)| heard.path), connected_in, recovered_in: None });
        }
        let files = Certificate::make();
        let server = Server::start(&lab, &files, &[]);
        let _bot = server.peer(&lab, self.sides[0], 1, &["--bot"]);
        let mut watcher = server.peer(&lab, self.sides[1], 2, &[]);
        let Some((begin, ())) = watcher.next(PATIENCE, joined) else {
            return Ok(Outcome { path: None, connected_in: None, recovered_in: None });
        };
        let heard = hears(&mut watcher, 0, begin + PATIENCE);
        let connected_in = heard.as_ref().map(|heard| heard.at - begin);
        let mut recovered_in = None;
        if let (true, Some(heard)) = (self.moves, &heard) {
            let moved = Instant::now();
            lab.move_side(1)?;
            // What was on its way when the address changed is not what is waited for.
            std::thread::sleep(LOOK_EVERY * 5);
            let stale =
                hears(&mut watcher, heard.bytes, moved + LOOK_EVERY * 10).map_or(heard.bytes, |h| h.bytes);
            recovered_in = hears(&mut watcher, stale, moved + PATIENCE).map(|heard| heard.at - moved);
        }
        Ok(Outcome { path: heard.map(|heard| heard.path), connected_in, recovered_in })
    }
}

/// What `peerhall doctor` says from behind a network: its line of JSON.
///
/// # Errors
///
/// When there can be no laboratory here.
///
/// # Panics
///
/// When the server does not start.
pub fn diagnose(access: Access) -> Result<Value, Unavailable> {
    diagnose_with(access, &[])
}

/// The same with settings of the server, as variables of its environment.
///
/// # Errors
///
/// As [`diagnose`].
///
/// # Panics
///
/// As [`diagnose`].
pub fn diagnose_with(access: Access, settings: &[(&str, &str)]) -> Result<Value, Unavailable> {
    let lab = Lab::new([access, Access::FullCone], Weather::Fine)?;
    let files = Certificate::make();
    let server = Server::start(&lab, &files, settings);
    let mut command = server.client(&lab, 1);
    let output = command.args(["doctor", &server.url(access), "--json", "--key", &server.key]).output();
    let output = output.expect("`ip` and the server's binary; `cargo xtask test` provides both");
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// Somebody has come.
pub(super) fn joined(line: &Value) -> Option<()> {
    (line["event"] == "peer-joined").then_some(())
}

/// What a peer says about the other.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: Instant,
    bytes: u64,
    pub(super) path: String,
}

/// Asks until more than `known` bytes have come.
pub(super) fn hears(watcher: &mut Talker, known: u64, until: Instant) -> Option<Heard> {
    while Instant::now() < until {
        watcher.say("/who");
        let answer =
            watcher.next(PATIENCE, |line| (line["event"] == "who").then(|| line["peers"][0].clone()))?;
        let (at, peer) = answer;
        if let (Some(bytes), Some(path)) = (peer["bytesReceived"].as_u64(), peer["path"].as_str())
            && bytes > known
        {
            return Some(Heard { at, bytes, path: path.to_owned() });
        }
        std::thread::sleep(LOOK_EVERY);
    }
    None
}

/// The server and the peers are one program.
fn binary() -> PathBuf {
    from_env("PEERHALL_BIN", || workspace().join("target/debug/peerhall"))
}

/// A certificate for the server's addresses, which the peers trust.
pub(super) struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub(super) fn make() -> Self {
        let names = [SERVER.to_owned(), SERVER_V6.to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("written");
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        Self { folder }
    }

    fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

/// `peerhall dev` on port 443, over both families.
pub(super) struct Server<'c> {
    _talker: Talker,
    key: String,
    certificate: &'c Certificate,
}

impl<'c> Server<'c> {
    pub(super) fn start(lab: &Lab, certificate: &'c Certificate, settings: &[(&str, &str)]) -> Self {
        let mut command = lab.command("s", &binary());
        command
            .args(["dev", "--json", "--listen", "[::]:443"])
            .env("PEERHALL_TLS_CERT_FILE", certificate.cert())
            .env("PEERHALL_TLS_KEY_FILE", certificate.key())
            .env("PEERHALL_TURN_LISTEN", format!("{SERVER}:3478,[{SERVER_V6}]:3478"))
            .envs(settings.iter().copied());
        let talker = Talker::start(&mut command);
        let key = |line: &Value| line["publishableKey"].as_str().map(str::to_owned);
        let (_, key) = talker.next(PATIENCE, key).expect("the server starts");
        Self { _talker: talker, key, certificate }
    }

    /// A peer on a side. It is told the server's address and a key, and nothing else.
    pub(super) fn peer(&self, lab: &Lab, access: Access, side: u8, more: &[&str]) -> Talker {
        let mut command = self.client(lab, side);
        command.args(["join", "lab", "--json", "--url", &self.url(access), "--key", &self.key]).args(more);
        Talker::start(&mut command)
    }

    /// The program on a side, with trust in the server's certificate.
    pub(super) fn client(&self, lab: &Lab, side: u8) -> Command {
        let mut command: Command = lab.command(&format!("p{side}"), &binary());
        command.env("SSL_CERT_FILE", self.certificate.cert());
        command
    }

    /// The server's address as a side reaches it.
    pub(super) fn url(&self, access: Access) -> String {
        format!("wss://{}", std::net::SocketAddr::new(Lab::server_for(access), 443))
    }

    /// A key with which everybody may come.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}
