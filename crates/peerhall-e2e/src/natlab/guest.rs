//! A browser behind a box: the vendor's SDK in Chromium, and a native peer at the other side.

use super::network::{Access, Lab, Unavailable};
use super::trial::{Certificate, Heard, PATIENCE, Server, hears, joined};
use crate::foreign::Page;

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
