use super::*;

fn peer(role: Role) -> Peer {
    let channel = "room".to_owned();
    Peer::new(Spec { index: 7, role, channel, wants_acks: false, wants_members: true })
}

fn read(protocol: Protocol, peer: &mut Peer, frame: &str) -> Vec<Message> {
    let mut out = Vec::new();
    protocol.read(frame.as_bytes(), peer, &mut out);
    out
}

#[test]
fn a_welcome_makes_ready_an_ack_counts_and_an_error_is_kept() {
    let mut peer = peer(Role::Member);
    read(Protocol::Peerhall, &mut peer, r#"{"type":"welcome","peerId":"p-1","serverTime":1}"#);
    read(Protocol::Peerhall, &mut peer, r#"{"type":"ack","requestId":"s7"}"#);
    assert_eq!((peer.is_ready, peer.id.as_str(), peer.acks), (true, "p-1", 1));
    read(Protocol::Peerhall, &mut peer, r#"{"type":"error","code":"rate_limited","message":"slow down"}"#);
    assert!(peer.complaint.unwrap().contains("rate_limited"));
}

#[test]
fn socket_io_is_opened_in_two_steps_and_its_pings_are_answered() {
    let mut peer = peer(Role::Member);
    let out = read(Protocol::SocketIo, &mut peer, r#"0{"sid":"engine"}"#);
    assert_eq!(out, [Message::Text("40".to_owned())]);
    assert!(!peer.is_ready);
    read(Protocol::SocketIo, &mut peer, r#"40{"sid":"socket"}"#);
    assert_eq!((peer.is_ready, peer.id.as_str()), (true, "socket"));
    assert_eq!(read(Protocol::SocketIo, &mut peer, "2"), [Message::Text("3".to_owned())]);
    read(Protocol::SocketIo, &mut peer, "430[]");
    assert_eq!(peer.acks, 1);
}

#[test]
fn nats_is_ready_with_its_first_pong_and_acknowledges_with_the_next() {
    let mut peer = peer(Role::Member);
    read(Protocol::Nats, &mut peer, "INFO {}\r\n");
    assert!(!peer.is_ready);
    read(Protocol::Nats, &mut peer, "PONG\r\n");
    assert!(peer.is_ready && peer.acks == 0);
    read(Protocol::Nats, &mut peer, "PONG\r\n");
    read(Protocol::Nats, &mut peer, "+OK\r\n+OK\r\n");
    assert_eq!(peer.acks, 3);
}

#[test]
fn mqtt_packets_have_the_lengths_of_the_standard() {
    let Message::Binary(short) = mqtt::publish("room", "x") else { panic!() };
    assert_eq!(short, [&[0x30, 7, 0, 4][..], b"roomx"].concat());
    let Message::Binary(long) = mqtt::publish("room", &"x".repeat(200)) else { panic!() };
    assert_eq!(long[..3], [0x30, 0xce, 1], "206 in two digits of seven bits");
    let mut peer = peer(Role::Member);
    Protocol::Mqtt.read(&[0x20, 2, 0, 0, 0x90, 3, 0, 1, 0, 0x40, 2, 0, 1], &mut peer, &mut Vec::new());
    assert!(peer.is_ready && peer.acks == 2);
}

#[test]
fn a_wire_that_names_channels_in_the_url_asks_for_nothing_else() {
    for (role, target) in
        [(Role::Subscriber, "/sub/room"), (Role::Publisher, "/pub/room"), (Role::Member, "/pubsub/room")]
    {
        let peer = peer(role);
        assert_eq!(Protocol::Nchan.target("/", &peer.spec), target);
        assert_eq!(Protocol::Nchan.subscribe(&peer.spec), None);
    }
}

#[test]
fn centrifuge_is_ready_when_connected_and_answers_several_commands_in_one_frame() {
    let mut peer = peer(Role::Member);
    read(Protocol::Centrifuge, &mut peer, r#"{"id":1,"result":{"client":"c-1","version":"0.0.0"}}"#);
    assert_eq!((peer.is_ready, peer.id.as_str(), peer.acks), (true, "c-1", 0));
    read(Protocol::Centrifuge, &mut peer, "{\"id\":2,\"result\":{}}\n{\"id\":3}");
    assert_eq!(peer.acks, 2);
    read(Protocol::Centrifuge, &mut peer, r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#);
    assert!(peer.complaint.unwrap().contains("permission denied"));
}
