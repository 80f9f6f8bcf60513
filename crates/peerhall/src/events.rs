//! Streams of events: several consumers, each from its subscription on, none of which holds up the
//! others (sdk-behaviour, section 13.2).

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};

mod queue;

use queue::Lost;
pub(crate) use queue::{Receiver, Sender};

/// Events that wait for one consumer. Who is further behind loses the oldest, and is told how many.
pub const EVENT_QUEUE: usize = 1024;

/// A stream of events. It ends when the client, peer or remote peer that it belongs to has ended.
///
/// A consumer that falls [`EVENT_QUEUE`] events behind loses the oldest; [`lagged`](Self::lagged) counts
/// them, and streams of whole event enums carry a marker in their place.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses nothing.
pub struct Events<T> {
    /// What the subscription begins with.
    head: VecDeque<T>,
    tail: Pin<Box<dyn Stream<Item = Item<T>> + Send>>,
    lagged: u64,
}

enum Item<T> {
    Event(T),
    Lagged(u64, Option<T>),
}

impl<T: Send + 'static> Events<T> {
    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<T> {
        StreamExt::next(self).await
    }

    /// How many events were lost because this consumer was behind.
    #[must_use]
    pub fn lagged(&self) -> u64 {
        self.lagged
    }

    /// A stream of what `pick` takes from a sender's events; `marker` stands for events that were lost.
    pub(crate) fn new<E: Clone + Send + 'static>(
        head: impl IntoIterator<Item = T>,
        receiver: Receiver<E>,
        mut pick: impl FnMut(E) -> Option<T> + Send + 'static,
        marker: impl Fn(u64) -> Option<T> + Send + 'static,
    ) -> Self {
        let tail = receiver.filter_map(move |item| {
            let item = match item {
                Ok(event) => pick(event).map(Item::Event),
                Err(Lost(count)) => Some(Item::Lagged(count, marker(count))),
            };
            std::future::ready(item)
        });
        Self { head: head.into_iter().collect(), tail: Box::pin(tail), lagged: 0 }
    }
}

impl<T> Stream for Events<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(event) = self.head.pop_front() {
            return Poll::Ready(Some(event));
        }
        loop {
            match self.tail.as_mut().poll_next(context) {
                Poll::Ready(Some(Item::Event(event))) => return Poll::Ready(Some(event)),
                Poll::Ready(Some(Item::Lagged(count, marker))) => {
                    self.lagged += count;
                    if let Some(marker) = marker {
                        return Poll::Ready(Some(marker));
                    }
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("lagged", &self.lagged).finish_non_exhaustive()
    }
}

// Nothing in it is pinned in place: the tail is behind a pointer.
impl<T> Unpin for Events<T> {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn evens(sender: &mut Sender<u32>) -> Events<u32> {
        Events::new([], sender.subscribe(), |n| (n % 2 == 0).then_some(n), |_| None)
    }

    #[tokio::test]
    async fn every_consumer_gets_all_from_its_subscription_on_and_then_the_end() {
        let mut sender = Sender::new();
        let mut early = evens(&mut sender);
        sender.send(2);
        sender.send(3);
        let mut late = evens(&mut sender);
        sender.send(4);
        sender.end();
        assert_eq!((early.next().await, early.next().await, early.next().await), (Some(2), Some(4), None));
        assert_eq!((late.next().await, late.next().await), (Some(4), None));
        assert_eq!(evens(&mut sender).next().await, None);
    }

    #[tokio::test]
    async fn what_ends_without_a_word_ends_its_streams_and_a_dropped_consumer_holds_no_event() {
        let event = Arc::new(());
        let mut sender = Sender::new();
        let mut events = Events::new([], sender.subscribe(), Some, |_| None);
        let dropped = sender.subscribe();
        sender.send(Arc::clone(&event));
        assert_eq!(Arc::strong_count(&event), 3);
        drop(dropped);
        let (ending, next) = (async { drop(sender) }, async { (events.next().await, events.next().await) });
        let ((), (first, end)) = tokio::join!(ending, next);
        assert_eq!((first.is_some(), end.is_none()), (true, true));
        drop(first);
        assert_eq!(Arc::strong_count(&event), 1);
    }

    #[tokio::test]
    async fn a_consumer_that_waits_is_woken() {
        let mut sender = Sender::new();
        let mut events = evens(&mut sender);
        let (waits, sends) = (events.next(), async {
            tokio::task::yield_now().await;
            sender.send(2);
        });
        assert_eq!(tokio::join!(waits, sends).0, Some(2));
    }

    #[tokio::test]
    async fn a_consumer_that_is_behind_learns_how_much_it_lost() {
        let mut sender = Sender::new();
        let mut events = Events::new([7], sender.subscribe(), Some, |lost| u32::try_from(lost).ok());
        (0..u32::try_from(EVENT_QUEUE).unwrap() + 10).for_each(|n| sender.send(n));
        assert_eq!(events.next().await, Some(7), "what it begins with");
        assert_eq!(events.next().await, Some(10), "the marker");
        assert_eq!(events.next().await, Some(10), "the oldest that is left");
        assert_eq!(events.lagged(), 10);
    }
}
