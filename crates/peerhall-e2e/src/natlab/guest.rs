//! A browser behind a box: the vendor's SDK in Chromium with a native peer at the other side, and the server's page.

use serde_json::Value;

use super::network::{Access, Lab, Unavailable, Weather};
use super::trial::{Certificate, Heard, PATIENCE, Server, hears, joined};
use crate::foreign::{Page, folder, node_interpreter};

/// Tries it: the native peer is behind the first box, the browser behind the second. `None` when they never
/// hear of each other.
pub(super) fn meet(
    lab: &Lab,
    sides: [Access; 2],
) -> Result<Option<(std::time::Instant, Heard)>, Unavailable> {
    let files = Certificate::make();
    let server = Server::start(lab, &files, &[]);
    let mut watcher = server.peer(lab, sides[0], 1, &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Unavailable::new(&error.to_string()))?;
    let page = runtime.block_on(async {
        let page = Page::open_behind(&lab.name("p2"), &server.url(sides[1]), server.key()).await;
        page.run("await me.addCamera({}, { audio: true });").await;
        page.join("lab").await;
        page
    });
    let begin = watcher.next(PATIENCE, joined).map(|(begin, ())| begin);
    let heard = begin.and_then(|begin| Some((begin, hears(&mut watcher, 0, begin + PATIENCE)?)));
    // The browser ends with its page, and before its network does.
    runtime.block_on(page.close());
    Ok(heard)
}

/// What "Check my connection" on the server's page says in Chromium behind a network: `checks` as `peerhall doctor
/// --json` has them, without cures. Nothing when the page says nothing, which is told to the standard error.
///
/// # Errors
///
/// When there can be no laboratory here.
///
/// # Panics
///
/// When the server does not start, or there is no Node.js.
pub fn diagnose_in_page(access: Access) -> Result<Value, Unavailable> {
    let lab = Lab::new([access, Access::FullCone], Weather::Fine)?;
    let files = Certificate::make();
    let server = Server::start(&lab, &files, &[]);
    let mut command = lab.command("p1", &node_interpreter());
    command.arg(folder().join("js/lab_doctor.mjs")).args([&server.url(access), server.key()]);
    let output = command.output().expect("Node.js; `cargo xtask test` says how to get it");
    let said = String::from_utf8_lossy(&output.stdout);
    let checks = said.lines().find_map(|line| serde_json::from_str(line).ok());
    if checks.is_none() {
        eprintln!("{access}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(checks.unwrap_or_default())
}
