//! When labelled data goes to a remote peer through the server, because no connection to it works.

use std::time::Duration;

use crate::link::signal::Knows;
use crate::time::Time;

/// Whether labelled data to one remote peer goes through the server. It outlives connections: what counts is
/// whether there is one.
#[derive(Debug, Default)]
pub(super) struct Detour {
    /// There is no connection, and from then on that counts.
    due: Option<Time>,
    /// Both sides take labelled data through the server.
    possible: bool,
    /// It was told that it goes there.
    told: bool,
}

impl Detour {
    /// No connection has been there since `since`.
    pub(super) fn lost(&mut self, since: Time, patience: Duration) {
        if cfg!(feature = "labelled") {
            self.due.get_or_insert(since + patience);
        }
    }

    /// No connection is to be expected soon.
    pub(super) fn given_up(&mut self, now: Time) {
        if cfg!(feature = "labelled") {
            self.due = Some(self.due.map_or(now, |due| due.min(now)));
        }
    }

    /// There is a connection.
    pub(super) fn connected(&mut self) {
        if cfg!(feature = "labelled") {
            self.due = None;
        }
    }

    /// The other side has shown what it knows.
    pub(super) fn shown(&mut self, ours: Knows, theirs: Knows) {
        self.possible = ours.min(theirs) == Knows::Detours;
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.due.filter(|_| cfg!(feature = "labelled") && self.possible && !self.told)
    }

    /// What is to be told now, if it was not yet.
    #[cfg(feature = "labelled")]
    pub(super) fn change(&mut self, now: Time) -> Option<bool> {
        let wanted = self.possible && self.due.is_some_and(|due| now >= due);
        (std::mem::replace(&mut self.told, wanted) != wanted).then_some(wanted)
    }
}

#[cfg(all(test, feature = "labelled"))]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn at(secs: u64) -> Time {
        Time::after_start(Duration::from_secs(secs))
    }

    fn possible() -> Detour {
        Detour { possible: true, ..Detour::default() }
    }

    #[test]
    fn a_connection_that_is_not_there_in_time_is_done_without_until_it_comes() {
        let mut detour = possible();
        assert_eq!((detour.deadline(), detour.change(at(99))), (None, None), "nothing was tried");
        detour.lost(at(1), PATIENCE);
        detour.lost(at(20), PATIENCE);
        assert_eq!(detour.deadline(), Some(at(31)), "from the first moment on");
        assert_eq!(detour.change(at(30)), None);
        assert_eq!(detour.change(at(31)), Some(true));
        assert_eq!((detour.deadline(), detour.change(at(32))), (None, None), "once");
        detour.connected();
        assert_eq!(detour.change(at(40)), Some(false));
        detour.lost(at(50), PATIENCE);
        assert_eq!(detour.deadline(), Some(at(80)));
    }

    #[test]
    fn one_that_is_given_up_is_not_waited_for() {
        let mut detour = possible();
        detour.lost(at(1), PATIENCE);
        detour.given_up(at(5));
        assert_eq!(detour.change(at(5)), Some(true));
    }

    #[test]
    fn only_who_both_know_of_the_way_go_it() {
        let mut detour = Detour::default();
        detour.lost(at(0), PATIENCE);
        for (ours, theirs) in [(Knows::Detours, Knows::Labels), (Knows::Labels, Knows::Detours)] {
            detour.shown(ours, theirs);
            assert_eq!((detour.deadline(), detour.change(at(60))), (None, None));
        }
        detour.shown(Knows::Detours, Knows::Detours);
        assert_eq!(detour.change(at(60)), Some(true), "it has shown itself late");
        // Another program came under the same name.
        detour.shown(Knows::Detours, Knows::Nothing);
        assert_eq!(detour.change(at(61)), Some(false));
    }
}
