//! What the system says of a process, read from `/proc`.

use std::fs;

use crate::failed::{Doing, Failed};

/// Resident memory in bytes.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn resident(pid: u32) -> Result<u64, Failed> {
    status_bytes(pid, "VmRSS:")
}

/// Most memory that was ever resident, in bytes.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn peak(pid: u32) -> Result<u64, Failed> {
    status_bytes(pid, "VmHWM:")
}

/// Lets [`peak`] begin anew.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn reset_peak(pid: u32) -> Result<(), Failed> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").doing("resetting the memory peak")
}

/// Open descriptors.
///
/// # Errors
///
/// When there is no such process.
pub(crate) fn descriptors(pid: u32) -> Result<usize, Failed> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd")).doing("the server's descriptors")?.count())
}

fn status_bytes(pid: u32, field: &str) -> Result<u64, Failed> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).doing("the server's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok());
    kibibytes.map(|kib| kib * 1_024).ok_or_else(|| Failed::new(format!("no {field} of process {pid}")))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let pid = std::process::id();
        assert!(resident(pid).unwrap() > 100_000);
        assert!(peak(pid).unwrap() >= resident(pid).unwrap() / 2);
        assert!(resident(u32::MAX).is_err());
    }
}
