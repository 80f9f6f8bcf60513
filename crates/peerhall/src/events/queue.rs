//! Queues of events, one for each consumer, which take room for what waits in them and no more: a peer may have many
//! remote peers, whose events mostly nobody is behind with.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use super::EVENT_QUEUE;

/// Events that an empty queue keeps room for, so that a consumer that keeps up costs no allocation for each.
const KEPT: usize = 16;

/// The sending end, which ends its streams when it is told to, or dropped.
#[derive(Debug)]
pub(crate) struct Sender<E> {
    readers: Vec<Weak<Mutex<Queue<E>>>>,
    ended: bool,
}

/// What one consumer takes its events from.
#[derive(Debug)]
pub(crate) struct Receiver<E>(Arc<Mutex<Queue<E>>>);

/// So many events were lost, because their consumer was [`EVENT_QUEUE`] behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost(pub(crate) u64);

#[derive(Debug)]
struct Queue<E> {
    events: VecDeque<E>,
    lost: u64,
    ended: bool,
    reader: Option<Waker>,
}

impl<E: Clone> Sender<E> {
    pub(crate) const fn new() -> Self {
        Self { readers: Vec::new(), ended: false }
    }

    /// A new consumer; one of an ended sender gets nothing but the end.
    pub(crate) fn subscribe(&mut self) -> Receiver<E> {
        let queue = Queue { events: VecDeque::new(), lost: 0, ended: self.ended, reader: None };
        let queue = Arc::new(Mutex::new(queue));
        if !self.ended {
            self.readers.retain(|reader| reader.strong_count() > 0);
            self.readers.push(Arc::downgrade(&queue));
        }
        Receiver(queue)
    }

    /// Gives everybody the event. Without consumers nobody misses it.
    pub(crate) fn send(&mut self, event: E) {
        self.readers.retain(|reader| {
            let Some(queue) = reader.upgrade() else { return false };
            change(&queue, |queue| queue.push(event.clone()));
            true
        });
    }
}

impl<E> Sender<E> {
    /// Ends all streams once they have delivered what they hold.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        for queue in self.readers.drain(..).filter_map(|reader| reader.upgrade()) {
            change(&queue, |queue| queue.ended = true);
        }
    }
}

impl<E> Drop for Sender<E> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<E> Queue<E> {
    fn push(&mut self, event: E) {
        if self.events.len() >= EVENT_QUEUE {
            self.events.pop_front();
            self.lost += 1;
        }
        self.events.push_back(event);
    }

    fn next(&mut self) -> Option<Result<E, Lost>> {
        if self.lost > 0 {
            return Some(Err(Lost(std::mem::take(&mut self.lost))));
        }
        let event = self.events.pop_front();
        if self.events.is_empty() && self.events.capacity() > KEPT {
            self.events = VecDeque::new();
        }
        event.map(Ok)
    }
}

impl<E> Stream for Receiver<E> {
    type Item = Result<E, Lost>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = lock(&self.0);
        match queue.next() {
            Some(next) => Poll::Ready(Some(next)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Changes a queue, and wakes its consumer once nobody holds it.
fn change<E>(queue: &Mutex<Queue<E>>, with: impl FnOnce(&mut Queue<E>)) {
    let reader = {
        let mut queue = lock(queue);
        with(&mut queue);
        queue.reader.take()
    };
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn lock<E>(queue: &Mutex<Queue<E>>) -> MutexGuard<'_, Queue<E>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
