//! The npm package: WebAssembly by cargo, the rest by Node.js.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::{debian, node, rust};
use crate::{
    failure::Failure,
    process::{self, announce},
    workspace::Workspace,
};

/// Folder of the package.
const FOLDER: &str = "packages/peerhall";

/// Written last by the build, so that its age is that of the package.
const STAMP: &str = "packages/peerhall/dist/sizes.json";

/// What the package is made of.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "crates/peerhall-core/src",
    "crates/peerhall-labelled/src",
    "crates/peerhall-proto/src",
    "crates/peerhall-unpack",
    "crates/peerhall-wasm",
    "packages/peerhall/package.json",
    "packages/peerhall/package-lock.json",
    "packages/peerhall/scripts",
    "packages/peerhall/src",
    "packages/peerhall/types",
];

/// The packages that are compiled for it.
const ENGINES: &str = "peerhall-wasm";
const UNPACKER: &str = "peerhall-unpack";

const TARGET: &str = "wasm32-unknown-unknown";

/// The engines with labels, and their feature.
const LABELLED: &str = "labelled";

/// Builds `packages/peerhall/dist` unless it is newer than everything it is made of.
///
/// # Errors
///
/// What is missing and how to get it, or those of the build.
pub(crate) fn ensure_package(workspace: &Workspace) -> Result<(), Failure> {
    if is_fresh(workspace)? { Ok(()) } else { build(workspace) }
}

/// Builds `packages/peerhall/dist`.
///
/// # Errors
///
/// As [`ensure_package`].
pub(crate) fn build(workspace: &Workspace) -> Result<(), Failure> {
    node::ensure_version(workspace)?;
    debian::ensure_packages(workspace, &debian::PACKAGE)?;
    rust::ensure_target(workspace, TARGET)?;
    node::ensure_modules(workspace, FOLDER)?;
    let room = compile(workspace, ENGINES, "room", &[])?;
    let channels = compile(workspace, ENGINES, "channels", &["--no-default-features"])?;
    let labelled = compile(workspace, ENGINES, LABELLED, &["--features", LABELLED])?;
    let unpack = compile(workspace, UNPACKER, "unpack", &[])?;
    let pack = compile(workspace, UNPACKER, "pack", &["--features", "pack"])?;
    announce("node packages/peerhall/scripts/build.mjs");
    let mut script = Command::new(node::program());
    script
        .arg(workspace.path("packages/peerhall/scripts/build.mjs"))
        .args([room, channels, labelled, unpack, pack]);
    process::run(&mut script)
}

/// Lints what is only there on WebAssembly.
///
/// # Errors
///
/// What is missing and how to get it, or what the linter finds.
pub(crate) fn lint(workspace: &Workspace) -> Result<(), Failure> {
    rust::ensure_target(workspace, TARGET)?;
    for (package, feature) in [(ENGINES, "room"), (ENGINES, "labelled"), (UNPACKER, "pack")] {
        announce(&format!("cargo clippy -p {package} ({feature})"));
        let mut cargo = workspace.cargo();
        cargo.args(["clippy", "-p", package, "--features", feature, "--target", TARGET]);
        process::run(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Compiles `package` to WebAssembly; gives the module's own copy, because the next one is built in the same place.
fn compile(workspace: &Workspace, package: &str, name: &str, features: &[&str]) -> Result<PathBuf, Failure> {
    announce(&format!("cargo build -p {package} ({name})"));
    let mut cargo = workspace.cargo();
    cargo.args(["build", "-p", package, "--target", TARGET, "--profile", "wasm"]).args(features);
    let mut flags = remap(workspace)?;
    if name == LABELLED {
        // The proof of what arrives takes half the time (docs/performance.md, "Labels and files").
        flags.push_str(" -C target-feature=+simd128");
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    process::run(&mut cargo)?;
    let folder = workspace.metadata()?.target_directory.join(TARGET).join("wasm");
    let (built, kept) =
        (folder.join(format!("{}.wasm", package.replace('-', "_"))), folder.join(format!("{name}.wasm")));
    fs::copy(&built, &kept).map_err(|cause| Failure::File { path: built, cause })?;
    Ok(kept)
}

/// Flags that leave out of the module where the compiler lies: it is nobody's business, and would make another
/// module on each machine.
fn remap(workspace: &Workspace) -> Result<String, Failure> {
    let sysroot = process::output(workspace.command("rustc").args(["--print", "sysroot"]))?;
    Ok(format!("--remap-path-prefix={}/lib/rustlib/src/rust=rust", sysroot.trim()))
}

fn is_fresh(workspace: &Workspace) -> Result<bool, Failure> {
    let Ok(built) = fs::metadata(workspace.path(STAMP)).and_then(|stamp| stamp.modified()) else {
        return Ok(false);
    };
    for source in SOURCES {
        if newest(&workspace.path(source))? > built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When a file, or the latest file in a folder, was changed.
fn newest(path: &Path) -> Result<SystemTime, Failure> {
    let failed = |cause| Failure::File { path: path.to_owned(), cause };
    let own = fs::metadata(path).and_then(|meta| Ok((meta.is_dir(), meta.modified()?))).map_err(failed)?;
    if !own.0 {
        return Ok(own.1);
    }
    let mut latest = own.1;
    for entry in fs::read_dir(path).map_err(failed)? {
        latest = latest.max(newest(&entry.map_err(failed)?.path())?);
    }
    Ok(latest)
}
