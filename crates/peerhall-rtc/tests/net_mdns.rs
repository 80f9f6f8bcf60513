//! `.local` names against a responder on this machine, which is where a browser on the same host is.

#![allow(clippy::expect_used, reason = "a test that is surprised has failed")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use peerhall_rtc::net::mdns;
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, QTYPE, ResourceRecord, TYPE};
use socket2::{Domain, Protocol, Socket, Type};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Less than the second after which a question is repeated.
const DEAF_FOR: Duration = Duration::from_millis(500);

/// Answers to the group, as Chromium does.
struct Responder {
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a responder says besides the answer.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Plain,
    /// Noise and other names first.
    Noisy,
    /// Hears nothing for half a second from the first question on, which comes on every interface.
    Deaf,
}

impl Responder {
    fn start(name: &'static str, ip: Ipv4Addr, manner: Manner) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
        socket.set_reuse_address(true).expect("to share the port");
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into()).expect("the port of mDNS");
        for interface in if_addrs::get_if_addrs().expect("interfaces") {
            if let IpAddr::V4(address) = interface.ip() {
                // One of several addresses of an interface is enough.
                drop(socket.join_multicast_v4(&GROUP, &address));
            }
        }
        let socket: UdpSocket = socket.into();
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, flag) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut begun = None;
            while !flag.load(Ordering::SeqCst) {
                respond(&socket, (name, ip), manner, &counter, &mut begun);
            }
        });
        Self { asked, stop, thread: Some(thread) }
    }

    /// How many questions for an IPv4 address of the name came.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the responder did not fail");
        }
    }
}

fn respond(
    socket: &UdpSocket,
    (name, ip): (&str, Ipv4Addr),
    manner: Manner,
    asked: &AtomicUsize,
    begun: &mut Option<Instant>,
) {
    let mut buffer = [0; 9_000];
    let Ok(length) = socket.recv(&mut buffer) else { return };
    let Ok(query) = Packet::parse(buffer.get(..length).expect("what was received")) else { return };
    let [question] = query.questions.as_slice() else { return };
    if question.qname.to_string() != name || question.qtype != QTYPE::TYPE(TYPE::A) {
        return;
    }
    asked.fetch_add(1, Ordering::SeqCst);
    if manner == Manner::Deaf && begun.get_or_insert_with(Instant::now).elapsed() < DEAF_FOR {
        return;
    }
    let mut messages = vec![answer(name, ip)];
    if manner == Manner::Noisy {
        messages.insert(0, b"noise".to_vec());
        messages.insert(1, answer("another.local", Ipv4Addr::new(192, 0, 2, 99)));
    }
    for message in messages {
        socket.send_to(&message, (GROUP, PORT)).expect("sent to the group");
    }
}

fn answer(name: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    let record = RData::A(A { address: ip.into() });
    packet.answers.push(ResourceRecord::new(Name::new(name).expect("a name"), CLASS::IN, 120, record));
    packet.build_bytes_vec().expect("a message")
}

#[tokio::test]
async fn a_name_of_this_machine_is_found_and_remembered() {
    let name = "6a1f0c52-found-and-remembered.local";
    let ip = Ipv4Addr::new(192, 0, 2, 10);
    let responder = Responder::start(name, ip, Manner::Plain);
    assert_eq!(mdns::resolve(name, PATIENCE).await, Some(ip.into()));
    drop(responder);
    assert_eq!(mdns::resolve(name, PATIENCE).await, Some(ip.into()), "without asking again");
}

#[tokio::test]
async fn noise_and_other_names_are_passed_over() {
    let name = "6a1f0c52-noise.local";
    let ip = Ipv4Addr::new(192, 0, 2, 11);
    let _responder = Responder::start(name, ip, Manner::Noisy);
    assert_eq!(mdns::resolve(name, PATIENCE).await, Some(ip.into()));
}

#[tokio::test]
async fn a_question_that_got_lost_is_asked_again() {
    let name = "6a1f0c52-asked-again.local";
    let ip = Ipv4Addr::new(192, 0, 2, 12);
    let responder = Responder::start(name, ip, Manner::Deaf);
    assert_eq!(mdns::resolve(name, PATIENCE).await, Some(ip.into()));
    assert!(responder.asked() >= 2);
}

#[tokio::test]
async fn a_name_nobody_has_ends_with_the_limit() {
    assert_eq!(mdns::resolve("6a1f0c52-nobody.local", Duration::from_millis(200)).await, None);
}

#[tokio::test]
async fn many_questions_at_a_time_are_all_answered_or_given_up() {
    let name = "6a1f0c52-crowd.local";
    let ip = Ipv4Addr::new(192, 0, 2, 13);
    let _responder = Responder::start(name, ip, Manner::Plain);
    let crowd: Vec<_> = (0..100)
        .map(|number| {
            tokio::spawn(async move {
                if number % 2 == 0 {
                    mdns::resolve(name, PATIENCE).await
                } else {
                    mdns::resolve(&format!("6a1f0c52-{number}.local"), Duration::from_millis(100)).await
                }
            })
        })
        .collect();
    for (number, task) in crowd.into_iter().enumerate() {
        let expected = (number % 2 == 0).then_some(IpAddr::V4(ip));
        assert_eq!(task.await.expect("no panic"), expected, "question {number}");
    }
}
