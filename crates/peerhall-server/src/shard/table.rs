//! The connections of one shard, by small reusable numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use peerhall_hub::ConnId;

use super::conn::Conn;

/// Capacity up to which the table keeps its memory.
const SMALL: usize = 64;

/// Connections in numbered places.
#[derive(Debug, Default)]
pub(crate) struct Table {
    places: Vec<Place>,
    /// Places that were freed, the lowest first, so that the end of a table that empties becomes free.
    /// Some of them may be beyond the end by now, or in use again.
    free: BinaryHeap<Reverse<u32>>,
    count: usize,
    /// Generation of the last connection. One number for all places, because a place may be given back to
    /// the system while deadlines still name its last connection.
    generation: u32,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    conn: Option<Box<Conn>>,
}

impl Table {
    pub(crate) fn insert(&mut self, conn: Conn) -> ConnId {
        let index = self.free_place();
        self.generation = self.generation.wrapping_add(1);
        let Some(place) = self.places.get_mut(index as usize) else {
            return ConnId { index, generation: 0 };
        };
        place.generation = self.generation;
        place.conn = Some(Box::new(conn));
        self.count += 1;
        ConnId { index, generation: place.generation }
    }

    fn free_place(&mut self) -> u32 {
        while let Some(Reverse(index)) = self.free.pop() {
            if self.places.get(index as usize).is_some_and(|place| place.conn.is_none()) {
                return index;
            }
        }
        self.places.push(Place::default());
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
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
        self.free.push(Reverse(id.index));
        self.count -= 1;
        self.cut_end();
        Some(conn)
    }

    /// Takes the free places off the end, each of which was put there once, and gives memory back when
    /// three quarters of it are not in use.
    fn cut_end(&mut self) {
        while self.places.pop_if(|last| last.conn.is_none()).is_some() {}
        if self.places.capacity() > SMALL && self.places.len() < self.places.capacity() / 4 {
            let end = self.places.len();
            self.places.shrink_to(end * 2);
            self.free.retain(|Reverse(index)| (*index as usize) < end);
            self.free.shrink_to_fit();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use peerhall_hub::Tick;

    use super::*;
    use crate::stream::Stream;

    fn conn(listener: &TcpListener) -> Conn {
        let socket = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Conn::new(Stream::new(socket, None), Ipv4Addr::LOCALHOST.into(), Tick(0))
    }

    #[test]
    fn a_table_that_empties_gives_memory_back_and_an_old_number_never_names_a_new_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut table = Table::default();
        let ids: Vec<ConnId> = (0..300).map(|_| table.insert(conn(&listener))).collect();
        for id in &ids[1..] {
            assert!(table.remove(*id).is_some());
        }
        assert!(table.places.capacity() <= 75, "{}", table.places.capacity());
        let again: Vec<ConnId> = (0..100).map(|_| table.insert(conn(&listener))).collect();
        assert!(again.iter().map(|id| id.index).eq(1..=100), "{again:?}");
        assert!(ids[1..].iter().all(|id| table.get(*id).is_none()));
        assert!(table.get(ids[0]).is_some() && table.len() == 101);
    }
}
