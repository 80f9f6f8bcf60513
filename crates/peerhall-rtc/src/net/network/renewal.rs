//! Other servers in place of the earlier ones, while what those gave is in use.
//!
//! An allocation belongs to the user that it was made with (RFC 8656 section 5), so other credentials cannot
//! keep it: it goes on as it is, and the next gathering makes another beside it. The one after that gives the
//! first back.

use std::time::Instant;

use super::Network;
use crate::config::IceServer;
use crate::net::candidate::LocalCandidate;
use crate::net::relay::Relay;
use crate::net::server::{self, Server, ServerError};

/// Lists whose addresses are preferred to those of the lists before them; after these all are equal.
const MAX_RENEWALS: u16 = 14;

impl Network {
    /// Takes other servers, which are asked when candidates are gathered next. What stands in both lists, with
    /// the same credentials, stays in use.
    ///
    /// # Errors
    ///
    /// When an entry cannot be used; then the earlier list stays.
    pub fn set_servers(&mut self, list: &[IceServer]) -> Result<(), ServerError> {
        let servers = server::parse(list)?;
        let same =
            |one: &Server, other: &Server| one.endpoint == other.endpoint && one.service == other.service;
        // Those that are in use although they are in the list no more come first.
        let in_use = |index: usize| {
            self.gathering.is_asking(index) || self.relays.iter().any(|relay| relay.server == index)
        };
        let is_kept =
            |index: usize, server: &Server| in_use(index) && !servers.iter().any(|other| same(server, other));
        let former: Vec<(usize, Server)> = self
            .servers
            .iter()
            .enumerate()
            .filter(|(index, server)| is_kept(*index, server))
            .map(|(index, server)| (index, server.clone()))
            .collect();
        let moved: Vec<Option<usize>> = self
            .servers
            .iter()
            .enumerate()
            .map(|(index, server)| {
                let among_former = former.iter().position(|(place, _)| *place == index);
                let listed = servers.iter().position(|other| same(server, other));
                among_former.or(listed.map(|place| former.len() + place))
            })
            .collect();
        let place = |index: usize| moved.get(index).copied().flatten();
        self.relays.iter_mut().for_each(|relay| relay.server = place(relay.server).unwrap_or(relay.server));
        self.gathering.renumber(place);
        self.renewals = self.renewals.saturating_add(1).min(MAX_RENEWALS);
        self.first_listed = former.len();
        self.servers = former.into_iter().map(|(_, server)| server).chain(servers).collect();
        Ok(())
    }

    /// What a gathering does with relays of former servers: those that one has outlived already are given
    /// back, if there are others, and what stays is no longer offered. Returns what is to be offered again.
    pub(super) fn retire(&mut self, mut held: Vec<LocalCandidate>, now: Instant) -> Vec<LocalCandidate> {
        let first_listed = self.first_listed;
        let is_former = |relay: &Relay| relay.server < first_listed;
        let has_others = self.relays.iter().any(|relay| !is_former(relay) && relay.candidate.is_some());
        for relay in self.relays.iter_mut().filter(|relay| is_former(relay)) {
            held.retain(|candidate| relay.candidate != Some(*candidate));
            if std::mem::replace(&mut relay.outlived, true) && has_others {
                relay.release(now, &mut self.ports);
            }
        }
        held
    }
}
