//! STUN and TURN: no bytes of a client or a peer make the relay send where it may not, answer strangers
//! with more than three times what they sent, or keep anything when its time is over.
//!
//! Input: steps. Each is a byte that chooses what happens, one that chooses to whom, one for the length of
//! what follows, and that.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerhall_auth::turn::{RelayUser, TurnSecret};
use peerhall_turn::{
    Client, Common, Engine, EngineOptions, Family, Now, Outside, PeerFilter, Ports, RelayAddress, RelayId,
    Transport,
};
use stun_types::attribute::{Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageClass, MessageType,
    MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};

use crate::bytes::Bytes;

/// Most steps of one life.
const MAX_STEPS: usize = 64;

/// Far behind the longest life of anything.
const FOREVER: Duration = Duration::from_secs(100_000);

/// How far time may jump, in seconds: around the lives of reservations, permissions, channels, allocations
/// and nonces.
const JUMPS: [u64; 8] = [0, 1, 29, 31, 299, 301, 601, 3_601];

/// The methods of STUN and TURN, and one that does not exist.
const METHODS: [u16; 8] = [1, 3, 4, 6, 7, 8, 9, 0x0ff];

/// Types of attributes that mean something here, one that has to be understood and one that has not.
const KINDS: [u16; 12] =
    [0x000c, 0x000d, 0x0012, 0x0013, 0x0017, 0x0018, 0x0019, 0x001a, 0x0022, 0x8000, 0x7fff, 0xffff];

const SECRET: &str = "north";
const UNIX: u64 = 1_767_000_000;
const BOUND: [&str; 2] = ["198.18.0.1", "2001:db8::1"];
const ANNOUNCED: [&str; 2] = ["9.9.9.1", "2606:4700::1"];

/// Tries one input.
///
/// # Panics
///
/// When a promise is broken.
pub fn run(data: &[u8]) {
    let mut input = Bytes(data);
    let mut lab = Lab::new();
    for _ in 0..MAX_STEPS {
        if input.0.is_empty() {
            break;
        }
        lab.step(&mut input);
    }
    lab.end();
}

/// What the engine asked for, held against what it may ask for.
#[derive(Default)]
struct World {
    answer: Vec<u8>,
    open: HashMap<RelayId, (Family, u16)>,
    kept: HashMap<u64, u16>,
    next_port: u16,
    /// Ports that are open, as others know them.
    live: Vec<u16>,
}

impl World {
    fn port(&mut self) -> u16 {
        // Ports are used again, so that old names of them may be met.
        self.next_port = 50_000 + (self.next_port + 1) % 32;
        self.next_port
    }
}

impl Outside for World {
    fn to_client(&mut self, _: Client, parts: [&[u8]; 2]) {
        self.answer = parts.concat();
    }

    fn to_peer(&mut self, relay: RelayId, peer: SocketAddr, _: &[u8]) {
        let (family, _) = self.open.get(&relay).expect("payloads leave by an open port");
        assert_eq!(*family, Family::of(peer.ip()), "from a port of the peer's family");
        let own = BOUND.iter().any(|own| own.parse() == Ok(peer.ip()));
        assert!(
            is_outside(peer.ip()) || (own && self.live.contains(&peer.port())),
            "a payload leaves for {peer}"
        );
    }

    fn open_relay(&mut self, relay: RelayId, family: Family, ports: Ports) -> Option<u16> {
        let mut port = self.port();
        while self.live.contains(&port) || (ports != Ports::Any && !port.is_multiple_of(2)) {
            port = self.port();
            if self.live.len() >= 14 {
                return None;
            }
        }
        assert!(self.open.insert(relay, (family, port)).is_none(), "a port is opened once");
        self.live.push(port);
        if let Ports::EvenAndReserve(token) = ports {
            self.kept.insert(token, port + 1);
        }
        Some(port)
    }

    fn redeem(&mut self, token: u64, relay: RelayId) -> bool {
        let Some(port) = self.kept.remove(&token) else { return false };
        assert!(self.open.insert(relay, (Family::Ipv4, port)).is_none(), "a port is opened once");
        self.live.push(port);
        true
    }

    fn forget(&mut self, token: u64) {
        self.kept.remove(&token).expect("a kept port is closed");
    }

    fn close_relay(&mut self, relay: RelayId) {
        let (_, port) = self.open.remove(&relay).expect("an open port is closed");
        self.live.retain(|live| *live != port);
    }
}

/// A reference that knows less and is stricter: addresses under which nothing but the internet is.
fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            !(ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_unspecified()
                || ip.octets()[0] == 0
                || ip.octets()[0] >= 240
                || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64))
        }
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000 && ip.segments()[0] != 0x2002,
    }
}

struct Lab {
    engine: Engine,
    world: World,
    now: Now,
}

impl Lab {
    fn new() -> Self {
        let start = Instant::now();
        let relay = |place: usize| {
            Some(RelayAddress {
                bound: BOUND[place].parse().expect("an address"),
                announced: ANNOUNCED[place].parse().expect("an address"),
            })
        };
        let options = EngineOptions { ipv4: relay(0), ipv6: relay(1), ..EngineOptions::default() };
        let secrets = Arc::new([TurnSecret::new(SECRET).expect("a secret")]);
        let common = Common::new(options, secrets, &[7; 32], start);
        let engine = Engine::new(common, PeerFilter::default(), 1, start);
        Self { engine, world: World::default(), now: Now { at: start, unix_secs: UNIX } }
    }

    fn step(&mut self, input: &mut Bytes<'_>) {
        let (kind, who, length) = (input.byte(), usize::from(input.byte()), usize::from(input.byte()));
        let (bytes, rest) = input.0.split_at(length.min(input.0.len()));
        match kind % 8 {
            0 | 1 => {
                input.0 = rest;
                self.stranger(client(who), bytes);
            }
            2 | 3 => {
                input.0 = rest;
                self.proven(client(who), METHODS[length % METHODS.len()], bytes);
            }
            4 => {
                input.0 = rest;
                self.engine.receive(self.now, client(who), bytes, &mut self.world);
            }
            5 => {
                input.0 = rest;
                let relays: Vec<RelayId> = self.world.open.keys().copied().collect();
                if let Some(relay) = relays.get(who % relays.len().max(1)) {
                    let from = client(length).from;
                    self.engine.receive_from_peer(self.now, *relay, from, bytes, &mut self.world);
                }
            }
            6 => {
                let jump = Duration::from_secs(JUMPS[who % JUMPS.len()]);
                self.pass(jump);
            }
            _ if who % 4 == 0 => self.engine.client_gone(client(length), &mut self.world),
            _ if who % 4 == 1 => {
                let user = user();
                self.engine.revoke(&user.app, &user.peer, &mut self.world);
            }
            _ => {}
        }
        self.world.answer.clear();
    }

    /// Bytes of somebody who has proven nothing.
    fn stranger(&mut self, client: Client, bytes: &[u8]) {
        let served = self.engine.serves(client);
        self.world.answer.clear();
        self.engine.receive(self.now, client, bytes, &mut self.world);
        if !served {
            let (answer, asked) = (self.world.answer.len(), bytes.len());
            assert!(answer <= 3 * asked, "{answer} bytes for {asked}");
        }
    }

    /// A request of a user who knows the password, with the attributes that the input says: each a byte for
    /// its type, one for its length, and its value.
    fn proven(&mut self, client: Client, method: u16, bytes: &[u8]) {
        let Some(nonce) = self.nonce(client) else { return };
        let mut attributes = Bytes(bytes);
        let mut request = self.request(method);
        for _ in 0..8 {
            if attributes.0.is_empty() {
                break;
            }
            let kind = KINDS[usize::from(attributes.byte()) % KINDS.len()];
            let length = usize::from(attributes.byte()).min(attributes.0.len());
            let (value, rest) = attributes.0.split_at(length);
            attributes.0 = rest;
            // A type that stands there already is refused by the writer, not by the reader.
            let _ = request.add_attribute(&RawAttribute::new(kind.into(), value));
        }
        let name = user().to_string();
        let key = key(&name);
        let signed = request
            .add_attribute(&Username::new(&name).expect("a name"))
            .and_then(|()| request.add_attribute(&Realm::new("peerhall").expect("a realm")))
            .and_then(|()| request.add_attribute(&Nonce::new(&nonce).expect("a nonce")))
            .and_then(|()| request.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1));
        if signed.is_ok() {
            let request = request.finish();
            self.engine.receive(self.now, client, &request, &mut self.world);
        }
    }

    fn request(&self, method: u16) -> MessageWriteVec {
        let kind = MessageType::from_class_method(MessageClass::Request, Method::new(method));
        Message::builder(kind, TransactionId::from(7_u128), MessageWriteVec::new())
    }

    /// The nonce of a challenge; none while the source is throttled.
    fn nonce(&mut self, client: Client) -> Option<String> {
        self.world.answer.clear();
        let refresh = self.request(4).finish();
        self.engine.receive(self.now, client, &refresh, &mut self.world);
        let answer = Message::from_bytes(&self.world.answer).ok()?;
        Some(answer.attribute::<Nonce>().ok()?.nonce().to_owned())
    }

    fn pass(&mut self, jump: Duration) {
        self.now.at += jump;
        self.now.unix_secs += jump.as_secs();
        self.engine.on_deadline(self.now.at, &mut self.world);
        assert!(self.engine.deadline().is_none_or(|at| at > self.now.at), "what is due was done");
    }

    /// Nothing outlives its time.
    fn end(mut self) {
        self.pass(FOREVER);
        let counted = self.engine.counted();
        assert_eq!((counted.allocations, counted.ports), (0, 0));
        assert!(self.world.open.is_empty() && self.world.kept.is_empty(), "all ports are closed");
        assert_eq!(self.engine.deadline(), None);
    }
}

/// One of a few, by datagram or connection, over both families.
fn client(who: usize) -> Client {
    let from = ["9.9.9.9:4000", "[2606:4700::9]:4000", "10.0.0.9:4000", "9.9.9.1:50002"][who % 4];
    let transport = match who / 4 % 3 {
        0 => Transport::Datagrams { listener: 0, local: None },
        1 => Transport::Stream(1),
        _ => Transport::Secure(2),
    };
    Client { from: from.parse().expect("an address"), transport }
}

fn user() -> RelayUser {
    RelayUser {
        expires_at: UNIX + 86_400,
        app: "app".parse().expect("an app"),
        issued_at_ms: UNIX * 1_000,
        peer: "alice".parse().expect("a peer"),
    }
}

fn key(name: &str) -> IntegrityKey {
    let password = TurnSecret::new(SECRET).expect("a secret").password(name);
    let credentials = LongTermKeyCredentials::new(name.to_owned(), password, "peerhall".to_owned());
    credentials.make_key(IntegrityAlgorithm::Sha1)
}
