//! The threads with real sockets on loopback, which the filter has to be told to allow.

mod streams;

use std::net::UdpSocket;
use std::sync::LazyLock;
use std::time::Duration;

use peerhall_auth::turn::RelayUser;

use super::*;
use crate::engine::tests::SECRET;
use crate::engine::tests::client::{Asked, Got, channel_data, data_indication, send_indication};

fn setup(listen: &str) -> Setup {
    let mut setup = Setup::at(listen.parse().unwrap(), TurnSecret::new(SECRET).unwrap());
    setup.filter.allowed = vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
    setup.threads = NonZeroUsize::new(2).unwrap();
    setup
}

/// The second in which the tests began: a user keeps its name, however long a test takes.
fn now_secs() -> u64 {
    static BEGIN: LazyLock<u64> =
        LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    *BEGIN
}

fn alice() -> RelayUser {
    RelayUser {
        expires_at: now_secs() + 3_600,
        app: "app".parse().unwrap(),
        issued_at_ms: now_secs() * 1_000 - 1_000,
        peer: "alice".parse().unwrap(),
    }
}

/// A client, however it reaches the server.
trait Talks {
    fn send(&self, bytes: &[u8]);

    fn receive(&self) -> Vec<u8>;

    fn ask(&self, who: &RelayUser, asked: Asked) -> Got {
        self.send(&asked.clone().unsigned());
        let nonce = Got::read(&self.receive()).nonce.expect("a nonce");
        let (request, key) = asked.signed(who, SECRET, &nonce);
        self.send(&request);
        Got::proven(&self.receive(), &key)
    }
}

impl Talks for Client {
    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).unwrap();
    }

    fn receive(&self) -> Vec<u8> {
        let (bytes, from) = receive(&self.socket).expect("an answer in time");
        assert_eq!(from, self.server, "the answer comes from where the question went");
        bytes
    }
}

/// A client with one socket.
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Client {
    fn to(server: SocketAddr) -> Self {
        Self { socket: socket(&server.ip().to_string()), server }
    }

    fn allocate(&self) -> SocketAddr {
        let got = self.ask(&alice(), Asked::allocate());
        assert_eq!((got.code, got.mapped), (None, Some(self.socket.local_addr().unwrap())));
        *got.relayed.first().unwrap()
    }
}

fn socket(ip: &str) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    // Long enough for the slowest machine; nothing that works waits for it.
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> io::Result<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 2_000];
    let (length, from) = socket.recv_from(&mut buffer)?;
    Ok((buffer[..length].to_vec(), from))
}

#[test]
fn payloads_go_there_and_back_by_channel_and_by_indication_over_both_families() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let server = TurnServer::start(setup(listen)).unwrap();
        let client = Client::to(server.addresses()[0]);
        let peer = socket(&client.server.ip().to_string());
        let there = peer.local_addr().unwrap();
        let asked = if there.is_ipv6() {
            let family = turn_types::AddressFamily::IPV6;
            Asked::allocate().with(&turn_types::attribute::RequestedAddressFamily::new(family))
        } else {
            Asked::allocate()
        };
        let relayed = *client.ask(&alice(), asked).relayed.first().expect("allocated");
        assert_eq!(client.ask(&alice(), Asked::permission(&[there])).code, None);
        client.send(&send_indication(there, b"one"));
        assert_eq!(receive(&peer).unwrap(), (b"one".to_vec(), relayed));
        peer.send_to(b"two", relayed).unwrap();
        assert_eq!(data_indication(&client.receive()), (there, b"two".to_vec()));
        assert_eq!(client.ask(&alice(), Asked::channel(0x4000, there)).code, None);
        client.send(&channel_data(0x4000, b"three"));
        assert_eq!(receive(&peer).unwrap(), (b"three".to_vec(), relayed));
        peer.send_to(b"four", relayed).unwrap();
        assert_eq!(client.receive(), channel_data(0x4000, b"four"));
    }
}

#[test]
fn bursts_keep_their_order_and_their_sizes() {
    let server = TurnServer::start(setup("127.0.0.1:0")).unwrap();
    let client = Client::to(server.addresses()[0]);
    let peer = socket("127.0.0.1");
    let relayed = client.allocate();
    assert_eq!(client.ask(&alice(), Asked::channel(0x4000, peer.local_addr().unwrap())).code, None);
    for round in 0..20_usize {
        // As much as fits into the socket buffers of any system.
        let payloads: Vec<Vec<u8>> = (0..40_usize)
            .map(|n| vec![u8::try_from(n).unwrap(); 400 + (n / (round + 1)) % 7 * 100])
            .collect();
        payloads.iter().for_each(|payload| client.send(&channel_data(0x4000, payload)));
        for payload in &payloads {
            assert_eq!(receive(&peer).unwrap(), (payload.clone(), relayed));
        }
        payloads.iter().for_each(|payload| assert!(peer.send_to(payload, relayed).is_ok()));
        for payload in &payloads {
            assert_eq!(client.receive(), channel_data(0x4000, payload));
        }
    }
    let app = server.handle().apps().pop().expect("the app");
    assert_eq!((app.ports, app.bytes_to_peers), (1, app.bytes_to_clients));
}

#[test]
fn two_clients_of_different_threads_meet_through_their_relays_without_any_permission_by_the_operator() {
    let mut strict = setup("127.0.0.1:0");
    strict.filter.allowed.clear();
    let server = TurnServer::start(strict).unwrap();
    // Enough that the kernel gives each thread some.
    let clients: Vec<Client> = (0..8).map(|_| Client::to(server.addresses()[0])).collect();
    let relayed: Vec<SocketAddr> = clients.iter().map(Client::allocate).collect();
    for (number, client) in clients.iter().enumerate() {
        let next = relayed[(number + 1) % relayed.len()];
        let last = relayed[(number + relayed.len() - 1) % relayed.len()];
        assert_eq!(client.ask(&alice(), Asked::channel(0x4000, next)).code, None);
        assert_eq!(client.ask(&alice(), Asked::permission(&[last])).code, None);
    }
    for (number, client) in clients.iter().enumerate() {
        client.send(&channel_data(0x4000, &[7]));
        let next = &clients[(number + 1) % clients.len()];
        assert_eq!(data_indication(&next.receive()), (relayed[number], vec![7]));
    }
    let peer = socket("127.0.0.1").local_addr().unwrap();
    assert_eq!(clients[0].ask(&alice(), Asked::channel(0x4001, peer)).code, Some(403), "nobody else");
}

#[test]
fn a_server_on_every_address_answers_from_the_one_that_was_asked() {
    let server = TurnServer::start(setup("0.0.0.0:0")).unwrap();
    for ip in ["127.0.0.1", "127.0.0.2"] {
        let address = SocketAddr::new(ip.parse().unwrap(), server.addresses()[0].port());
        let client = Client { socket: socket("127.0.0.1"), server: address };
        client.send(&Asked::binding().unsigned());
        assert_eq!(Got::read(&client.receive()).mapped, Some(client.socket.local_addr().unwrap()));
    }
}

#[test]
fn a_port_that_somebody_has_is_not_shared() {
    let server = TurnServer::start(setup("127.0.0.1:0")).unwrap();
    let taken = server.addresses()[0];
    let second = TurnServer::start(setup(&taken.to_string()));
    assert!(matches!(second, Err(StartError::Listen { address, .. }) if address == taken), "{second:?}");
    drop(server);
    assert!(TurnServer::start(setup(&taken.to_string())).is_ok(), "it is free again");
}

#[test]
fn a_kick_ends_allocations_on_every_thread() {
    let server = TurnServer::start(setup("127.0.0.1:0")).unwrap();
    let clients: Vec<Client> = (0..8).map(|_| Client::to(server.addresses()[0])).collect();
    clients.iter().for_each(|client| assert!(client.allocate().ip().is_loopback()));
    let alice = alice();
    assert_eq!(server.handle().peers(&alice.app).first().map(|peer| peer.ports), Some(8));
    server.handle().revoke(&alice.app, &alice.peer, 86_400);
    while !server.handle().peers(&alice.app).is_empty() {
        std::thread::yield_now();
    }
    for client in &clients {
        client.send(&Asked::refresh(600).unsigned());
        let nonce = Got::read(&client.receive()).nonce.unwrap();
        client.send(&Asked::refresh(600).signed(&alice, SECRET, &nonce).0);
        assert_eq!(Got::read(&client.receive()).code, Some(401));
    }
}

#[test]
fn a_reserved_port_is_open_until_its_client_comes_to_whichever_thread() {
    let server = TurnServer::start(setup("127.0.0.1:0")).unwrap();
    // Enough that the kernel gives each thread some.
    for _ in 0..8 {
        let client = Client::to(server.addresses()[0]);
        let asked = Asked::allocate().with(&turn_types::attribute::EvenPort::new(true));
        let got = client.ask(&alice(), asked);
        let port = got.relayed.first().unwrap().port();
        assert_eq!(port % 2, 0);
        assert!(UdpSocket::bind(("127.0.0.1", port + 1)).is_err(), "reserved");
        let other = Client::to(server.addresses()[0]);
        let token = turn_types::attribute::ReservationToken::new(got.token.unwrap());
        let got = other.ask(&alice(), Asked::allocate().with(&token));
        assert_eq!(got.relayed.first().map(SocketAddr::port), Some(port + 1));
        let peer = socket("127.0.0.1");
        let there = peer.local_addr().unwrap();
        assert_eq!(other.ask(&alice(), Asked::permission(&[there])).code, None);
        peer.send_to(b"in", got.relayed[0]).unwrap();
        assert_eq!(data_indication(&other.receive()), (there, b"in".to_vec()));
    }
}
