//! Memory of a crowd that has left. Tables grow with a crowd and do not shrink by themselves; here they do
//! when three quarters of what was in them are gone, so that shrinking costs a part of what growing did.

use crate::hub::Hub;

/// Entries up to which a table stays as it is.
const SMALL: usize = 16;

impl Hub {
    /// Gives memory back when little is left of what there was.
    pub(crate) fn shrink_if_sparse(&mut self) {
        let load = self.sessions_open() + self.rooms.len() + self.timers.len();
        if load >= self.peak {
            self.peak = load;
        } else if self.peak > SMALL && load < self.peak / 4 {
            self.peak = load;
            self.shrink();
        }
    }

    fn sessions_open(&self) -> usize {
        usize::try_from(self.stats.sessions).unwrap_or(usize::MAX)
    }

    fn shrink(&mut self) {
        self.effects.shrink_to_fit();
        self.due.shrink_to_fit();
        self.due_now.shrink_to_fit();
        self.doubted.shrink_to_fit();
        self.leaving_rooms.shrink_to_fit();
        for room in self.rooms.values_mut() {
            room.roster.shrink_to_fit();
            room.ghosts.shrink_to_fit();
            room.leaving.shrink_to_fit();
            room.stalled.shrink_to_fit();
            room.members.shrink();
        }
        for app in &mut self.apps {
            app.rooms.shrink_to_fit();
            app.peers.shrink_to_fit();
            app.pattern_names.shrink_to_fit();
        }
    }
}
