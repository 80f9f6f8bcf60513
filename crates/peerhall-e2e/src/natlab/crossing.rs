//! A file that crosses a bad line with `peerhall send` and `peerhall receive`: the line is cut on the way, and the
//! receiver killed.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use peerhall::labelled::Hasher;
use serde_json::Value;

use super::network::{Access, Lab, Line, Unavailable, Weather};
use super::peer::Talker;
use super::trial::{Certificate, Server};

/// The line of the issue that asks for this: a round trip takes 50 ms.
const LINE: Line = Line { megabits: 20, milliseconds: 25, thousandths: 10 };

/// How long nothing passes: longer than ICE and the server take to notice.
const OUTAGE: Duration = Duration::from_secs(45);

/// How long nothing may be heard of a transfer: an outage, and what comes back after it.
const PATIENCE: Duration = Duration::from_secs(120);

/// KiB that a program may take beyond what it takes when it is connected and idle.
const FLAT: u64 = 8 * 1024;

/// Bytes of the file that are made at once.
const PIECE: usize = 1_000_000;

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub struct Crossing {
    /// Size of the file, in megabytes.
    pub megabytes: u64,
    /// What the sender has.
    pub line: Line,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Crossed {
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// From the first progress to the proof, outage and restart included.
    pub took: Duration,
    /// KiB that the sender took at its most beyond those of idling.
    pub sender_grew: u64,
    /// The same of the receiver, whichever of the two took more.
    pub receiver_grew: u64,
    /// Bytes that were confirmed when the receiver was killed.
    pub killed_at: u64,
    /// The first bytes that the next one told of.
    pub resumed_at: u64,
}

impl Crossed {
    /// Whether memory did not grow with the file.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.sender_grew <= FLAT && self.receiver_grew <= FLAT
    }
}

impl fmt::Display for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} MB in {:.0} s, {:.1} Mbit/s; killed at {:.1} MB, went on at {:.1} MB; memory beyond that of \
             idling: sender {} KiB, receiver {} KiB (at most {FLAT})",
            self.bytes / 1_000_000,
            self.took.as_secs_f64(),
            self.bytes as f64 * 8e-6 / self.took.as_secs_f64(),
            self.killed_at as f64 / 1e6,
            self.resumed_at as f64 / 1e6,
            self.sender_grew,
            self.receiver_grew
        )
    }
}

impl Crossing {
    /// A file of so many megabytes over 20 Mbit/s with a round trip of 50 ms and a hundredth lost each way.
    #[must_use]
    pub const fn of(megabytes: u64) -> Self {
        Self { megabytes, line: LINE }
    }

    /// Tries it.
    ///
    /// # Errors
    ///
    /// When there can be no laboratory here.
    ///
    /// # Panics
    ///
    /// When the file does not arrive whole.
    pub fn run(&self) -> Result<Crossed, Unavailable> {
        let sides = [Access::PortRestricted, Access::FullCone];
        let lab = Lab::new(sides, Weather::Line(self.line))?;
        let certificate = Certificate::make();
        let server = Server::start(&lab, &certificate, &[]);
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = self.megabytes * 1_000_000;
        let (path, digest) = file(folder.path(), bytes);
        let mut sender = Watched::start(server.client(&lab, 1).args(["send", "--json"]).args([
            "--url",
            &server.url(sides[0]),
            "--key",
            server.key(),
            &path.to_string_lossy(),
        ]));
        let code = sender.until("code")["code"].as_str().expect("a code").to_owned();
        let into = folder.path().join("into");
        let receive = || {
            Watched::start(
                server
                    .client(&lab, 2)
                    .args(["receive", &code, "--json", "--url", &server.url(sides[1])])
                    .args(["--key", server.key(), "--into"])
                    .arg(&into),
            )
        };

        let mut receiver = receive();
        sender.until("receiver");
        receiver.has(1, &mut sender);
        let started = Instant::now();
        receiver.has(bytes / 3, &mut sender);
        lab.cut(1)?;
        std::thread::sleep(OUTAGE);
        lab.mend(1)?;
        let killed_at = receiver.has(bytes / 3 * 2, &mut sender);
        let before = receiver.grew();
        drop(receiver);
        let mut receiver = receive();
        let resumed_at = receiver.has(1, &mut sender);
        let received = loop {
            let line = receiver.line();
            sender.look();
            if line["event"] == "received" {
                break line;
            }
        };
        let took = started.elapsed();
        assert_eq!(received["blake3"], *digest, "{received}");
        assert_eq!(digest, digest_of(Path::new(received["path"].as_str().expect("a path"))));
        assert!(resumed_at >= killed_at, "{resumed_at} after {killed_at}: it began anew");
        sender.until("served");
        Ok(Crossed {
            bytes,
            took,
            sender_grew: sender.grew(),
            receiver_grew: before.max(receiver.grew()),
            killed_at,
            resumed_at,
        })
    }
}

/// A program whose memory is looked at whenever something is heard of the transfer.
struct Watched {
    talker: Talker,
    /// KiB before anything moved, and at its most after that.
    idle: u64,
    most: u64,
    moved: bool,
}

impl Watched {
    fn start(command: &mut std::process::Command) -> Self {
        Self { talker: Talker::start(command), idle: 0, most: 0, moved: false }
    }

    fn look(&mut self) {
        if self.moved {
            self.most = self.most.max(self.talker.resident());
        }
    }

    fn grew(&self) -> u64 {
        self.most.saturating_sub(self.idle)
    }

    /// The next line.
    fn line(&mut self) -> Value {
        let (_, line) = self.talker.next(PATIENCE, |line| Some(line.clone())).expect("more to be heard");
        self.moved |= line["event"] == "progress";
        if !self.moved {
            self.idle = self.talker.resident();
        }
        self.look();
        line
    }

    /// The line of this event.
    fn until(&mut self, event: &str) -> Value {
        loop {
            let line = self.line();
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Waits until so many bytes are here, and tells how many are.
    fn has(&mut self, bytes: u64, other: &mut Self) -> u64 {
        loop {
            let line = self.until("progress");
            other.look();
            if let Some(here) = line["bytes"].as_u64().filter(|here| *here >= bytes) {
                return here;
            }
        }
    }
}

/// A file without a pattern, and its digest.
fn file(folder: &Path, bytes: u64) -> (PathBuf, String) {
    let path = folder.join("film.bin");
    let mut file = std::fs::File::create(&path).expect("a file");
    let mut noise = fastrand::Rng::with_seed(bytes);
    let mut piece = vec![0; PIECE];
    let mut hasher = Hasher::new();
    for _ in 0..bytes / PIECE as u64 {
        noise.fill(&mut piece);
        hasher.update(&piece);
        file.write_all(&piece).expect("written");
    }
    (path, hasher.finalize().to_hex().to_string())
}

fn digest_of(path: &Path) -> String {
    let mut hasher = Hasher::new();
    let mut file = std::fs::File::open(path).expect("the file that arrived");
    std::io::copy(&mut file, &mut hasher).expect("read");
    hasher.finalize().to_hex().to_string()
}
