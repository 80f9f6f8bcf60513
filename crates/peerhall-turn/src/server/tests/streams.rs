//! Clients that come over TCP.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::engine::Client as Who;
use crate::framing;
use crate::server::streams::{Read, Streams};

/// A client with one connection.
struct Connected {
    socket: TcpStream,
}

impl Connected {
    fn to(server: SocketAddr) -> Self {
        let socket = TcpStream::connect(server).unwrap();
        // Long enough for the slowest machine; nothing that works waits for it.
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket }
    }

    fn is_closed(&self) -> bool {
        matches!((&self.socket).read(&mut [0]), Ok(0) | Err(_))
    }
}

impl Talks for Connected {
    fn send(&self, bytes: &[u8]) {
        (&self.socket).write_all(bytes).unwrap();
        (&self.socket).write_all(&[0; 3][..framing::padding(bytes.len())]).unwrap();
    }

    fn receive(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        (&self.socket).read_exact(&mut bytes).expect("an answer in time");
        let frame = framing::front(&bytes).expect("STUN or ChannelData").expect("a header");
        bytes.resize(frame.taken, 0);
        (&self.socket).read_exact(&mut bytes[4..]).expect("all of it");
        assert!(bytes[frame.length..].iter().all(|byte| *byte == 0), "padding says nothing");
        bytes.truncate(frame.length);
        bytes
    }
}

fn start() -> (TurnServer, SocketAddr) {
    let server = TurnServer::start(setup("127.0.0.1:0")).unwrap();
    let address = server.addresses()[0];
    (server, address)
}

#[test]
fn a_client_over_tcp_reaches_peers_by_channel_and_by_indication() {
    let (server, address) = start();
    let client = Connected::to(address);
    let peer = socket("127.0.0.1");
    let there = peer.local_addr().unwrap();
    let got = client.ask(&alice(), Asked::allocate());
    assert_eq!(got.mapped, Some(client.socket.local_addr().unwrap()));
    let relayed = got.relayed[0];
    assert_eq!(client.ask(&alice(), Asked::channel(0x4000, there)).code, None);
    // Of lengths that need no padding, and all that do, in one write.
    let lengths = [4_usize, 5, 6, 7, 0, 1_200];
    let padded = |length: usize| {
        let data = channel_data(0x4000, &vec![7; length]);
        [&data[..], &[0; 3][..framing::padding(data.len())]].concat()
    };
    let all: Vec<u8> = lengths.iter().flat_map(|length| padded(*length)).collect();
    (&client.socket).write_all(&all).unwrap();
    for length in lengths {
        assert_eq!(receive(&peer).unwrap(), (vec![7; length], relayed));
    }
    for length in lengths {
        peer.send_to(&vec![8; length], relayed).unwrap();
        assert_eq!(client.receive(), channel_data(0x4000, &vec![8; length]));
    }
    let other = socket("127.0.0.1");
    assert_eq!(client.ask(&alice(), Asked::permission(&[other.local_addr().unwrap()])).code, None);
    client.send(&send_indication(other.local_addr().unwrap(), b"by indication"));
    assert_eq!(receive(&other).unwrap(), (b"by indication".to_vec(), relayed));
    assert_eq!(server.handle().counted().streams, 1);
}

#[test]
fn messages_may_come_byte_by_byte() {
    let (_server, address) = start();
    let client = Connected::to(address);
    client.socket.set_nodelay(true).unwrap();
    for _ in 0..3 {
        for byte in Asked::binding().unsigned() {
            (&client.socket).write_all(&[byte]).unwrap();
        }
        assert_eq!(Got::read(&client.receive()).mapped, Some(client.socket.local_addr().unwrap()));
    }
}

#[test]
fn an_allocation_ends_with_its_connection() {
    let (server, address) = start();
    let client = Connected::to(address);
    assert_eq!(client.ask(&alice(), Asked::allocate()).code, None);
    let alice = alice();
    assert_eq!(server.handle().peers(&alice.app).len(), 1);
    client.socket.shutdown(Shutdown::Both).unwrap();
    while !server.handle().peers(&alice.app).is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn t36_what_is_no_stun_ends_a_connection() {
    let (_server, address) = start();
    for beginning in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00", &[0, 1, 0, 7, 0, 0, 0, 0]] {
        let client = Connected::to(address);
        (&client.socket).write_all(beginning).unwrap();
        assert!(client.is_closed(), "{beginning:?}");
    }
}

#[test]
fn t36_a_guest_that_announces_a_large_message_is_not_waited_for() {
    let (_server, address) = start();
    for header in [[0x40, 0, 0xff, 0xff], [0, 1, 0x20, 0]] {
        let client = Connected::to(address);
        (&client.socket).write_all(&header).unwrap();
        assert!(client.is_closed(), "{header:?}");
    }
}

/// No connection.
const NOBODY: [u32; 0] = [];

/// The table of one thread, with the other ends of its connections.
struct Table {
    streams: Streams,
    poll: Poll,
    listener: TcpListener,
    start: Instant,
}

impl Table {
    fn new() -> Self {
        Self {
            streams: Streams::new(None, 1_000),
            poll: Poll::new().unwrap(),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            start: Instant::now(),
        }
    }

    /// A connection that pretends to come from `from`.
    fn admit(&mut self, from: &str) -> Option<(u32, TcpStream)> {
        let theirs = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (ours, _) = self.listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = mio::net::TcpStream::from_std(ours);
        let from = from.parse().unwrap();
        let place = self.streams.accept(self.poll.registry(), ours, from, self.start).unwrap();
        place.map(|place| (place, theirs))
    }

    fn overdue(&mut self, after_secs: u64, serves: impl Fn(Who) -> bool) -> Vec<u32> {
        self.streams.overdue(self.start + Duration::from_secs(after_secs), serves)
    }
}

#[test]
fn t20_a_connection_without_an_allocation_has_half_a_minute() {
    let mut table = Table::new();
    let (guest, _one) = table.admit("9.9.9.9:1").unwrap();
    let (proven, _other) = table.admit("9.9.9.9:2").unwrap();
    let known = table.streams.client(proven).unwrap();
    assert_eq!(table.overdue(29, |client| client == known), NOBODY);
    assert_eq!(table.overdue(30, |client| client == known), [guest]);
    // When its allocation ends, it has that long again.
    assert_eq!(table.overdue(100, |_| false), [guest]);
    assert_eq!(table.overdue(129, |_| false), [guest]);
    assert_eq!(table.overdue(130, |_| false), [guest, proven]);
}

#[test]
fn t20_the_rest_of_a_message_has_ten_seconds_however_slowly_it_trickles() {
    let mut table = Table::new();
    let (place, _theirs) = table.admit("9.9.9.9:1").unwrap();
    let begun = table.start;
    table.streams.settle(place, &[0, 1, 0], true, begun);
    table.streams.settle(place, &[0, 1, 0, 0], true, begun + Duration::from_secs(9));
    assert_eq!(table.overdue(9, |_| true), NOBODY);
    assert_eq!(table.overdue(10, |_| true), [place]);
    table.streams.settle(place, &[], true, begun + Duration::from_secs(10));
    assert_eq!(table.overdue(100, |_| true), NOBODY, "nothing is owed");
}

#[test]
fn t35_a_reader_that_takes_nothing_loses_messages_and_then_its_connection() {
    let mut table = Table::new();
    let (place, theirs) = table.admit("9.9.9.9:1").unwrap();
    let client = table.streams.client(place).unwrap();
    let message = channel_data(0x4000, &[7; 1_196]);
    let mut taken = 0_usize;
    while table.streams.push(client, [&message, &[]]) {
        taken += 1;
        assert_eq!(table.streams.flush(table.start), NOBODY);
        assert!(taken < 100_000, "the queue has no end");
    }
    assert_eq!(table.overdue(9, |_| true), NOBODY);
    assert_eq!(table.overdue(10, |_| true), [place]);
    // Once it reads again, everything that was taken comes, whole.
    theirs.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; taken * 1_200];
        (&theirs).read_exact(&mut bytes).map(|()| bytes)
    });
    while !reader.is_finished() {
        table.streams.mark(place);
        assert_eq!(table.streams.flush(table.start), NOBODY);
        std::thread::yield_now();
    }
    let bytes = reader.join().unwrap().expect("all of it");
    assert!(bytes.chunks(1_200).all(|chunk| chunk == message));
    assert_eq!(table.overdue(10, |_| true), NOBODY);
}

#[test]
fn t35_one_address_has_so_many_connections_without_an_allocation() {
    let mut table = Table::new();
    let mut guests: Vec<(u32, TcpStream)> = (0..256).map(|_| table.admit("9.9.9.9:1").unwrap()).collect();
    assert!(table.admit("9.9.9.9:1").is_none(), "one more");
    let other = table.admit("9.9.9.8:1").expect("another address has its own");
    let known = table.streams.client(guests[0].0).unwrap();
    // One that has proven itself is no guest any more, and neither is one that has left.
    assert_eq!(table.overdue(1, |client| client == known), NOBODY);
    guests.push(table.admit("9.9.9.9:1").expect("a place"));
    assert!(table.admit("9.9.9.9:1").is_none(), "one more");
    let registry = table.poll.registry().try_clone().unwrap();
    assert!(table.streams.close(&registry, guests[1].0).is_some());
    assert!(table.admit("9.9.9.9:1").is_some());
    assert_eq!(table.streams.read(other.0, &mut [0; 64]), Read::Nothing);
}
