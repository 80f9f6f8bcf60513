use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::control::{AskStatus, Control};
use super::*;
use crate::options::ChannelOptions;

fn array() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=most).prop_map(Bytes::from)
}

fn reason() -> impl Strategy<Value = String> {
    "\\PC{0,60}"
}

fn start() -> impl Strategy<Value = Start> {
    let kind = prop_oneof![Just(Kind::Text), Just(Kind::Json), Just(Kind::Blob), Just(Kind::Bytes)];
    let head = (any::<u32>(), kind, any::<Option<u64>>(), proptest::option::of(array().prop_map(ContentId)));
    let whole = proptest::option::of(array().prop_map(Proof));
    (head, any::<bool>(), any::<bool>(), whole, bytes(600), bytes(600)).prop_map(
        |((transfer, kind, total, content), asks_place, again, whole, info, first)| Start {
            transfer,
            kind,
            total,
            content,
            asks_place,
            again,
            whole,
            info,
            first,
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let code = any::<u8>().prop_map(Code::of);
    prop_oneof![
        start().prop_map(Frame::Start),
        (any::<u32>(), bytes(600)).prop_map(|(transfer, bytes)| Frame::Data { transfer, bytes }),
        (any::<u32>(), array()).prop_map(|(transfer, proof)| Frame::End { transfer, proof: Proof(proof) }),
        (any::<u32>(), code.clone(), reason()).prop_map(|(transfer, code, reason)| Frame::Abort {
            transfer,
            code,
            reason
        }),
        (any::<u32>(), any::<u32>()).prop_map(|(transfer, bytes)| Frame::Credit { transfer, bytes }),
        (any::<u32>(), any::<u64>(), array()).prop_map(|(transfer, bytes, proof)| Frame::Received {
            transfer,
            bytes,
            proof: Proof(proof)
        }),
        (any::<u32>(), code, reason()).prop_map(|(transfer, code, reason)| Frame::Cancel {
            transfer,
            code,
            reason
        }),
        (any::<u32>(), any::<u64>(), any::<u32>()).prop_map(|(transfer, offset, unread)| Frame::Place {
            transfer,
            offset,
            unread
        }),
    ]
}

fn options() -> impl Strategy<Value = ChannelOptions> {
    (any::<bool>(), any::<Option<u16>>(), any::<Option<u16>>(), "\\PC{0,40}").prop_map(
        |(ordered, max_retransmits, max_packet_life_time, protocol)| ChannelOptions {
            ordered,
            max_retransmits,
            max_packet_life_time,
            protocol,
        },
    )
}

fn label() -> impl Strategy<Value = Arc<str>> {
    "\\PC{1,100}".prop_map(Arc::from)
}

fn control() -> impl Strategy<Value = Control> {
    let status = prop_oneof![Just(AskStatus::Created), Just(AskStatus::Exists), Just(AskStatus::Refused)];
    prop_oneof![
        (any::<u8>(), any::<u64>()).prop_map(|(version, tag)| Control::Hello { version, tag }),
        (any::<u32>(), label(), options()).prop_map(|(nonce, label, options)| Control::Ask {
            nonce,
            label,
            options
        }),
        (any::<u32>(), status, options()).prop_map(|(nonce, status, options)| Control::Answer {
            nonce,
            status,
            options
        }),
        (any::<u16>(), label()).prop_map(|(stream, label)| Control::Closed { stream, label }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(frame in frame()) {
        prop_assert_eq!(Frame::decode(frame.encode()).unwrap(), frame);
    }

    #[test]
    fn frames_that_tell_their_length_may_be_followed_by_others(
        whole in vec((start(), array()), 0..6),
        receipts in 0..3_u32,
        last in frame(),
    ) {
        let mut frames: Vec<_> = (0..receipts)
            .map(|transfer| Frame::Received { transfer, bytes: 7, proof: Proof([9; 32]) })
            .collect();
        frames.extend(whole.into_iter().map(|(start, proof)| {
            let total = u64::try_from(start.first.len()).ok();
            Frame::Start(Start { total, whole: Some(Proof(proof)), ..start })
        }));
        prop_assert!(frames.iter().all(Frame::tells_length));
        frames.push(last);
        let mut message = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut message));
        let read: Result<Vec<_>, _> = Frame::split(message.into()).map(Frame::decode).collect();
        // A total that is not that of the first bytes is the one thing that the last one may tell wrongly.
        let lies = matches!(frames.last(), Some(Frame::Start(start))
            if start.whole.is_some() && start.total.is_some() && !frames[frames.len() - 1].tells_length());
        prop_assert!(lies || read == Ok(frames));
    }

    #[test]
    fn what_is_said_about_channels_is_read_back(control in control()) {
        prop_assert_eq!(Control::decode(control.encode()).unwrap(), control);
    }

    #[test]
    fn what_can_be_read_is_written_the_same(message in vec(any::<u8>(), 0..200), kind in 0..12_u8) {
        let mut message = message;
        message.insert(0, kind);
        let message = Bytes::from(message);
        if let Ok(frame) = Frame::decode(message.clone()) {
            prop_assert_eq!(frame.encode(), message);
        }
    }

    #[test]
    fn a_cut_frame_is_never_taken_for_a_whole_one(frame in frame(), cut in 1..40_usize) {
        let whole = frame.encode();
        let short = whole.slice(..whole.len().saturating_sub(cut));
        prop_assert_ne!(Frame::decode(short).ok(), Some(frame));
    }
}

#[test]
fn frames_look_as_the_contract_says() {
    let start = Frame::Start(Start {
        transfer: 7,
        kind: Kind::Text,
        total: Some(2),
        content: None,
        asks_place: false,
        again: false,
        whole: None,
        info: Bytes::from_static(b"{}"),
        first: Bytes::from_static(b"hi"),
    });
    assert_eq!(&start.encode()[..], b"\x01\0\0\0\x07\x01\x01\0\0\0\0\0\0\0\x02\0\x02{}hi");
    let Frame::Start(begins) = start else { panic!("it is one") };
    let whole = Frame::Start(Start { whole: Some(Proof(*b"the BLAKE3 of all, of 32 bytes..")), ..begins });
    let looks = b"\x01\0\0\0\x07\x01\x11\0\0\0\0\0\0\0\x02\0\x02{}the BLAKE3 of all, of 32 bytes..hi";
    assert_eq!(&whole.encode()[..], looks);
    assert_eq!(&Frame::Credit { transfer: 1, bytes: 258 }.encode()[..], b"\x05\0\0\0\x01\0\0\x01\x02");
    let cancel = Frame::Cancel { transfer: 1, code: Code::Application, reason: "no".to_owned() };
    assert_eq!(&cancel.encode()[..], b"\x07\0\0\0\x01\0no");
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    let reason = "ä".repeat(200);
    let frame = Frame::Abort { transfer: 1, code: Code::Application, reason };
    let Ok(Frame::Abort { reason, .. }) = Frame::decode(frame.encode()) else { panic!("not read back") };
    assert_eq!(reason, "ä".repeat(MAX_REASON_BYTES / 2));
}

#[test]
fn what_is_not_a_frame_is_refused_with_its_reason() {
    let refused = |bytes: &'static [u8]| Frame::decode(Bytes::from_static(bytes)).unwrap_err();
    assert_eq!(refused(b""), FrameError::Short);
    assert_eq!(refused(b"\x09\0\0\0\x01"), FrameError::UnknownKind(9));
    assert_eq!(refused(b"\x02\0\0\0"), FrameError::Short);
    assert_eq!(refused(b"\x05\0\0\0\x01\0\0\x01\x02\x03"), FrameError::Long);
    assert_eq!(refused(b"\x04\0\0\0\x01\0\xff"), FrameError::NotText);
    assert_eq!(refused(b"\x01\0\0\0\x07\x09\x01\0\0\0\0\0\0\0\x02\0\0"), FrameError::UnknownValue(9));
    assert_eq!(refused(b"\x01\0\0\0\x07\x01\x20\0\0\0\0\0\0\0\0\0\0"), FrameError::UnknownValue(32));
    assert_eq!(refused(b"\x01\0\0\0\x07\x01\0\0\0\0\0\0\0\0\x02\0\0"), FrameError::Long, "a total of nobody");
    let large = Bytes::from(vec![2; MAX_MESSAGE_BYTES + 1]);
    assert_eq!(Frame::decode(large).unwrap_err(), FrameError::Long);
}
