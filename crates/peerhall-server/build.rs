//! Takes the browser SDK into the binary, for the pages that it serves. `cargo xtask package` builds it; without it
//! the pages say so instead.

use std::path::Path;
use std::{env, fs, io};

/// Where the SDK lies when it has been built, from this crate's folder.
const BUILT: &str = "../../packages/peerhall/dist";

/// Where it will appear. Watched instead of a file that is not there, which would count as changed in every build.
const PACKAGE: &str = "../../packages/peerhall";

/// The entries that pages load, each with the classes that stand in for it. A page shows the sentence where a
/// call would begin.
const ENTRIES: [(&str, &[&str]); 2] =
    [("peerhall.js", &["MeteredPeer"]), ("labelled.js", &["FileCode", "Room"])];

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for (entry, classes) in ENTRIES {
        let built = Path::new(BUILT).join(entry);
        let watched = if built.exists() { &built } else { Path::new(PACKAGE) };
        println!("cargo::rerun-if-changed={}", watched.display());
        let sdk = fs::read_to_string(&built).unwrap_or_else(|_| missing(classes));
        fs::write(Path::new(&out).join(entry), sdk)?;
    }
    Ok(())
}

fn missing(classes: &[&str]) -> String {
    let class = |name: &&str| {
        format!(
            "export class {name} {{\n  constructor() {{\n    throw new Error('This server was built without the browser \
             SDK. Run `cargo xtask package` and build again.');\n  }}\n}}\n"
        )
    };
    format!("{}export function prepare() {{}}\n", classes.iter().map(class).collect::<String>())
}
