//! The connections of one shard that get a channel's or pattern's messages, and the same as lists that
//! a publish can share with the server.

use std::sync::Arc;

use crate::effect::ConnId;

/// A connection of this shard that gets the channel's messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) conn: ConnId,
    /// Differs between memberships of one connection in one room.
    pub(crate) ticket: u32,
    /// Value of [`Room::clock`](crate::room::Room::clock) at its last snapshot.
    pub(crate) snapshot_at: u32,
    /// Snapshots it waits for; until then it hears of nobody.
    pub(crate) pending: u16,
    /// Behind [`Members::set_wants_metadata`], because the shared lists follow from it.
    wants_metadata: bool,
    /// Has the action `presence`: sees and is seen.
    pub(crate) visible: bool,
    /// The others have been told of it.
    pub(crate) announced: bool,
    /// Its last snapshot showed the ghosts too.
    pub(crate) saw_ghosts: bool,
}

impl Member {
    /// A connection that has just subscribed and has been shown nothing yet.
    pub(crate) fn new(conn: ConnId, ticket: u32, wants_metadata: bool, visible: bool) -> Self {
        Self {
            conn,
            ticket,
            snapshot_at: 0,
            pending: 0,
            wants_metadata,
            visible,
            announced: false,
            saw_ghosts: false,
        }
    }

    /// Whether presence deltas go to it now: not before its snapshot, which holds them.
    pub(crate) fn listens(&self) -> bool {
        self.announced && self.pending == 0
    }

    /// Whether it takes a ghost of that age for a peer that is there.
    pub(crate) fn knows_ghost(&self, since: u32) -> bool {
        self.saw_ghosts && self.snapshot_at > since
    }

    /// Whether it asked for the sender's metadata with each message.
    pub(crate) fn wants_metadata(&self) -> bool {
        self.wants_metadata
    }
}

/// Everybody who gets a message, shared with the effects of all publishes until somebody comes or goes.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    /// Those who get it without the sender's metadata.
    pub(crate) plain: Arc<[ConnId]>,
    /// Those who get it with the sender's metadata, if there is any.
    pub(crate) with_metadata: Arc<[ConnId]>,
}

impl Audience {
    /// Sorts receivers by what they asked for.
    pub(crate) fn of(receivers: impl Iterator<Item = (ConnId, bool)>) -> Self {
        let (mut plain, mut with_metadata) = (Vec::new(), Vec::new());
        for (conn, wants_metadata) in receivers {
            if wants_metadata { with_metadata.push(conn) } else { plain.push(conn) }
        }
        Self { plain: plain.into(), with_metadata: with_metadata.into() }
    }
}

/// The members in a list whose places change only as [`take`](Self::take) says.
#[derive(Debug, Default)]
pub(crate) struct Members {
    list: Vec<Member>,
    /// Made by the first publish after a change. Boxed, because most rooms of a large server are silent.
    audience: Option<Box<Audience>>,
}

impl Members {
    /// Adds a member. Returns its place.
    pub(crate) fn push(&mut self, member: Member) -> u32 {
        self.audience = None;
        self.list.push(member);
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    /// Removes the member in that place, and names the one that was moved into it.
    pub(crate) fn take(&mut self, slot: u32) -> (Option<Member>, Option<ConnId>) {
        let slot = slot as usize;
        if slot >= self.list.len() {
            return (None, None);
        }
        self.audience = None;
        let member = self.list.swap_remove(slot);
        (Some(member), self.list.get(slot).map(|moved| moved.conn))
    }

    /// The member in that place, to be changed.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Member> {
        self.list.get_mut(slot as usize)
    }

    /// The member in that place.
    pub(crate) fn get(&self, slot: u32) -> Option<&Member> {
        self.list.get(slot as usize)
    }

    /// Replaces what the member in that place asked for.
    pub(crate) fn set_wants_metadata(&mut self, slot: u32, wants_metadata: bool) {
        if let Some(member) = self.list.get_mut(slot as usize) {
            member.wants_metadata = wants_metadata;
            self.audience = None;
        }
    }

    /// All members as receivers of a message.
    pub(crate) fn audience(&mut self) -> &Audience {
        let list = &self.list;
        self.audience.get_or_insert_with(|| {
            Box::new(Audience::of(list.iter().map(|member| (member.conn, member.wants_metadata))))
        })
    }

    /// The members in the order of their places.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.list.iter()
    }

    /// Gives back memory that is not in use.
    pub(crate) fn shrink(&mut self) {
        self.list.shrink_to_fit();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(index: u32) -> ConnId {
        ConnId { index, generation: 0 }
    }

    fn three() -> Members {
        let mut members = Members::default();
        for index in 0..3 {
            assert_eq!(members.push(Member::new(conn(index), index, index == 1, true)), index);
        }
        members
    }

    #[test]
    fn the_audience_follows_everybody_who_comes_goes_or_changes_their_mind() {
        let mut members = three();
        let parts = |members: &mut Members| {
            let audience = members.audience();
            let numbers = |list: &[ConnId]| list.iter().map(|conn| conn.index).collect::<Vec<_>>();
            (numbers(&audience.plain), numbers(&audience.with_metadata))
        };
        assert_eq!(parts(&mut members), (vec![0, 2], vec![1]));
        members.set_wants_metadata(1, false);
        assert_eq!(parts(&mut members), (vec![0, 1, 2], vec![]));
        assert_eq!(members.take(0).1, Some(conn(2)), "the last one takes the free place");
        assert_eq!(parts(&mut members), (vec![2, 1], vec![]));
        members.push(Member::new(conn(7), 9, true, true));
        assert_eq!(parts(&mut members), (vec![2, 1], vec![7]));
    }

    #[test]
    fn publishes_share_one_list_until_somebody_comes() {
        let mut members = three();
        let first = members.audience().plain.clone();
        assert!(Arc::ptr_eq(&first, &members.audience().plain));
        members.push(Member::new(conn(3), 3, false, true));
        assert!(!Arc::ptr_eq(&first, &members.audience().plain));
    }

    #[test]
    fn a_place_that_nobody_has_changes_nothing() {
        let mut members = three();
        assert!(matches!(members.take(3), (None, None)));
        members.set_wants_metadata(9, true);
        assert!(members.get_mut(3).is_none());
        assert_eq!(members.iter().count(), 3);
    }
}
