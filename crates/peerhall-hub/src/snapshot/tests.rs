use peerhall_proto::frame::server::ServerFrame;
use peerhall_proto::limits::MAX_OUTBOUND_BYTES;
use serde_json::value::RawValue;
use std::sync::Arc;

use super::*;

fn channel() -> ChannelName {
    "room".parse().unwrap()
}

fn ids(count: usize, bytes: usize) -> Vec<PeerId> {
    (0..count).map(|number| format!("{number:0>bytes$}").parse().unwrap()).collect()
}

fn metadata(bytes: usize) -> Metadata {
    Arc::new(RawValue::from_string(format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes - 8))).unwrap())
}

fn joined<'p>(peers: &'p [(PeerId, Option<Metadata>)], max: usize) -> EntryList {
    let listed = |(peer, metadata): &'p (PeerId, Option<Metadata>)| Listed {
        peer,
        metadata: metadata.as_ref(),
        dropped: false,
    };
    EntryList::new(List::Joined, peers.iter().map(listed), max)
}

/// For each frame, its ids and whether they came with metadata; and the length of the longest.
fn read(frames: &[Encoded]) -> (Vec<Vec<(String, bool)>>, usize) {
    let listed = frames.iter().map(|frame| {
        let decoded = ServerFrame::decode(frame.as_str()).unwrap();
        let ServerFrame::Presence(presence) = decoded else { panic!("no presence: {decoded:?}") };
        assert!(presence.left.is_empty());
        let entry = |entry: &PresenceEntry<'_>| (entry.peer_id.to_string(), entry.metadata.is_some());
        presence.joined.iter().map(entry).collect()
    });
    (listed.collect(), frames.iter().map(|frame| frame.as_str().len()).max().unwrap_or_default())
}

#[test]
fn w087_2000_peers_with_1_kb_each_are_one_frame_with_all_ids() {
    let peers: Vec<_> = ids(2_000, 36).into_iter().map(|peer| (peer, Some(metadata(1_024)))).collect();
    let frames = joined(&peers, MAX_OUTBOUND_BYTES).frames_for(&peers[77].0, &channel());
    let (lists, longest) = read(&frames);
    assert_eq!(lists.len(), 1);
    assert!(longest <= MAX_OUTBOUND_BYTES, "{longest} bytes");
    let listed: std::collections::HashSet<&String> = lists[0].iter().map(|(peer, _)| peer).collect();
    assert_eq!(listed.len(), 1_999, "all but the receiver, once each");
    assert!(!listed.contains(&peers[77].0.to_string()));
    let with_metadata = lists[0].iter().filter(|(_, has)| *has).count();
    assert!((800..1_000).contains(&with_metadata), "{with_metadata} keep theirs: no more than needed is cut");
}

#[test]
fn w087_metadata_is_cut_from_the_largest_entries_first() {
    let peers: Vec<_> = ids(100, 10)
        .into_iter()
        .enumerate()
        .map(|(at, peer)| (peer, Some(metadata(if at % 2 == 0 { 100 } else { 1_000 }))))
        .collect();
    let (lists, _) = read(&joined(&peers, 20_000).frames(&channel()));
    let kept = |parity: usize| {
        let of = |(peer, has): &&(String, bool)| *has && peer.parse::<usize>().unwrap() % 2 == parity;
        lists[0].iter().filter(of).count()
    };
    assert_eq!(kept(0), 50, "all of the small ones");
    assert!((1..20).contains(&kept(1)), "{} of the large ones", kept(1));
}

#[test]
fn w087_ids_beyond_1_000_000_bytes_follow_in_further_frames() {
    let peers: Vec<_> = ids(20_000, 128).into_iter().map(|peer| (peer, Some(metadata(64)))).collect();
    let me = &peers[19_999].0;
    let frames = joined(&peers, MAX_OUTBOUND_BYTES).frames_for(me, &channel());
    let (lists, longest) = read(&frames);
    assert!(longest <= MAX_OUTBOUND_BYTES && longest > MAX_OUTBOUND_BYTES * 9 / 10, "{longest} bytes");
    assert_eq!(lists.len(), 3, "20,000 entries of about 143 bytes");
    let listed: std::collections::HashSet<&String> = lists.iter().flatten().map(|(peer, _)| peer).collect();
    assert_eq!((listed.len(), lists.iter().map(Vec::len).sum::<usize>()), (19_999, 19_999));
    assert!(!listed.contains(&me.to_string()));
}

#[test]
fn the_longest_channel_name_fits_into_the_envelope() {
    let worst: ChannelName = "\\".repeat(256).parse().unwrap();
    let peers: Vec<_> = ids(20_000, 128).into_iter().map(|peer| (peer, None)).collect();
    let (lists, longest) = read(&joined(&peers, MAX_OUTBOUND_BYTES).frames(&worst));
    assert!(longest <= MAX_OUTBOUND_BYTES, "{longest} bytes");
    assert_eq!(lists.iter().map(Vec::len).sum::<usize>(), 20_000);
}

#[test]
fn a_small_list_keeps_its_metadata_and_skips_the_receiver_wherever_it_stands() {
    let peers: Vec<_> = ids(3, 1).into_iter().map(|peer| (peer, Some(metadata(20)))).collect();
    let list = joined(&peers, MAX_OUTBOUND_BYTES);
    for (receiver, (peer, _)) in peers.iter().enumerate() {
        let (lists, _) = read(&list.frames_for(peer, &channel()));
        let expected: Vec<(String, bool)> =
            (0..3).filter(|other| *other != receiver).map(|other| (other.to_string(), true)).collect();
        assert_eq!(lists, [expected]);
    }
    let (lists, _) = read(&list.frames_for(&"stranger".parse().unwrap(), &channel()));
    assert_eq!(lists[0].len(), 3);
}

#[test]
fn w070_a_snapshot_is_a_frame_also_when_nobody_is_in_it() {
    let peers: Vec<_> = ids(1, 3).into_iter().map(|peer| (peer, None)).collect();
    let empty = r#"{"type":"presence","channel":"room","joined":[],"left":[]}"#;
    for list in [joined(&peers, MAX_OUTBOUND_BYTES), joined(&[], MAX_OUTBOUND_BYTES)] {
        let frames = list.frames_for(&peers[0].0, &channel());
        assert_eq!(frames.iter().map(Encoded::as_str).collect::<Vec<_>>(), [empty]);
    }
}

#[test]
fn a_lost_peer_is_marked_in_the_list_of_those_who_left() {
    let peers = ids(2, 1);
    let listed = peers.iter().map(|peer| Listed { peer, metadata: None, dropped: peer.as_str() == "1" });
    let frames = EntryList::new(List::Left, listed, MAX_OUTBOUND_BYTES).frames(&channel());
    let expected = concat!(
        r#"{"type":"presence","channel":"room","joined":[],"#,
        r#""left":[{"peerId":"0"},{"peerId":"1","dropped":true}]}"#
    );
    assert_eq!(frames.iter().map(Encoded::as_str).collect::<Vec<_>>(), [expected]);
}
