use super::*;

#[test]
fn w036_a_channel_is_measured_in_bytes_of_utf8() {
    assert!("x".repeat(256).parse::<ChannelName>().is_ok());
    assert!("ö".repeat(128).parse::<ChannelName>().is_ok());
    assert_eq!("ö".repeat(129).parse::<ChannelName>(), Err(ChannelNameError::TooLong { bytes: 258 }));
}

#[test]
fn w035_empty_and_control_characters_are_no_channel() {
    assert_eq!("".parse::<ChannelName>(), Err(ChannelNameError::Empty));
    for bad in ["\u{0}", "a\nb", "\u{7f}", "\u{80}", "\u{9f}"] {
        assert_eq!(bad.parse::<ChannelName>(), Err(ChannelNameError::ControlCharacter), "{bad:?}");
    }
    assert!("\u{a0}".parse::<ChannelName>().is_ok());
}

#[test]
fn w037_reserved_prefixes_need_their_slash_and_the_first_place() {
    let reserved = |name: &str| name.parse::<ChannelName>().unwrap().is_reserved();
    for name in ["_metered/x", "_INTERNAL/x", "_system/"] {
        assert!(reserved(name), "{name}");
    }
    for name in ["_metered", "_meteredx/y", "a/_system/b", "_sysTem"] {
        assert!(!reserved(name), "{name}");
    }
}

#[test]
fn w013_a_random_peer_id_is_a_lower_case_uuid_of_version_4() {
    let id = PeerId::from_random([0xff; 16]);
    assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    let id = PeerId::from_random([0; 16]);
    assert_eq!(id.as_str(), "00000000-0000-4000-8000-000000000000");
}

#[test]
fn w059_a_peer_id_is_printable_ascii_of_at_most_128_bytes() {
    assert!("~ x".parse::<PeerId>().is_ok());
    assert_eq!("é".parse::<PeerId>(), Err(PeerIdError::NotPrintableAscii));
    assert_eq!("x".repeat(129).parse::<PeerId>(), Err(PeerIdError::TooLong { bytes: 129 }));
}

#[test]
fn w027_a_request_id_has_1_to_128_bytes() {
    assert!("x".repeat(128).parse::<RequestId>().is_ok());
    assert_eq!("".parse::<RequestId>(), Err(RequestIdError { bytes: 0 }));
    assert_eq!("x".repeat(129).parse::<RequestId>(), Err(RequestIdError { bytes: 129 }));
}
