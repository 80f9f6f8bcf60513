//! A table whose places are numbers, which shrinks.

/// Places up to which memory is kept.
const SMALL: usize = 64;

/// Values by number. A number is used again after its value was removed.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Puts a value into a free place; `None` when all numbers are taken.
    pub(crate) fn insert(&mut self, value: T) -> Option<u32> {
        if let Some(number) = self.free.pop()
            && let Some(place) = self.places.get_mut(index(number))
        {
            *place = Some(value);
            return Some(number);
        }
        let number = u32::try_from(self.places.len()).ok()?;
        self.places.push(Some(value));
        Some(number)
    }

    /// The number that the next value will have; `None` when all are taken.
    pub(crate) fn next(&self) -> Option<u32> {
        self.free.last().copied().map_or_else(|| u32::try_from(self.places.len()).ok(), Some)
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let value = self.places.get_mut(index(number))?.take()?;
        self.free.push(number);
        self.shrink();
        Some(value)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.places.get(index(number))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.places.get_mut(index(number))?.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.places).filter_map(|(number, place)| Some((number, place.as_ref()?)))
    }

    /// Gives memory back once three quarters of the places are empty. The last ones go, so it works as far
    /// as those that stay are in front; low numbers are used first to that end.
    fn shrink(&mut self) {
        let (places, used) = (self.places.len(), self.len());
        if places <= SMALL || used >= places / 4 {
            return;
        }
        while self.places.last().is_some_and(Option::is_none) {
            self.places.pop();
        }
        let end = self.places.len();
        self.free.retain(|number| index(*number) < end);
        self.free.sort_unstable_by(|a, b| b.cmp(a));
        self.places.shrink_to(SMALL.max(2 * end));
        self.free.shrink_to(SMALL.max(2 * self.free.len()));
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_memory_is_given_back() {
        let mut slots = Slots::default();
        let numbers: Vec<u32> = (0..1_000).map(|value| slots.insert(value).unwrap()).collect();
        assert_eq!((slots.len(), slots.get(999), slots.next()), (1_000, Some(&999), Some(1_000)));
        for number in &numbers {
            assert_eq!(slots.remove(*number), Some(*number));
        }
        assert_eq!(slots.remove(5), None);
        assert_eq!(slots.len(), 0);
        assert!(slots.places.capacity() <= 256, "{}", slots.places.capacity());
        let next = slots.next();
        assert_eq!(slots.insert(7), next);
        assert_eq!(next.map(|number| number < 64), Some(true), "low numbers first");
        assert_eq!(slots.iter().count(), 1);
    }
}
