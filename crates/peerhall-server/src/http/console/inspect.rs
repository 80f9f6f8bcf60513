//! The inspector: the frames of one connection, from the moment that somebody looks.

use std::sync::Arc;

use axum::response::Response;
use serde::Serialize;
use tokio::sync::mpsc;

use super::connections::Name;
use super::events::{self, Places, STILL_HERE, event};
use super::ladder::Ladder;
use super::sessions::{Operator, Pass};
use super::{Console, LOOK_EVERY};
use crate::exchange::{Tap, TapEnd};
use crate::http::{Refusal, in_time};

/// Viewers of connections at the same time.
pub(super) const MAX_INSPECTORS: usize = 8;

/// Events that wait for a slow viewer; then the pipe behind them fills, which counts what it loses.
const WAITING: usize = 64;

/// Why a stream has no more to say.
#[derive(Serialize)]
struct End {
    why: &'static str,
}

pub(super) async fn answer(
    console: &Arc<Console>,
    pass: Pass,
    operator: &Operator,
    id: &str,
) -> Result<Response, Refusal> {
    let gone = || Refusal::invalid("there is no such connection any more");
    let Name(which) = id.parse().map_err(|()| gone())?;
    let place = console.inspectors.take().ok_or_else(|| Refusal::internal("too many inspectors are open"))?;
    let (tap, end) = Tap::new();
    let tapped = async { Ok(console.state.control.tap(&operator.app.id, which, tap).await?) };
    if !in_time(tapped).await? {
        return Err(gone());
    }
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(pass_on(console.clone(), pass, end, sender));
    Ok(events::response(receiver, place))
}

async fn pass_on(
    console: Arc<Console>,
    pass: Pass,
    mut end: TapEnd,
    viewer: mpsc::Sender<axum::body::Bytes>,
) {
    let mut ladder = Ladder::default();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        let bytes = tokio::select! {
            sight = end.next() => match sight {
                Some(sight) => event("rung", &ladder.read(&sight)),
                None => {
                    let _ = viewer.send(event("end", &End { why: "the connection is over" })).await;
                    return;
                }
            },
            _ = ticks.tick() => STILL_HERE,
            () = viewer.closed() => return,
        };
        let may_see = console.operator(&pass).is_some();
        if !may_see || viewer.send(bytes).await.is_err() {
            return;
        }
    }
}

/// Places for viewers.
pub(super) fn places() -> Places {
    Places::new(MAX_INSPECTORS)
}
