//! The client against a server of a few lines, in virtual time.

mod server;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use self::server::{Answer, Server};
use super::*;
use crate::net::event::ServerFailure;
use crate::net::server::TurnCredential;
use crate::net::stun::Link;

const DTLS: &[u8] = &[22, 254, 253, 0];
const CHECK: &[u8] = &[0, 1, 0, 0];

fn credential(password: &str) -> TurnCredential {
    TurnCredential { username: "alice".to_owned(), password: password.to_owned() }
}

fn peer(last: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, last], 4_000))
}

/// A client, its server, and the time.
struct Lab {
    client: Client,
    server: Server,
    now: Instant,
    /// What the client sent to its server that carries payload, and who it is for.
    sent: Vec<Vec<u8>>,
}

impl Lab {
    fn new(server: Server) -> Self {
        Self::with_password(server, "wonderland")
    }

    fn with_password(server: Server, password: &str) -> Self {
        let now = Instant::now();
        let client = Client::new(credential(password), Link::Datagrams, now);
        Self { client, server, now, sent: Vec::new() }
    }

    /// Carries messages until neither side has any.
    fn settle(&mut self) {
        while let Some(message) = self.client.poll_transmit() {
            match self.server.answer(&message) {
                Answer::Response(response) => {
                    assert_eq!(self.client.receive(&response, self.now), None);
                }
                Answer::Silence => {}
                Answer::Payload => self.sent.push(message),
            }
        }
    }

    fn allocated(mut self) -> Self {
        self.settle();
        assert!(matches!(self.client.poll_event(), Some(TurnEvent::Allocated { .. })));
        self
    }

    fn ended(&mut self) -> Option<Ended> {
        self.settle();
        match self.client.poll_event()? {
            TurnEvent::Ended(ended) => Some(ended),
            TurnEvent::Allocated { .. } => None,
        }
    }

    /// Lets time pass, doing at each deadline what is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.client.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline;
            self.client.on_deadline(deadline);
            self.settle();
        }
        self.now = until;
    }

    /// Sends and says whether it was taken; what the server gets as payload is in `sent`.
    fn send(&mut self, to: SocketAddr, payload: &[u8]) -> bool {
        let sent = &mut self.sent;
        let taken = self.client.send(to, payload, self.now, |parts| sent.push(parts.concat()));
        self.settle();
        taken
    }

    fn asked(&self, what: &str) -> usize {
        self.server.asked.iter().filter(|asked| **asked == what).count()
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn an_allocation_is_asked_for_challenged_and_granted() {
    let mut lab = Lab::new(Server::default());
    lab.settle();
    let (relayed, mapped) = (server::RELAYED.into(), Some(server::MAPPED.into()));
    assert_eq!(lab.client.poll_event(), Some(TurnEvent::Allocated { relayed, mapped }));
    assert_eq!(lab.server.asked, ["allocate", "allocate"]);
}

#[test]
fn a_wrong_password_is_told_from_every_other_failure() {
    let mut lab = Lab::with_password(Server::default(), "looking-glass");
    assert_eq!(lab.ended(), Some(Ended::Failed(ServerFailure::Unauthorized)));
    assert_eq!(lab.client.deadline(), None, "nothing is tried again");
}

#[test]
fn each_refusal_has_its_meaning() {
    let cases = [
        (403, Ended::Failed(ServerFailure::Forbidden)),
        (437, Ended::OtherSocket),
        (486, Ended::Failed(ServerFailure::QuotaReached)),
        (508, Ended::Failed(ServerFailure::InsufficientCapacity)),
        (500, Ended::Failed(ServerFailure::Refused(500))),
        (300, Ended::OtherServer(server::ALTERNATE.into())),
    ];
    for (code, ended) in cases {
        let mut lab = Lab::new(Server { refuse: Some(("allocate", code)), ..Server::default() });
        assert_eq!(lab.ended(), Some(ended), "{code}");
    }
}

#[test]
fn a_server_without_ipv4_is_asked_for_ipv6() {
    let mut lab = Lab::new(Server { refuse: Some(("allocate", 440)), ..Server::default() });
    assert_eq!(lab.ended(), Some(Ended::Failed(ServerFailure::FamilyUnsupported)));
    assert_eq!(lab.server.asked, ["allocate", "allocate", "allocate ipv6"]);
}

#[test]
fn silence_ends_after_39_5_seconds_and_seven_requests() {
    let mut lab = Lab::new(Server { mute: true, ..Server::default() });
    lab.settle();
    lab.pass(Duration::from_millis(39_499));
    assert_eq!((lab.asked("allocate"), lab.ended()), (7, None));
    lab.pass(Duration::from_millis(1));
    assert_eq!(lab.ended(), Some(Ended::Failed(ServerFailure::Timeout)));
}

#[test]
fn a_stale_nonce_is_renewed_and_the_request_sent_again() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.server.nonce = "another".to_owned();
    assert!(lab.send(peer(1), CHECK));
    assert_eq!(lab.asked("permission"), 2, "once with the old and once with the new nonce");
    assert_eq!(lab.sent.len(), 1, "and what had waited is sent");
}

#[test]
fn a_server_that_calls_every_nonce_stale_is_given_up() {
    let mut lab = Lab::new(Server { always_stale: true, ..Server::default() });
    assert_eq!(lab.ended(), Some(Ended::Failed(ServerFailure::StaleNonce)));
    assert!(lab.asked("allocate") < 10);
}

#[test]
fn an_allocation_is_refreshed_a_minute_before_its_end() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.pass(secs(539));
    assert_eq!(lab.asked("refresh"), 0);
    lab.pass(secs(1));
    assert_eq!(lab.asked("refresh"), 1);
    lab.pass(secs(5_400));
    assert_eq!((lab.asked("refresh"), lab.ended()), (11, None));
}

#[test]
fn a_short_life_is_refreshed_in_time_too() {
    let mut lab = Lab::new(Server { lifetime: 20, ..Server::default() }).allocated();
    lab.pass(secs(60));
    assert_eq!(lab.asked("refresh"), 4, "every 15 s");
}

#[test]
fn an_allocation_the_server_forgot_is_lost() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.server.refuse = Some(("refresh", 437));
    lab.pass(secs(541));
    assert_eq!(lab.ended(), Some(Ended::Failed(ServerFailure::AllocationMismatch)));
}

#[test]
fn a_payload_waits_for_the_permission_and_is_not_lost() {
    let mut lab = Lab::new(Server { mute: true, ..Server::default() });
    lab.server.mute = false;
    lab = lab.allocated();
    lab.server.mute = true;
    for _ in 0..3 {
        assert!(lab.send(peer(1), CHECK));
    }
    assert_eq!((lab.sent.len(), lab.asked("permission")), (0, 1));
    lab.server.mute = false;
    lab.pass(Duration::from_millis(500));
    assert_eq!(lab.sent.len(), 3);
}

#[test]
fn only_so_many_payloads_wait() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.server.mute = true;
    let taken = (0..100).filter(|_| lab.send(peer(1), CHECK)).count();
    assert_eq!(taken, 8);
    let permissions =
        (0..=255).filter(|last| lab.send(SocketAddr::from(([10, 0, 0, *last], 9)), CHECK)).count();
    assert_eq!(permissions, 255, "with the first one 256");
}

#[test]
fn checks_go_in_indications_and_a_pair_in_use_gets_a_channel() {
    let mut lab = Lab::new(Server::default()).allocated();
    assert!(lab.send(peer(1), CHECK) && lab.send(peer(1), CHECK));
    assert_eq!(lab.asked("channel 4000"), 0);
    assert!(lab.send(peer(1), DTLS));
    assert_eq!(lab.asked("channel 4000"), 1);
    assert!(lab.send(peer(1), DTLS));
    assert_eq!(lab.sent.last().map(Vec::as_slice), Some(&[0x40, 0, 0, 4, 22, 254, 253, 0][..]));
    assert!(lab.send(peer(2), DTLS) && lab.send(peer(2), DTLS));
    assert_eq!(lab.sent.last().map(|sent| sent[..2].to_vec()), Some(vec![0x40, 0x01]));
}

#[test]
fn a_refused_channel_leaves_indications() {
    let mut lab = Lab::new(Server { refuse: Some(("channel 4000", 508)), ..Server::default() }).allocated();
    assert!(lab.send(peer(1), DTLS) && lab.send(peer(1), DTLS));
    assert_eq!((lab.sent.len(), lab.asked("channel 4000")), (2, 1));
    lab.server.refuse = None;
    lab.pass(secs(61));
    assert!(lab.send(peer(1), DTLS));
    assert_eq!(lab.asked("channel 4000"), 2, "asked for again after a minute");
}

#[test]
fn a_refused_peer_is_left_alone_for_a_minute() {
    let mut lab = Lab::new(Server { refuse: Some(("permission", 403)), ..Server::default() }).allocated();
    assert!(lab.send(peer(1), CHECK), "it waited");
    assert!(!lab.send(peer(1), CHECK), "it would be dropped by the server");
    assert_eq!((lab.asked("permission"), lab.sent.len()), (1, 0));
    lab.pass(secs(61));
    assert!(lab.send(peer(1), CHECK));
    assert_eq!(lab.asked("permission"), 2);
}

#[test]
fn a_peer_of_the_other_family_cannot_be_reached() {
    let mut lab = Lab::new(Server::default()).allocated();
    assert!(!lab.send("[2001:db8::1]:9".parse().expect("an address"), CHECK));
    assert_eq!(lab.asked("permission"), 0);
}

#[test]
fn what_is_used_is_renewed_and_what_is_not_lapses() {
    let mut lab = Lab::new(Server::default()).allocated();
    assert!(lab.send(peer(1), DTLS) && lab.send(peer(2), CHECK));
    for _ in 0..60 {
        assert!(lab.send(peer(1), DTLS));
        lab.pass(secs(60));
    }
    // An hour: every 240 s one for the first; the second was used once and renewed once.
    assert_eq!(lab.asked("permission"), 2 + 15 + 1);
    assert_eq!(lab.asked("channel 4000"), 1 + 6);
    assert!(lab.send(peer(2), CHECK), "and asked for anew when it is needed");
    assert_eq!(lab.asked("permission"), 2 + 15 + 1 + 1);
}

#[test]
fn payloads_arrive_from_peers_that_were_let_in_and_from_no_others() {
    let mut lab = Lab::new(Server::default()).allocated();
    assert!(lab.send(peer(1), DTLS));
    let now = lab.now;
    let from = |client: &mut Client, message: &[u8]| {
        client.receive(message, now).map(|(peer, payload)| (peer, payload.to_vec()))
    };
    let known = (peer(1), b"hello".to_vec());
    assert_eq!(from(&mut lab.client, &server::data(peer(1), b"hello")), Some(known.clone()));
    assert_eq!(from(&mut lab.client, &server::data(peer(2), b"hello")), None);
    assert_eq!(from(&mut lab.client, b"\x40\x00\x00\x05hello"), Some(known.clone()));
    assert_eq!(from(&mut lab.client, b"\x40\x00\x00\x05hello\0\0\0"), Some(known), "padded");
    assert_eq!(from(&mut lab.client, b"\x40\x00\x00\x06hello"), None, "cut");
    assert_eq!(from(&mut lab.client, b"\x40\x01\x00\x05hello"), None, "nobody's channel");
}

#[test]
fn an_answer_that_proves_nothing_is_no_answer() {
    let mut lab = Lab::new(Server::default());
    lab.server.forge = true;
    lab.settle();
    assert_eq!(lab.client.poll_event(), None);
    lab.server.forge = false;
    lab.pass(Duration::from_millis(500));
    assert!(matches!(lab.client.poll_event(), Some(TurnEvent::Allocated { .. })));
}

#[test]
fn giving_back_is_asked_for_and_answered() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.client.release(lab.now);
    assert_eq!(lab.ended(), Some(Ended::Released));
    assert_eq!(lab.asked("release"), 1);
    assert!(!lab.send(peer(1), CHECK));
    assert_eq!(lab.client.deadline(), None);
}

#[test]
fn giving_back_survives_a_stale_nonce_and_a_lost_request() {
    let mut lab = Lab::new(Server::default()).allocated();
    lab.server.nonce = "another".to_owned();
    lab.server.mute = true;
    lab.client.release(lab.now);
    assert_eq!(lab.ended(), None);
    lab.server.mute = false;
    lab.pass(Duration::from_millis(500));
    assert_eq!(lab.ended(), Some(Ended::Released));
    assert_eq!(lab.asked("release"), 3, "lost, stale, granted");
}

#[test]
fn no_secret_and_no_address_is_in_debug_texts() {
    let lab = Lab::new(Server::default()).allocated();
    let text = format!("{:?}", lab.client);
    assert!(!text.contains("alice") && !text.contains("192.0.2"), "{text}");
}

proptest! {
    #[test]
    fn no_bytes_from_the_server_do_harm(
        head in prop::array::uniform20(any::<u8>()), body in prop::collection::vec(any::<u8>(), 0..200), stun: bool,
    ) {
        let mut lab = Lab::new(Server::default()).allocated();
        prop_assert!(lab.send(peer(1), DTLS));
        let mut bytes = [&head[..], &body].concat();
        if stun {
            bytes[0] &= 0x01;
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            let length = u16::try_from(body.len() / 4 * 4).expect("short");
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes.truncate(20 + usize::from(length));
        }
        let _ = lab.client.receive(&bytes, lab.now);
        prop_assert!(lab.send(peer(1), DTLS), "the allocation is still there");
    }
}
