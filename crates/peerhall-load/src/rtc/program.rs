//! Runs a program of the comparison, and waits for what it says, but not for ever.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::error::LoadError;

/// How long one run may take. The slowest stack takes 15 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// The last line that a program prints, as JSON.
pub(super) fn said(command: &mut Command) -> Result<Value, LoadError> {
    said_within(PATIENCE, command)
}

fn said_within(patience: Duration, command: &mut Command) -> Result<Value, LoadError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let fault = |why: String| LoadError::Program(format!("{program}: {why}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    lead_a_group(command);
    let mut child = command.spawn().map_err(|error| fault(error.to_string()))?;
    let (told, text) = mpsc::channel();
    if let Some(mut output) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let result = output.read_to_end(&mut text).map(|_| text);
            // Nobody may wait for it any more.
            let _ = told.send(result);
        });
    }
    let text = text.recv_timeout(patience);
    if text.is_err() {
        end_group(&mut child);
    }
    let status = child.wait().map_err(|error| fault(error.to_string()))?;
    let text = text.map_err(|_| fault(format!("said nothing for {patience:?}")))?;
    let text = text.map_err(|error| fault(error.to_string()))?;
    if !status.success() {
        return Err(fault(status.to_string()));
    }
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|error| fault(error.to_string()))
}

/// Each program starts a second one, which is to end with it.
#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn lead_a_group(_command: &mut Command) {}

fn end_group(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // They may have ended by now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_last_line_of_a_program_counts() {
        let said = said(&mut shell("echo joined; echo '{\"a\": 1}'")).unwrap();
        assert_eq!(said, serde_json::json!({"a": 1}));
        assert!(super::said(&mut shell("echo 1; exit 3")).is_err());
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_has_started() {
        let error = said_within(Duration::from_millis(200), &mut shell("sleep 600 & wait")).unwrap_err();
        assert!(error.to_string().contains("said nothing for 200ms"), "{error}");
    }
}
