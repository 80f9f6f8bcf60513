//! Runs one script of `foreign/`: an existing client, unchanged, against the real binary.
//!
//! Each script starts a server of its own, keeps a time limit of its own, and ends with one line
//! `PASS …` or `FAIL …` and status 0 or 1. It can be run by hand the same way, with `PEERHALL_BIN`
//! (and `PEERHALL_PYTHON`) set.

use std::{
    fmt, fs,
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use peerhall_e2e::foreign::{folder as foreign, from_env, node_interpreter, python_interpreter, workspace};

/// For a script that hangs in its clean-up; the limits in the scripts are far below.
const LIMIT: Duration = Duration::from_secs(450);

/// How long a script that is told to stop may take to stop its server and its browser.
const STOP_LIMIT: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why a test failed, for people.
pub(crate) struct Failed(String);

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A program that a script cannot do without is missing.
fn missing(what: &str, path: &Path) -> Failed {
    Failed(format!("no {what} at {}; run `cargo xtask test`, which provides it", path.display()))
}

/// Runs `foreign/js/<name>.mjs` in Node.js.
///
/// # Errors
///
/// When the script fails, or when Node.js, its packages or the server's binary are missing.
pub(crate) fn node(name: &str, arguments: &[&str]) -> Result<(), Failed> {
    let folder = foreign().join("js");
    let packages = folder.join("node_modules");
    if !packages.is_dir() {
        return Err(missing("npm packages", &packages));
    }
    run(&node_interpreter(), &folder.join(format!("{name}.mjs")), arguments)
}

/// Runs `foreign/python/<name>.py` in the virtual environment of the tests.
///
/// # Errors
///
/// When the script fails, or when the environment or the server's binary are missing.
#[allow(dead_code, reason = "every test file has this module, and only one runs Python")]
pub(crate) fn python(name: &str) -> Result<(), Failed> {
    run(&python_interpreter(), &foreign().join("python").join(format!("{name}.py")), &[])
}

fn run(interpreter: &Path, script: &Path, arguments: &[&str]) -> Result<(), Failed> {
    let binary = from_env("PEERHALL_BIN", || workspace().join("target/debug/peerhall"));
    let binary = fs::canonicalize(&binary).map_err(|_| missing("server", &binary))?;
    let child = Command::new(interpreter)
        .arg(script)
        .args(arguments)
        .env("PEERHALL_BIN", binary)
        .env("PEERHALL_PYTHON", python_interpreter())
        .env("PEERHALL_SCREENSHOTS", Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| missing("interpreter", interpreter))?;
    let (status, output) = finish(child);
    println!("{output}");
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failed(format!("{} ended with {status}: {output}", script.display()))),
        None => Err(Failed(format!("{} hung for {LIMIT:?}: {output}", script.display()))),
    }
}

/// The end of the script and all it printed; no status when it had to be stopped.
fn finish(mut child: Child) -> (Option<ExitStatus>, String) {
    let stdout = child.stdout.take().map(|pipe| thread::spawn(|| read(pipe)));
    let stderr = child.stderr.take().map(|pipe| thread::spawn(|| read(pipe)));
    let status = wait(&mut child, LIMIT);
    if status.is_none() {
        // Asked first, so that it stops its own server and browser.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        if wait(&mut child, STOP_LIMIT).is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
    let texts = [stderr, stdout].map(|reader| {
        let text = reader.and_then(|reader| reader.join().ok());
        text.unwrap_or_default()
    });
    (status, texts.concat().trim_end().to_owned())
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

fn read(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before an error is still worth showing.
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
