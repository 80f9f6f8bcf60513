//! P19, first half: a disk without room fails what has to be stored, and nothing else.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Scenario;
use crate::bystanders::Bystanders;
use crate::failed::{Doing, Failed};
use crate::fleet::Fleet;
use crate::plan::Plan;
use crate::server::Settings;
use crate::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "disk",
    promise: "P19",
    about: "a disk of 1 MiB runs full under live traffic: writes of keys fail with a sentence, nothing else does",
    own_network: None,
    run,
};

const ROOM: usize = 4;
const CLIENTS: usize = 40;

fn run(plan: &Plan) -> Result<Verdict, Failed> {
    let span = plan.pick(Duration::from_secs(20), Duration::from_secs(2));
    let disk = SmallDisk::mount()?;
    let folder = disk.0.path().join("data");
    let mut server = Settings::of(&plan.binary).folder(&folder).start()?;
    let mut fleet = Fleet::new(server.address(), ROOM, plan.random())?;
    let join = |fleet: &mut Fleet, server: &crate::server::Server| -> Result<bool, Failed> {
        for _ in 0..CLIENTS {
            let number = fleet.len();
            let peer = format!("peer-{number}");
            fleet.add(server.keys().as_peer(&peer)?, peer, format!("room-{}", number / ROOM));
        }
        fleet.run(Instant::now() + Duration::from_secs(30), |fleet| fleet.complete() == fleet.len())
    };
    let mut verdict = Verdict::default();
    verdict.holds("rooms fill", join(&mut fleet, &server)?);
    let bystanders = Bystanders::start(server.address(), &server.keys().anonymous(), 10)?;
    let before = bystanders.watch(span)?;
    let keys_before = list(plan, &folder)?;

    let filler = disk.fill()?;
    verdict.holds("rooms fill on a full disk", join(&mut fleet, &server)?);
    let refused = key_create(plan, &folder)?;
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    verdict.holds(
        "a new key is refused as the disk is full",
        !refused.status.success() && sentence.contains("full"),
    );
    let during = bystanders.watch(span)?;
    verdict.note("messages of bystanders meanwhile", during.arrived);
    verdict.at_most("of them missing", bystanders.missing(), 10);
    verdict.exactly("connections lost", during.lost + fleet.losses(), 0);
    verdict.note("bystanders' p99 before", crate::verdict::millis(before.p99));
    let moved = during.p99.saturating_sub(before.p99);
    verdict.within("moved by", moved, plan.pick(Duration::from_millis(5), Duration::from_secs(3)));

    fs::remove_file(filler).doing("making room again")?;
    verdict.holds("a new key is made when there is room", key_create(plan, &folder)?.status.success());
    // The crash memory rests for 5 s after a write that failed; a member more makes it write again.
    fleet.run(Instant::now() + Duration::from_secs(6), |_| false)?;
    verdict.holds("rooms fill after it", join(&mut fleet, &server)?);
    drop(bystanders);
    server.kill();
    server.launch()?;
    let back =
        fleet.run(Instant::now() + Duration::from_secs(30), |fleet| fleet.complete() == fleet.len())?;
    verdict.holds("everybody back after a kill", back);
    let keys_after = list(plan, &folder)?;
    verdict.holds("every key still there", keys_before.lines().all(|line| keys_after.contains(line.trim())));
    verdict.exactly("panics", server.panics(), 0);
    Ok(verdict)
}

fn key_create(plan: &Plan, folder: &Path) -> Result<Output, Failed> {
    let mut command = Command::new(&plan.binary);
    command.args(["key", "create", "--type", "publishable", "--data"]).arg(folder);
    command.output().doing("the command line of the server")
}

fn list(plan: &Plan, folder: &Path) -> Result<String, Failed> {
    let output = Command::new(&plan.binary).args(["key", "list", "--data"]).arg(folder).output();
    Ok(String::from_utf8_lossy(&output.doing("the command line of the server")?.stdout).into_owned())
}

/// A file system of one mebibyte in memory, unmounted at its end.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, Failed> {
        let folder = TempDir::new().doing("a folder to mount on")?;
        let mut command = Command::new("mount");
        let done = command.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(folder.path()).status();
        if done.is_ok_and(|status| status.success()) {
            Ok(Self(folder))
        } else {
            Err(Failed::new("a small file system cannot be mounted: run it as root"))
        }
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> Result<PathBuf, Failed> {
        let path = self.0.path().join("filler");
        let mut file = File::create(&path).doing("the file that fills the disk")?;
        for size in [64 * 1_024, 4_096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
