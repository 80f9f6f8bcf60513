//! Server-sent events: a body that goes on for as long as somebody reads it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use super::super::NO_STORE;

/// A line that says nothing, so that a connection that is gone shows.
pub(super) const STILL_HERE: Bytes = Bytes::from_static(b":\n\n");

/// Writes one event.
pub(super) fn event(name: &str, data: &impl Serialize) -> Bytes {
    // Numbers and texts of ours always serialise; an event without data would be dropped by the browser.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// The answer that carries the events of `receiver` until its senders are gone. `place` is given back
/// when the reader leaves.
pub(super) fn response(receiver: mpsc::Receiver<Bytes>, place: Place) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, NO_STORE),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, Body::new(Events { receiver, _place: place })).into_response()
}

/// So many readers and no more.
#[derive(Debug, Clone)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// The right to be one of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    pub(super) fn take(&self) -> Option<Place> {
        let place = Place(self.taken.clone());
        // Counted before it is looked at: what is too much gives itself back.
        (self.taken.fetch_add(1, AcqRel) < self.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

struct Events {
    receiver: mpsc::Receiver<Bytes>,
    _place: Place,
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let receiver = &mut self.get_mut().receiver;
        receiver.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let bytes = event("frame", &"a\nb\r\n\ndata: forged");
        assert_eq!(bytes, "event: frame\ndata: \"a\\nb\\r\\n\\ndata: forged\"\n\n");
    }

    #[test]
    fn a_place_is_free_again_when_it_is_given_back() {
        let places = Places::new(1);
        let place = places.take();
        assert!(place.is_some() && places.take().is_none() && places.take().is_none());
        drop(place);
        assert!(places.take().is_some());
    }
}
