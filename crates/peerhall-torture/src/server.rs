//! The server under attack: the real binary, as a child process, with a data folder of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::cores;
use crate::failed::{Doing, Failed};
use crate::keys::Keys;

pub(crate) mod metrics;
pub(crate) mod process;

/// What a server is started with; its defaults are those of a production server.
#[derive(Debug)]
pub(crate) struct Settings {
    binary: PathBuf,
    /// Program and arguments that start the server, such as `prlimit`.
    wrapper: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    one_core: bool,
}

impl Settings {
    pub(crate) fn of(binary: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            wrapper: Vec::new(),
            variables: Vec::new(),
            folder: None,
            one_core: false,
        }
    }

    /// Sets a configuration variable, or any other.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Starts the server through another program, which must become it: the process number is the same.
    pub(crate) fn wrapped<S: Into<OsString>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper.extend(wrapper.into_iter().map(Into::into));
        self
    }

    /// Runs the server on one core, which [`cores`](crate::cores) leaves to it.
    pub(crate) fn on_one_core(mut self) -> Self {
        self.one_core = true;
        self
    }

    /// Keeps the data in a folder that is there already.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Makes keys, then starts the server on a free port.
    ///
    /// # Errors
    ///
    /// When the binary cannot be started or does not say that it listens.
    pub(crate) fn start(self) -> Result<Server, Failed> {
        let scratch = TempDir::new().doing("a folder for the server")?;
        let folder = self.folder.clone().unwrap_or_else(|| scratch.path().join("data"));
        let keys = Keys::create(&self.binary, &folder)?;
        let log = scratch.path().join("log.txt");
        File::create(&log).doing("the log file")?;
        let mut server = Server {
            settings: self,
            _scratch: scratch,
            folder,
            log,
            keys,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
        };
        server.launch()?;
        Ok(server)
    }
}

/// A server, running or between two runs.
#[derive(Debug)]
pub(crate) struct Server {
    settings: Settings,
    /// Removed with the server.
    _scratch: TempDir,
    folder: PathBuf,
    log: PathBuf,
    keys: Keys,
    address: SocketAddr,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Kept open, so that the server never writes to a closed pipe.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts the process, on the port of the last run if there was one.
    ///
    /// # Errors
    ///
    /// When it does not say that it listens.
    pub(crate) fn launch(&mut self) -> Result<(), Failed> {
        let mut words = self.settings.wrapper.iter().cloned().chain([self.settings.binary.clone().into()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .args(["serve", "--json", "--listen", &self.address.to_string(), "--data"])
            .arg(&self.folder)
            .envs(self.settings.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(File::options().append(true).open(&self.log).doing("the log file")?);
        let started = match self.settings.one_core {
            true => cores::start_on_one(&mut command),
            false => command.spawn(),
        };
        let mut child = started.doing(format_args!("cannot start {}", command.get_program().display()))?;
        let output = child.stdout.take().ok_or_else(|| Failed::new("the server has no output"))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).doing("the server's ready line")?;
        self.running = Some(Running { child, _output: output });
        let ready: Value = serde_json::from_str(&line)
            .map_err(|_| Failed::new(format!("the server did not start: {}", self.log_tail())))?;
        let listen = ready.get("listen").and_then(Value::as_str).unwrap_or_default();
        self.address = listen.parse().doing("the server's address")?;
        Ok(())
    }

    /// Where it listens; the same over all its runs.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The keys it knows.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Its data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process number; 0 between two runs.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().map_or(0, |running| running.child.id())
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// Stops it politely.
    ///
    /// # Errors
    ///
    /// When it does not end within half a minute.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus, Failed> {
        let mut running = self.running.take().ok_or_else(|| Failed::new("the server does not run"))?;
        let pid = running.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().doing("kill")?;
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = running.child.try_wait().doing("waiting for the server")? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = running.child.kill();
        let _ = running.child.wait();
        Err(Failed::new("the server did not stop within 30 s"))
    }

    /// Whether the process is there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Everything it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Times that something panicked, by its log.
    pub(crate) fn panics(&self) -> usize {
        self.log().matches("panicked at").count()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join(" / ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
