//! A table whose places are used again, and which gives memory back when its end is free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Capacity up to which a table keeps its memory.
const SMALL: usize = 64;

/// Values in numbered places; the lowest free place is the next one given out, so that the end of a
/// table that empties becomes free.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    /// Places that were freed. Some of them may be beyond the end by now, or in use again.
    free: BinaryHeap<Reverse<u32>>,
    count: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: BinaryHeap::new(), count: 0 }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.count += 1;
        while let Some(Reverse(place)) = self.free.pop() {
            if let Some(slot @ None) = self.places.get_mut(place as usize) {
                *slot = Some(value);
                return place;
            }
        }
        self.places.push(Some(value));
        // A process runs out of memory long before it has 2^32 rooms.
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        self.places.get(place as usize).and_then(Option::as_ref)
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(place as usize).and_then(Option::as_mut)
    }

    pub(crate) fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.places.get_mut(place as usize).and_then(Option::take)?;
        self.count -= 1;
        self.free.push(Reverse(place));
        if cut_end(&mut self.places) {
            let end = self.places.len();
            self.free.retain(|Reverse(place)| (*place as usize) < end);
            self.free.shrink_to_fit();
        }
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }
}

/// Takes the free places off the end of a table, each of which was put there once, and gives memory back
/// when three quarters of it are not in use. Says whether it did.
pub(crate) fn cut_end<T>(places: &mut Vec<Option<T>>) -> bool {
    while places.pop_if(|last| last.is_none()).is_some() {}
    let sparse = places.capacity() > SMALL && places.len() < places.capacity() / 4;
    if sparse {
        places.shrink_to(places.len() * 2);
    }
    sparse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_empties_gives_its_end_back_and_keeps_every_place_that_is_in_use() {
        let mut slab = Slab::default();
        let places: Vec<u32> = (0..1_000).map(|n| slab.insert(n)).collect();
        for place in &places {
            if ![3, 40].contains(place) {
                assert_eq!(slab.remove(*place), Some(*place));
            }
        }
        assert_eq!((slab.places.len(), slab.len()), (41, 2));
        assert!(slab.places.capacity() < 250 && slab.free.capacity() < 250);
        assert_eq!((slab.get(3), slab.get(40), slab.get(41)), (Some(&3), Some(&40), None));
        let again: Vec<u32> = (0..41).map(|n| slab.insert(n)).collect();
        let lowest_first: Vec<u32> = (0..43).filter(|place| ![3, 40].contains(place)).collect();
        assert_eq!(again, lowest_first);
    }
}
