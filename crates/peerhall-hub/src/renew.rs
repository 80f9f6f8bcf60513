//! ICE servers end with their credentials, and a connection may live longer.

use peerhall_proto::frame::server::{IceServers, ServerFrame};
use serde_json::value::RawValue;

use crate::effect::{ConnId, Effect, IceRenewal};
use crate::hub::{Hub, Timer};
use crate::session::Session;
use crate::time::{Now, Tick};

impl Hub {
    /// Other ICE servers for a connection whose [`Effect::Renew`] was carried out: their list, and after
    /// how many milliseconds that is to be renewed.
    pub fn renew(&mut self, conn: ConnId, ice_servers: &RawValue, after_ms: u64, now: Now) {
        let at = Tick(now.at.0.saturating_add(after_ms));
        let Some(renews) = self.session_mut(conn).and_then(|session| session.renews.as_mut()) else { return };
        let before = std::mem::replace(&mut renews.at, at);
        self.timers.remove(&(before, Timer::Renew(conn)));
        self.timers.insert((at, Timer::Renew(conn)));
        self.send(conn, ServerFrame::IceServers(IceServers { ice_servers }).encode());
    }

    /// The time has come for a connection. Its key may have been told since to give nothing out.
    pub(crate) fn ask_for_renewal(&mut self, conn: ConnId) {
        let Some(session) = self.session(conn).filter(|session| session.grants.key().inject_turn) else {
            return;
        };
        let Some(app) = self.apps.get(session.app as usize) else { return };
        let host = session.renews.as_ref().and_then(|renews| renews.host.clone());
        let due = IceRenewal { conn, app: app.record.id.clone(), peer: session.peer.clone(), host };
        self.effects.push(Effect::Renew(Box::new(due)));
    }

    /// A connection's key has changed. If it gave nothing out when the time came, it may do so now.
    pub(crate) fn catch_up_renewal(&mut self, conn: ConnId, now: Now) {
        let is_late = |session: &Session| session.renews.as_ref().is_some_and(|renews| renews.at <= now.at);
        if self.session(conn).is_some_and(is_late) {
            self.ask_for_renewal(conn);
        }
    }
}
