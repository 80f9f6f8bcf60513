//! The crowd against the server of this workspace, and against a peer that breaks the rules.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the events that it waits for")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use peerhall_server::testing::TestServer;

use super::*;

/// Longer than anything here takes on a machine with something else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Turns the crowd until `done` says so; `look` sees every event.
fn run(crowd: &mut Crowd, mut look: impl FnMut(&mut Crowd, Event<'_>) -> bool) {
    let end = Instant::now() + PATIENCE;
    let mut inbox = Inbox::new();
    loop {
        assert!(Instant::now() < end, "what the test waits for has not happened");
        crowd.poll(Some(Duration::from_millis(100)), &mut inbox).unwrap();
        let mut done = false;
        for event in &inbox {
            done |= look(crowd, event);
        }
        if done {
            return;
        }
    }
}

fn server() -> (TestServer, Crowd, String) {
    let server = TestServer::start();
    let crowd = Crowd::new(server.addr()).unwrap();
    let target = format!("/v1?key={}&client=peerhall-load", server.publishable().id.as_str());
    (server, crowd, target)
}

fn has(text: &[u8], needle: &str) -> bool {
    String::from_utf8_lossy(text).contains(needle)
}

#[test]
fn a_thousand_clients_are_welcomed_and_hear_what_one_of_them_says() {
    let (_server, mut crowd, target) = server();
    let all = 1_000;
    for _ in 0..all {
        crowd.open(&target).unwrap();
    }
    let (mut open, mut subscribed, mut heard) = (0, 0, 0);
    run(&mut crowd, |crowd, event| {
        match event {
            Event::Open(peer) => {
                open += 1;
                crowd.send(peer, r#"{"type":"subscribe","channel":"room","requestId":"s"}"#);
            }
            Event::Text(peer, text) if has(text, r#""type":"ack""#) => {
                subscribed += 1;
                if subscribed == all {
                    crowd.send(peer, r#"{"type":"publish","channel":"room","data":"hello"}"#);
                }
            }
            Event::Text(_, text) if has(text, r#""type":"message""#) => heard += 1,
            Event::Text(..) => {}
            other => panic!("{other:?}"),
        }
        heard == all - 1
    });
    assert_eq!((open, subscribed, crowd.len()), (all, all, all));
}

#[test]
fn a_wrong_key_is_told_by_the_close_code_of_the_server() {
    let (_server, mut crowd, _) = server();
    let peer = crowd.open("/v1?key=pk_live_wrong").unwrap();
    let mut code = None;
    run(&mut crowd, |_, event| {
        if let Event::Closed(closed, with) = event {
            assert_eq!(closed, peer);
            code = with;
            return true;
        }
        false
    });
    assert_eq!(code, Some(4001));
    assert!(crowd.is_empty() && !crowd.is_there(peer));
}

#[test]
fn an_answer_that_is_no_upgrade_is_told_by_its_status() {
    let (_server, mut crowd, _) = server();
    crowd.open("/nowhere").unwrap();
    run(&mut crowd, |_, event| matches!(event, Event::Refused(_, 404)));
}

#[test]
fn a_close_is_answered_and_a_new_client_takes_the_place() {
    let (_server, mut crowd, target) = server();
    let first = crowd.open(&target).unwrap();
    let mut closed = false;
    run(&mut crowd, |crowd, event| match event {
        Event::Open(peer) if peer == first => {
            crowd.close(peer);
            false
        }
        Event::Closed(peer, Some(1000)) if peer == first => {
            closed = true;
            crowd.open(&target).unwrap();
            false
        }
        Event::Open(peer) => closed && peer != first,
        _ => false,
    });
    assert_eq!(crowd.len(), 1);
}

#[test]
fn a_paused_reader_hears_everything_once_it_reads_again() {
    let (_server, mut crowd, target) = server();
    let quiet = crowd.open(&target).unwrap();
    let loud = crowd.open(&target).unwrap();
    let data = "x".repeat(60_000);
    let wanted = 12;
    let (mut subscribed, mut sent, mut heard) = (0, 0, 0);
    run(&mut crowd, |crowd, event| {
        match event {
            Event::Open(peer) => {
                crowd.send(peer, r#"{"type":"subscribe","channel":"room","requestId":"s"}"#);
            }
            Event::Text(_, text) if has(text, r#""requestId":"s""#) => {
                subscribed += 1;
                if subscribed == 2 {
                    crowd.pause_reading(quiet);
                    for _ in 0..wanted {
                        crowd.send(
                            loud,
                            &format!(
                                r#"{{"type":"publish","channel":"room","data":"{data}","requestId":"p"}}"#
                            ),
                        );
                    }
                }
            }
            Event::Text(peer, text) if peer == loud && has(text, r#""requestId":"p""#) => {
                sent += 1;
                if sent == wanted {
                    assert_eq!(heard, 0, "a paused reader reads nothing");
                    crowd.resume_reading(quiet);
                }
            }
            Event::Text(peer, text) if peer == quiet && has(text, r#""type":"message""#) => heard += 1,
            _ => {}
        }
        heard == wanted
    });
}

/// A server in a thread that answers the upgrade and then says `bytes`; gives back what it was told
/// until the client's end.
fn strange_server(bytes: &'static [u8]) -> (SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        read_head(&mut stream);
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        for byte in bytes.chunks(1) {
            stream.write_all(byte).unwrap();
        }
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        told
    };
    (addr, std::thread::spawn(serve))
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
}

#[test]
fn a_ping_between_two_fragments_is_answered_and_the_text_is_put_together() {
    let (addr, serving) = strange_server(b"\x01\x03Hel\x89\x01p\x80\x02lo\x88\x02\x03\xe8");
    let mut crowd = Crowd::new(addr).unwrap();
    crowd.open("/").unwrap();
    let mut text = Vec::new();
    run(&mut crowd, |_, event| match event {
        Event::Text(_, said) => {
            text.extend_from_slice(said);
            false
        }
        Event::Closed(_, Some(1000)) => true,
        Event::Open(_) => false,
        other => panic!("{other:?}"),
    });
    assert_eq!(text, b"Hello");
    let told = serving.join().unwrap();
    let heads: Vec<u8> = vec![told[0], told[7]];
    assert_eq!(heads, [frame::PONG, frame::CLOSE], "a pong, then the close echoed: {told:x?}");
    assert_eq!(told[6] ^ told[2], b'p', "the pong carries what the ping carried");
}

#[test]
fn a_client_told_to_leave_pings_unanswered_says_nothing() {
    let (addr, serving) = strange_server(b"\x89\x01p\x81\x01x");
    let mut crowd = Crowd::new(addr).unwrap();
    let peer = crowd.open("/").unwrap();
    crowd.leave_pings_unanswered(peer);
    run(&mut crowd, |_, event| matches!(event, Event::Text(..)));
    crowd.drop_peer(peer);
    assert_eq!(serving.join().unwrap(), b"");
}

#[test]
fn a_masked_frame_of_the_server_fails_that_client_alone() {
    let (addr, serving) = strange_server(b"\x81\x81\0\0\0\0x");
    let mut crowd = Crowd::new(addr).unwrap();
    crowd.open("/").unwrap();
    run(
        &mut crowd,
        |_, event| matches!(event, Event::Failed(_, error) if error.to_string().contains("masked")),
    );
    assert!(crowd.is_empty());
    drop(serving.join());
}

#[test]
fn a_reset_reaches_the_server_as_a_reset_and_raw_bytes_as_they_are() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(listener.local_addr().unwrap()).unwrap();
    crowd.set_sources(Sources::One(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let peer = crowd.open_with(&Dial::silent()).unwrap();
    crowd.send_raw(peer, b"\xff\x00 not http");
    let (mut stream, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let (mut inbox, mut got) = (Inbox::new(), [0; 11]);
    let end = Instant::now() + PATIENCE;
    while stream.peek(&mut got).is_err() {
        assert!(Instant::now() < end);
        crowd.poll(Some(Duration::from_millis(10)), &mut inbox).unwrap();
    }
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"\xff\x00 not http");
    crowd.reset(peer);
    let error = stream.read(&mut got).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn nobody_listening_is_a_failure_and_no_error_of_the_turn() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut crowd = Crowd::new(addr).unwrap();
    let peer = crowd.open("/v1").unwrap();
    run(&mut crowd, |_, event| {
        matches!(event, Event::Failed(failed, error)
            if failed == peer && error.kind() == std::io::ErrorKind::ConnectionRefused)
    });
}
