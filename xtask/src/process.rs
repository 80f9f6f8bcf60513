//! Starting other programs.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use crate::failure::Failure;

/// Says on stderr what is done next, in one line.
pub(crate) fn announce(step: &str) {
    eprintln!("xtask: {step}");
}

/// Runs a program to its end with our terminal as its terminal.
///
/// # Errors
///
/// [`Failure::Start`] when it cannot be started, [`Failure::Refused`] when it reports failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|cause| start_failure(command, cause))?;
    if status.success() { Ok(()) } else { Err(Failure::Refused { program: shown(command), status }) }
}

/// Runs a program to its end with our terminal as its terminal, and tells whether it reports success.
///
/// # Errors
///
/// [`Failure::Start`] when it cannot be started.
pub(crate) fn passes(command: &mut Command) -> Result<bool, Failure> {
    let status = command.status().map_err(|cause| start_failure(command, cause))?;
    Ok(status.success())
}

/// Runs a program to its end and returns what it wrote to stdout; its stderr is ours.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|cause| start_failure(command, cause))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Refused { program: shown(command), status: output.status })
    }
}

/// Whether a program starts and reports success; it stays silent.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// Ends this process by becoming `command`, so that signals reach it and its exit status is ours.
///
/// # Errors
///
/// [`Failure::Start`] when it cannot be started.
#[cfg(unix)]
pub(crate) fn become_program(command: &mut Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;

    let cause = command.exec();
    Err(start_failure(command, cause))
}

/// Runs `command` to its end and takes over its exit status; there is no `exec` here.
///
/// # Errors
///
/// [`Failure::Start`] when it cannot be started.
#[cfg(not(unix))]
pub(crate) fn become_program(command: &mut Command) -> Result<ExitCode, Failure> {
    let status = command.status().map_err(|cause| start_failure(command, cause))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The first file called `program` in the folders of `PATH`.
pub(crate) fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The program and its arguments as somebody would type them, without the folder it is in.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program();
    let name = Path::new(program).file_name().unwrap_or(program);
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn start_failure(command: &Command, cause: std::io::Error) -> Failure {
    Failure::Start { program: command.get_program().to_string_lossy().into_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_reports_failure_is_a_failure() {
        let failure = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(failure.contains("sh -c exit 3") && failure.contains('3'), "{failure}");
        assert!(!succeeds(Command::new("sh").args(["-c", "exit 3"])));
        assert!(run(Command::new("sh").args(["-c", "exit 0"])).is_ok());
        assert_eq!(shown(Command::new("/some/where/cargo").arg("fmt")), "cargo fmt");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let failure = run(&mut Command::new("peerhall-no-such-program")).unwrap_err().to_string();
        assert!(failure.contains("peerhall-no-such-program"), "{failure}");
        assert!(!succeeds(&mut Command::new("peerhall-no-such-program")));
        assert_eq!(find_on_path("peerhall-no-such-program"), None);
    }

    #[test]
    fn what_a_program_prints_is_returned() {
        assert_eq!(output(Command::new("sh").args(["-c", "echo out; echo err >&2"])).unwrap(), "out\n");
    }
}
