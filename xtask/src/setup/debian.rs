//! Programs that come as Debian packages.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::Workspace,
};

/// A program tests need and the package that brings it.
#[derive(Debug)]
pub(super) struct Package {
    name: &'static str,
    is_there: fn() -> bool,
    /// A service it sets up to start with the machine.
    service: Option<&'static str>,
}

/// The relay that ours is held against, and its client programs.
const COTURN: Package = Package {
    name: "coturn",
    is_there: || process::find_on_path("turnserver").is_some(),
    service: Some("coturn"),
};

/// Rules of the boxes between peers and the internet.
const NFTABLES: Package =
    Package { name: "nftables", is_there: || process::find_on_path("nft").is_some(), service: None };

/// What `cargo xtask bench --relay` compares with.
pub(super) const RELAY: [Package; 1] = [COTURN];

/// What tests start.
pub(super) const TESTS: [Package; 7] = [
    Package { name: "chromium", is_there: || Path::new(&chromium()).is_file(), service: None },
    Package { name: "firefox-esr", is_there: || Path::new(&firefox()).is_file(), service: None },
    COTURN,
    FAKETIME,
    IPROUTE,
    NFTABLES,
    Package { name: "python3-venv", is_there: || process::succeeds(&mut venv_probe()), service: None },
];

/// What builds the npm package.
pub(super) const PACKAGE: [Package; 1] =
    [Package { name: "xz-utils", is_there: || process::find_on_path("xz").is_some(), service: None }];

/// What attacks at full size start: a clock that jumps, packets that vanish.
pub(super) const TORTURE: [Package; 3] = [FAKETIME, NFTABLES, IPROUTE];

/// What `cargo xtask bench` compares with.
pub(super) const BENCH: [Package; 2] = [
    Package {
        name: "nats-server",
        is_there: || process::find_on_path("nats-server").is_some(),
        service: Some("nats-server"),
    },
    Package {
        name: "mosquitto",
        is_there: || process::find_on_path("mosquitto").is_some(),
        service: Some("mosquitto"),
    },
];

/// What it compares with when all are asked for.
pub(super) const BENCH_ALL: [Package; 8] = [
    Package {
        name: "nginx-light",
        is_there: || process::find_on_path("nginx").is_some(),
        service: Some("nginx"),
    },
    Package {
        name: "libnginx-mod-nchan",
        is_there: || Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so").is_file(),
        service: None,
    },
    Package { name: "golang-go", is_there: || process::find_on_path("go").is_some(), service: None },
    Package {
        name: "golang-github-centrifugal-centrifuge-dev",
        is_there: || has_go_sources("centrifugal/centrifuge"),
        service: None,
    },
    // What that one imports and does not name.
    Package {
        name: "golang-github-centrifugal-protocol-dev",
        is_there: || has_go_sources("centrifugal/protocol"),
        service: None,
    },
    Package {
        name: "golang-github-fzambia-eagle-dev",
        is_there: || has_go_sources("FZambia/eagle"),
        service: None,
    },
    Package {
        name: "golang-github-igm-sockjs-go-dev",
        is_there: || has_go_sources("igm/sockjs-go"),
        service: None,
    },
    Package {
        name: "golang-github-mna-redisc-dev",
        is_there: || has_go_sources("mna/redisc"),
        service: None,
    },
];

/// What builds the peer connections that ours are compared with.
pub(super) const BENCH_RTC: [Package; 3] = [
    Package { name: "cmake", is_there: || process::find_on_path("cmake").is_some(), service: None },
    Package { name: "g++", is_there: || process::find_on_path("c++").is_some(), service: None },
    // Reads the headers of libdatachannel.
    Package { name: "libclang-dev", is_there: has_libclang, service: None },
];

const IPROUTE: Package =
    Package { name: "iproute2", is_there: || process::find_on_path("ip").is_some(), service: None };

const FAKETIME: Package = Package { name: "libfaketime", is_there: has_faketime, service: None };

/// The answer of this script to "may a package start its service?" is no (exit status 101).
/// coturn's package starts a relay on every address; tests start their own.
const NO_SERVICES: &str = "#!/bin/sh\nexit 101\n";
const NO_SERVICES_PATH: &str = "/usr/sbin/policy-rc.d";

/// Whether Debian's tree of Go sources holds this project of GitHub.
fn has_go_sources(project: &str) -> bool {
    Path::new("/usr/share/gocode/src/github.com").join(project).is_dir()
}

/// Installs the packages whose programs are not on `PATH`; only root may.
pub(super) fn ensure_packages(workspace: &Workspace, packages: &[Package]) -> Result<(), Failure> {
    let missing: Vec<_> = packages.iter().filter(|package| !(package.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let list = names.join(" ");
    if process::find_on_path("apt-get").is_none() || !is_root(workspace) {
        return Err(Failure::Missing {
            what: format!("the tests need programs that are not installed (Debian packages: {list})"),
            cure: format!(
                "run `sudo apt-get install {list}`, or leave such tests out with `--no-setup` and a filter"
            ),
        });
    }
    let _no_services = NoServices::during_installation()?;
    apt(workspace, &["update"])?;
    apt(workspace, &[&["install", "--yes", "--no-install-recommends"], names.as_slice()].concat())?;
    missing.iter().filter_map(|package| package.service).try_for_each(|service| disable(workspace, service))
}

/// The browser tests drive: `PEERHALL_CHROMIUM`, else the first of its usual names on `PATH`.
pub(super) fn chromium() -> OsString {
    browser("PEERHALL_CHROMIUM", ["chromium", "chromium-browser"])
}

/// The other one: `PEERHALL_FIREFOX`, else the first of its usual names on `PATH`.
pub(super) fn firefox() -> OsString {
    browser("PEERHALL_FIREFOX", ["firefox-esr", "firefox"])
}

fn browser(variable: &str, usual: [&str; 2]) -> OsString {
    let first = || usual.first().map(Into::into).unwrap_or_default();
    env::var_os(variable)
        .or_else(|| usual.into_iter().find_map(process::find_on_path).map(Into::into))
        .unwrap_or_else(first)
}

/// Its library lies in a folder named after the kind of machine.
fn has_libclang() -> bool {
    is_below_usr_lib("lib/libclang.so")
}

fn has_faketime() -> bool {
    is_below_usr_lib("faketime/libfaketimeMT.so.1")
}

/// Whether a library is in a folder of some machine or version.
fn is_below_usr_lib(library: &str) -> bool {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(library)).any(|library| library.is_file())
}

fn venv_probe() -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", "import ensurepip, venv"]);
    python
}

/// Keeps a service that was just installed from starting with the machine.
fn disable(workspace: &Workspace, service: &str) -> Result<(), Failure> {
    if process::find_on_path("systemctl").is_none() {
        return Ok(());
    }
    announce(&format!("systemctl disable {service}"));
    process::run(workspace.command("systemctl").args(["disable", "--quiet", service]))
}

fn is_root(workspace: &Workspace) -> bool {
    process::output(workspace.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn apt(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    announce(&format!("apt-get {}", arguments.join(" ")));
    let mut apt = workspace.command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "--option", "DPkg::Lock::Timeout=300"]);
    process::run(apt.args(arguments))
}

/// Keeps packages from starting services for as long as it lives.
#[derive(Debug)]
struct NoServices {
    /// Ours to remove; `None` when the machine has a policy of its own, which is left alone.
    written: Option<PathBuf>,
}

impl NoServices {
    fn during_installation() -> Result<Self, Failure> {
        let path = PathBuf::from(NO_SERVICES_PATH);
        if path.exists() {
            return Ok(Self { written: None });
        }
        write_executable(&path).map_err(|cause| Failure::File { path: path.clone(), cause })?;
        Ok(Self { written: Some(path) })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        let removed = self.written.take().map(fs::remove_file);
        if let Some(Err(cause)) = removed {
            announce(&format!("{NO_SERVICES_PATH} could not be removed ({cause}); remove it by hand"));
        }
    }
}

#[cfg(unix)]
fn write_executable(path: &Path) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};

    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)?;
    file.write_all(NO_SERVICES.as_bytes())
}

#[cfg(not(unix))]
fn write_executable(path: &Path) -> io::Result<()> {
    fs::write(path, NO_SERVICES)
}
