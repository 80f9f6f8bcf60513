//! Short queues.

use std::ops::{Deref, DerefMut};

/// A queue that stays short: some hundred elements at most. Kept as a list whose head moves up, because a ring
/// costs every page that loads the client half a kilobyte for each kind of element.
#[derive(Debug)]
pub(crate) struct Queue<T>(Vec<T>);

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push_back(&mut self, element: T) {
        self.0.push(element);
    }

    pub(crate) fn push_front(&mut self, element: T) {
        self.0.insert(0, element);
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        self.take(0)
    }

    /// Takes the element at a place out.
    pub(crate) fn take(&mut self, place: usize) -> Option<T> {
        (place < self.0.len()).then(|| self.0.remove(place))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Queue<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Queue<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> IntoIterator for Queue<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
