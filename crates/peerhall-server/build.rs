//! Takes the browser SDK into the binary, for the page at `/`. `cargo xtask package` builds it; without it
//! the page says so instead.

use std::path::Path;
use std::{env, fs, io};

/// Where the SDK lies when it has been built, from this crate's folder.
const BUILT: &str = "../../packages/peerhall/dist/peerhall.js";

/// Where it will appear. Watched instead of a file that is not there, which would count as changed in every build.
const PACKAGE: &str = "../../packages/peerhall";

/// What stands in for it. The page shows the sentence where a call would begin.
const MISSING: &str = "export class MeteredPeer {\n  constructor() {\n    throw new Error('This server was built \
                       without the browser SDK. Run `cargo xtask package` and build again.');\n  }\n}\n";

fn main() -> io::Result<()> {
    let watched = if Path::new(BUILT).exists() { BUILT } else { PACKAGE };
    println!("cargo::rerun-if-changed={watched}");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let sdk = fs::read_to_string(BUILT).unwrap_or_else(|_| MISSING.to_owned());
    fs::write(Path::new(&out).join("peerhall.js"), sdk)
}
