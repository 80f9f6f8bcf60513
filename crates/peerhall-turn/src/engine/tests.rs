//! The engine against a client of a few lines, in virtual time. Sections are those of RFC 8656 unless
//! another is named.

mod abuse;
mod allocate;
mod binding;
pub(crate) mod client;
mod data;
mod manage;
mod vectors;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use peerhall_auth::turn::RelayUser;

use self::client::{Asked, Got};
use super::*;
use crate::options::{Quotas, RelayAddress};

pub(crate) const SECRET: &str = "north";
const UNIX: u64 = 1_767_000_000;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn udp(text: &str) -> Client {
    Client { from: at(text), transport: Transport::Datagrams { listener: 0, local: None } }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn alice() -> RelayUser {
    user("alice")
}

fn user(peer: &str) -> RelayUser {
    RelayUser {
        expires_at: UNIX + 86_400,
        app: "app".parse().unwrap(),
        issued_at_ms: UNIX * 1_000,
        peer: peer.parse().unwrap(),
    }
}

/// What the engine asked for.
#[derive(Debug, Default)]
struct World {
    to_clients: Vec<(Client, Vec<u8>)>,
    to_peers: Vec<(u16, SocketAddr, Vec<u8>)>,
    open: HashMap<RelayId, (Family, u16)>,
    kept: HashMap<u64, (Family, u16)>,
    next_port: u16,
    /// No port is to be had.
    exhausted: bool,
}

impl Outside for World {
    fn to_client(&mut self, client: Client, parts: [&[u8]; 2]) {
        self.to_clients.push((client, parts.concat()));
    }

    fn to_peer(&mut self, relay: RelayId, peer: SocketAddr, payload: &[u8]) {
        let (_, port) = self.open.get(&relay).expect("payloads leave by an open port");
        self.to_peers.push((*port, peer, payload.to_vec()));
    }

    fn open_relay(&mut self, relay: RelayId, family: Family, ports: Ports) -> Option<u16> {
        if self.exhausted {
            return None;
        }
        // Odd first, so that an even one is a choice.
        self.next_port = if self.next_port == 0 { 50_001 } else { self.next_port + 1 };
        if ports != Ports::Any {
            self.next_port = self.next_port.next_multiple_of(2);
        }
        let port = self.next_port;
        assert_eq!(self.open.insert(relay, (family, port)), None, "a port is opened once");
        if let Ports::EvenAndReserve(token) = ports {
            self.next_port += 1;
            self.kept.insert(token, (family, self.next_port));
        }
        Some(port)
    }

    fn redeem(&mut self, token: u64, relay: RelayId) -> bool {
        let kept = self.kept.remove(&token);
        kept.is_some_and(|port| self.open.insert(relay, port).is_none())
    }

    fn forget(&mut self, token: u64) {
        self.kept.remove(&token).expect("a kept port is closed");
    }

    fn close_relay(&mut self, relay: RelayId) {
        self.open.remove(&relay).expect("an open port is closed");
    }
}

/// An engine, the world around it, and the time.
struct Lab {
    engine: Engine,
    world: World,
    now: Now,
    start: Instant,
}

impl Lab {
    fn new() -> Self {
        Self::with(|_| {}, PeerFilter::default())
    }

    fn with(change: impl FnOnce(&mut EngineOptions), filter: PeerFilter) -> Self {
        let start = Instant::now();
        let plain = |text: &str| Some(RelayAddress::plain(text.parse().unwrap()));
        let mut options =
            EngineOptions { ipv4: plain("9.0.0.1"), ipv6: plain("2606:4700::1"), ..EngineOptions::default() };
        change(&mut options);
        let secret = TurnSecret::new(SECRET).unwrap();
        let common = Common::new(options, [secret].into(), &[7; 32], start);
        let engine = Engine::new(common, filter, 1, start);
        Self { engine, world: World::default(), now: Now { at: start, unix_secs: UNIX }, start }
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix_secs = UNIX + (self.now.at - self.start).as_secs();
        self.engine.on_deadline(self.now.at, &mut self.world);
    }

    /// Sends bytes and returns the one answer to them, if there is one.
    fn raw(&mut self, client: Client, bytes: &[u8]) -> Option<Vec<u8>> {
        self.engine.receive(self.now, client, bytes, &mut self.world);
        let mut answers = std::mem::take(&mut self.world.to_clients);
        assert!(answers.len() <= 1, "one request, one answer");
        let (to, answer) = answers.pop()?;
        assert_eq!(to, client, "answers go to whoever asked");
        Some(answer)
    }

    /// Sends a request as a client does that knows its password: once to learn the nonce, then signed.
    fn ask(&mut self, client: Client, who: &RelayUser, asked: Asked) -> Got {
        let challenge = self.raw(client, &asked.clone().unsigned()).expect("a challenge");
        let nonce = Got::read(&challenge).nonce.expect("a nonce");
        let (request, key) = asked.signed(who, SECRET, &nonce);
        let answer = self.raw(client, &request).expect("an answer");
        Got::proven(&answer, &key)
    }

    fn allocate(&mut self, client: Client) -> SocketAddr {
        let got = self.ask(client, &alice(), Asked::allocate());
        assert_eq!(got.code, None, "allocated");
        *got.relayed.first().expect("an address")
    }

    fn permit(&mut self, client: Client, peer: &str) -> Option<u16> {
        self.ask(client, &alice(), Asked::permission(&[at(peer)])).code
    }

    fn bind(&mut self, client: Client, number: u16, peer: &str) -> Option<u16> {
        self.ask(client, &alice(), Asked::channel(number, at(peer))).code
    }

    /// A payload for the client's relay port; what the client gets of it.
    fn arrive(&mut self, peer: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let relay = *self.world.open.keys().next().expect("a relay port");
        self.engine.receive_from_peer(self.now, relay, at(peer), payload, &mut self.world);
        self.world.to_clients.pop().map(|(_, bytes)| bytes)
    }

    /// A payload in a Send indication; what the peer gets of it.
    fn send(&mut self, client: Client, peer: &str, payload: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        assert_eq!(self.raw(client, &client::send_indication(at(peer), payload)), None);
        self.world.to_peers.pop().map(|(_, peer, bytes)| (peer, bytes))
    }

    fn channel(&mut self, client: Client, number: u16, payload: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        assert_eq!(self.raw(client, &client::channel_data(number, payload)), None);
        self.world.to_peers.pop().map(|(_, peer, bytes)| (peer, bytes))
    }

    fn dropped(&self, why: Dropped) -> u64 {
        self.engine.counted().dropped(why)
    }
}

fn quotas(change: impl FnOnce(&mut Quotas)) -> impl FnOnce(&mut EngineOptions) {
    move |options| change(&mut options.quotas)
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
