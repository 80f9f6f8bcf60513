//! What has to be on the machine before `peerhall` runs or tests start.
//!
//! One file per step. A step looks first and does nothing when its part is already there; when it
//! cannot provide it, it fails with one sentence that ends with the cure.

mod autobahn;
mod built_peers;
mod debian;
mod node;
pub(crate) mod package;
mod python;
mod rust;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::{self, Workspace},
};

/// Programs that tests start, handed to them by environment variables.
///
/// `PEERHALL_PYTHON`, `PEERHALL_AUTOBAHN`, `PEERHALL_NODE`, `PEERHALL_CHROMIUM` and `PEERHALL_FIREFOX` keep a value they
/// already have; `PEERHALL_BIN` is always the binary just built.
#[derive(Debug)]
pub(crate) struct Tools {
    binary: PathBuf,
    python: PathBuf,
    autobahn: PathBuf,
    node: OsString,
    chromium: OsString,
    firefox: OsString,
}

impl Tools {
    /// Does the whole set-up.
    ///
    /// # Errors
    ///
    /// What is missing and how to get it.
    pub(crate) fn install(workspace: &Workspace) -> Result<Self, Failure> {
        rust::ensure_components(workspace)?;
        rust::ensure_runner(workspace)?;
        debian::ensure_packages(workspace, &debian::TESTS)?;
        node::ensure_version(workspace)?;
        node::ensure_modules(workspace, node::TESTS)?;
        node::ensure_modules(workspace, node::PACKAGE_TESTS)?;
        package::ensure_package(workspace)?;
        python::ensure_environment(workspace)?;
        autobahn::ensure_suite(workspace)?;
        Self::assume(workspace)
    }

    /// Builds, and takes the rest to be there: a test that misses something says so itself.
    ///
    /// # Errors
    ///
    /// Those of the build.
    pub(crate) fn assume(workspace: &Workspace) -> Result<Self, Failure> {
        Ok(Self {
            binary: build_everything(workspace)?,
            python: python::interpreter(workspace),
            autobahn: autobahn::folder(workspace),
            node: node::program(),
            chromium: debian::chromium(),
            firefox: debian::firefox(),
        })
    }

    /// The variables by which tests find the programs.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 6] {
        [
            ("PEERHALL_BIN", self.binary.clone().into()),
            ("PEERHALL_PYTHON", self.python.clone().into()),
            ("PEERHALL_AUTOBAHN", self.autobahn.clone().into()),
            ("PEERHALL_NODE", self.node.clone()),
            ("PEERHALL_CHROMIUM", self.chromium.clone()),
            ("PEERHALL_FIREFOX", self.firefox.clone()),
        ]
    }
}

/// What the attacks of `cargo xtask torture` need beside the programs they attack.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_torture(workspace: &Workspace) -> Result<(), Failure> {
    debian::ensure_packages(workspace, &debian::TORTURE)
}

/// Installs the relay that `cargo xtask bench --relay` compares ours with.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_relay_bench(workspace: &Workspace) -> Result<(), Failure> {
    debian::ensure_packages(workspace, &debian::RELAY)
}

/// Whom `cargo xtask bench` compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BenchPeers {
    /// Those of every time.
    Usual,
    /// All that there are adapters for.
    All,
}

/// Installs what `cargo xtask bench` compares with, and gives back the Node.js that runs half of it.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_bench(workspace: &Workspace, peers: BenchPeers) -> Result<OsString, Failure> {
    debian::ensure_packages(workspace, &debian::BENCH)?;
    if peers == BenchPeers::All {
        debian::ensure_packages(workspace, &debian::BENCH_ALL)?;
    }
    node::ensure_version(workspace)?;
    node::ensure_modules(workspace, node::BENCH)?;
    if peers == BenchPeers::All {
        built_peers::ensure(workspace)?;
    }
    Ok(node::program())
}

/// What drives pages for `cargo xtask bench --page` and `--package`.
#[derive(Debug)]
pub(crate) struct PageBench {
    pub(crate) node: OsString,
    pub(crate) chromium: OsString,
}

/// Installs a browser, and what drives it.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_page_bench(workspace: &Workspace) -> Result<PageBench, Failure> {
    debian::ensure_packages(workspace, &debian::TESTS)?;
    node::ensure_version(workspace)?;
    node::ensure_modules(workspace, node::TESTS)?;
    Ok(PageBench { node: node::program(), chromium: debian::chromium() })
}

/// Installs a browser, what drives it, and PeerJS with its server.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_labelled_bench(workspace: &Workspace) -> Result<PageBench, Failure> {
    node::ensure_modules(workspace, node::BENCH)?;
    for_page_bench(workspace)
}

/// Other people's peer connections.
#[derive(Debug)]
pub(crate) struct RtcPeers {
    /// The program around libdatachannel.
    pub(crate) libdatachannel: PathBuf,
    /// The program around the crate `webrtc`.
    pub(crate) webrtc: PathBuf,
    /// The folder with the scripts for the others.
    pub(crate) scripts: PathBuf,
    /// What runs libwebrtc.
    pub(crate) node: OsString,
    /// What runs aiortc.
    pub(crate) python: PathBuf,
}

/// Installs the peer connections that ours are compared with.
///
/// # Errors
///
/// What is missing and how to get it.
pub(crate) fn for_rtc_bench(workspace: &Workspace) -> Result<RtcPeers, Failure> {
    debian::ensure_packages(workspace, &debian::BENCH_RTC)?;
    node::ensure_version(workspace)?;
    node::ensure_modules(workspace, node::BENCH_RTC)?;
    python::ensure_environment(workspace)?;
    Ok(RtcPeers {
        libdatachannel: built_peers::rtc(workspace, "libdatachannel")?,
        webrtc: built_peers::rtc(workspace, "webrtc")?,
        scripts: workspace.path(node::BENCH_RTC),
        node: node::program(),
        python: python::interpreter(workspace),
    })
}

/// The folder with those servers that had to be built.
pub(crate) fn built_peers(workspace: &Workspace) -> PathBuf {
    built_peers::folder(workspace)
}

/// The folder with the servers that `cargo xtask bench` compares with.
pub(crate) fn bench_peers(workspace: &Workspace) -> PathBuf {
    workspace.path(node::BENCH)
}

/// Builds `peerhall` and returns its path.
///
/// The whole workspace is named so that cargo chooses the features of shared dependencies as it
/// does for the tests, and those are built once for both.
///
/// # Errors
///
/// Those of the build.
pub(crate) fn build_binary(workspace: &Workspace) -> Result<PathBuf, Failure> {
    build(workspace, &["build", "--workspace", "--exclude", "xtask", "--bins"])
}

/// Builds `peerhall` and every test in one go, so that both share one set of dependencies and the
/// runner finds nothing left to build; returns the path of `peerhall`.
fn build_everything(workspace: &Workspace) -> Result<PathBuf, Failure> {
    build(workspace, &["build", "--workspace", "--bins", "--tests"])
}

fn build(workspace: &Workspace, arguments: &[&str]) -> Result<PathBuf, Failure> {
    announce(&format!("cargo {}", arguments.join(" ")));
    process::run(workspace.cargo().args(arguments))?;
    let name = format!("peerhall{}", env::consts::EXE_SUFFIX);
    Ok(workspace.metadata()?.target_directory.join("debug").join(name))
}

/// Whether the stamp of an earlier installation holds the same text as the list it was made from.
fn is_in_step(stamp: &Path, list: &str) -> bool {
    workspace::read(stamp).is_ok_and(|installed| installed == list)
}
