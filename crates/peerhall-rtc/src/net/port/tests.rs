use std::future::poll_fn;

use super::*;

const BUFFER: usize = 4 * 1024 * 1024;

fn port(id: u32) -> Port {
    port_at(id, "127.0.0.1:0")
}

fn port_at(id: u32, address: &str) -> Port {
    let address = address.parse().expect("an address");
    Port::open(PortId(id), Purpose::Candidates, address, BUFFER).expect("a socket on loopback")
}

/// A datagram whose bytes say which one it is.
fn datagram(number: usize, size: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(number % 251).expect("below 256"); size];
    if let Some(head) = bytes.get_mut(..4) {
        head.copy_from_slice(&u32::try_from(number).expect("small").to_be_bytes());
    }
    bytes
}

async fn receive(port: &Port, count: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        let (_, datagrams) = poll_fn(|cx| port.poll_receive(cx)).await.expect("no error on loopback");
        all.extend(datagrams.iter().map(<[u8]>::to_vec));
    }
    all
}

/// Sends `sizes` in one call if the kernel can, else in as many as it takes.
fn send_all(from: &Port, to: SocketAddr, datagrams: &[Vec<u8>], segment: usize) {
    let per_call = from.max_segments().min(65_507 / segment);
    for batch in datagrams.chunks(per_call) {
        from.send(to, &batch.concat(), segment).expect("the buffer is large enough");
    }
}

#[tokio::test]
async fn equal_datagrams_sent_in_one_call_arrive_intact_and_in_order() {
    let (from, to) = (port(1), port(2));
    let sent: Vec<_> = (0..50).map(|number| datagram(number, 1_200)).collect();
    send_all(&from, to.local, &sent, 1_200);
    assert_eq!(receive(&to, 50).await, sent);
}

#[tokio::test]
async fn an_odd_last_datagram_keeps_its_size() {
    let (from, to) = (port(1), port(2));
    for last in [1, 17, 1_199] {
        let mut sent: Vec<_> = (0..20).map(|number| datagram(number, 1_200)).collect();
        sent.push(datagram(20, last));
        send_all(&from, to.local, &sent, 1_200);
        assert_eq!(receive(&to, 21).await, sent);
    }
}

#[tokio::test]
async fn single_datagrams_of_every_size_pass() {
    let (from, to) = (port(1), port(2));
    let sizes = [4, 5, 100, 1_200, 1_472, 9_000, 65_507];
    for (number, size) in sizes.into_iter().enumerate() {
        let sent = datagram(number, size);
        from.send(to.local, &sent, size).expect("loopback takes any size");
        assert_eq!(receive(&to, 1).await, [sent]);
    }
}

#[tokio::test]
async fn the_sender_is_named_as_others_see_it() {
    let (from, to) = (port_at(1, "[::1]:0"), port_at(2, "[::1]:0"));
    from.send(to.local, b"hello", 5).expect("sent");
    let (sender, _) = poll_fn(|cx| to.poll_receive(cx)).await.expect("received");
    assert_eq!(sender, from.local);
}

#[tokio::test]
async fn an_empty_datagram_is_nothing() {
    let (from, to) = (port(1), port(2));
    from.send(to.local, &[], 0).expect("sent");
    from.send(to.local, b"after", 5).expect("sent");
    assert_eq!(receive(&to, 1).await, [b"after".to_vec()]);
}

#[tokio::test]
async fn r_destinations_the_kernel_calls_invalid_never_reach_it() {
    let loopback = port(1);
    let reaches = |to: &str| loopback.reaches(to.parse().expect("an address"));
    assert!(reaches("127.0.0.2:9"));
    for to in ["192.0.2.1:9", "127.0.0.1:0", "0.0.0.0:9", "224.0.0.1:9", "[::1]:9"] {
        assert!(!reaches(to), "{to}");
    }
}
