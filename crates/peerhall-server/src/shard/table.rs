//! The connections of one shard, by small reusable numbers.

use peerhall_hub::ConnId;

use super::conn::Conn;

/// Connections in numbered places.
#[derive(Debug, Default)]
pub(crate) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
    count: usize,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    conn: Option<Box<Conn>>,
}

impl Table {
    pub(crate) fn insert(&mut self, conn: Conn) -> ConnId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(place) = self.places.get_mut(index as usize) else {
            return ConnId { index, generation: 0 };
        };
        place.generation = place.generation.wrapping_add(1);
        place.conn = Some(Box::new(conn));
        self.count += 1;
        ConnId { index, generation: place.generation }
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Conn> {
        let place = self.places.get(id.index as usize)?;
        place.conn.as_deref().filter(|_| place.generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        let place = self.places.get_mut(id.index as usize)?;
        let generation = place.generation;
        place.conn.as_deref_mut().filter(|_| generation == id.generation)
    }

    pub(crate) fn id_at(&self, index: u32) -> Option<ConnId> {
        let place = self.places.get(index as usize)?;
        place.conn.is_some().then_some(ConnId { index, generation: place.generation })
    }

    pub(crate) fn remove(&mut self, id: ConnId) -> Option<Box<Conn>> {
        let place = self.places.get_mut(id.index as usize)?;
        if place.generation != id.generation {
            return None;
        }
        let conn = place.conn.take()?;
        self.free.push(id.index);
        self.count -= 1;
        Some(conn)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every connection, in the order of its place.
    pub(crate) fn ids(&self) -> Vec<ConnId> {
        (0_u32..)
            .zip(&self.places)
            .filter(|(_, place)| place.conn.is_some())
            .map(|(index, place)| ConnId { index, generation: place.generation })
            .collect()
    }
}
