//! What is read from descriptions, and how they are changed.

use super::*;
use crate::error::BadDescription;

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:AbCd\r\na=ice-pwd:secret\r\n\
    a=fingerprint:sha-256 AA:BB\r\na=sendrecv\r\na=msid:s1 t1\r\na=msid:s2 t1\r\n\
    a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n\
    m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\na=recvonly\r\na=msid:- t2\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=max-message-size:262144\r\n";

#[test]
fn a_summary_names_the_remote_and_its_sections() {
    let summary = summary(OFFER).expect("a good offer");
    assert_eq!((summary.fingerprint.as_str(), summary.ufrag.as_str()), ("sha-256 aa:bb", "AbCd"));
    assert_eq!(summary.max_message, 262_144);
    let [audio, video, data] = &summary.sections[..] else { panic!("three sections") };
    assert_eq!((audio.kind, audio.mid.as_str()), (SectionKind::Audio, "0"));
    assert_eq!((&audio.streams[..], audio.track.as_deref()), (&["s1".into(), "s2".into()][..], Some("t1")));
    assert!(audio.direction.send && audio.direction.receive);
    assert!(!video.rejected, "port 0 inside the bundle refuses nothing");
    assert!(!video.direction.send && video.direction.receive && video.streams.is_empty());
    assert_eq!((data.kind, data.track.as_deref()), (SectionKind::Application, None));
}

#[test]
fn a_section_outside_the_bundle_with_port_0_is_refused() {
    let summary = summary(&OFFER.replace("BUNDLE 0 1 2", "BUNDLE 0 2")).expect("a good offer");
    let rejected: Vec<bool> = summary.sections.iter().map(|section| section.rejected).collect();
    assert_eq!(rejected, [false, true, false]);
}

#[test]
fn what_makes_a_description_unusable_is_named() {
    let bad = |from: &str, to: &str| summary(&OFFER.replace(from, to)).err();
    assert_eq!(summary("v=0\r\n").err(), Some(BadDescription::NoMedia));
    assert_eq!(bad("a=fingerprint", "a=print"), Some(BadDescription::NoFingerprint));
    assert_eq!(bad("a=ice-ufrag", "a=u"), Some(BadDescription::NoCredentials));
    assert_eq!(bad("a=ice-pwd", "a=p"), Some(BadDescription::NoCredentials));
    assert_eq!(bad("a=mid:1", "a=mid:0"), Some(BadDescription::Mid));
    assert_eq!(bad("a=mid:1\r\n", ""), Some(BadDescription::Mid));
    assert_eq!(bad("a=mid:1", "a=mid:audio-1"), Some(BadDescription::Mid), "the engine renames it");
    assert_eq!(bad("m=video", "m=text"), Some(BadDescription::Section));
    assert_eq!(bad("m=audio", "m=application"), Some(BadDescription::Section), "two for channels");
    let long = "x".repeat(MAX_SDP_BYTES + 1);
    assert_eq!(summary(&long).err(), Some(BadDescription::TooLong(MAX_SDP_BYTES + 1)));
    let many = format!("{OFFER}{}", "m=audio 9 X 0\r\n".repeat(MAX_SECTIONS));
    assert_eq!(summary(&many).err(), Some(BadDescription::TooManySections(MAX_SECTIONS + 3)));
}

#[test]
fn an_offer_is_narrowed_where_we_do_not_send() {
    let narrowed = narrow_offer(OFFER, |mid| mid == "1");
    assert!(narrowed.contains("a=mid:0\r\n") && narrowed.contains("a=sendonly\r\n"));
    assert!(narrowed.contains("a=recvonly\r\n"), "section 1 stays as it is");
    assert!(!narrowed.contains("a=msid:s2"), "one stream for the engine");
    assert!(!narrowed.contains("candidate"));
    let nothing = narrow_offer(OFFER, |_| false);
    assert!(nothing.contains("a=inactive\r\n") && !nothing.contains("a=recvonly"));
}

#[test]
fn our_tracks_take_the_place_of_the_engines() {
    let engine = OFFER.replace("a=msid:s2 t1\r\n", "a=ssrc:1 cname:x\r\na=ssrc:1 msid:s1 t1\r\n");
    let ours = with_tracks(&engine, |mid| {
        let streams = if mid == "0" { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() };
        (mid != "2").then(|| Msid { streams, track: format!("track{mid}") })
    });
    assert!(ours.contains("a=msid:a track0\r\na=msid:b track0\r\n"));
    assert!(ours.contains("a=msid:- track1\r\n"));
    assert!(!ours.contains("t1\r\n") && !ours.contains("t2\r\n"), "nothing of the engine's is left");
    assert!(ours.contains("a=ssrc:1 cname:x"));
    assert_eq!(ours.matches("a=msid:").count(), 3);
}

#[test]
fn candidates_are_found_and_taken_out() {
    let found: Vec<&str> = candidates(OFFER).collect();
    assert_eq!(found, ["candidate:1 1 udp 1 192.0.2.1 9 typ host"]);
    assert_eq!(candidates(&without_candidates(OFFER)).count(), 0);
}

#[test]
fn the_section_of_channels_is_called_by_its_place_outside() {
    let engine = OFFER.replace("a=mid:2", "a=mid:Xy3").replace("BUNDLE 0 1 2", "BUNDLE 0 1 Xy3");
    let alias = Alias::of_channels(&engine).expect("a section of channels");
    assert_eq!(Alias::outward(Some(&alias), engine.clone()), OFFER);
    assert_eq!(Alias::inward(Some(&alias), OFFER.to_owned()), engine);
    assert_eq!(Alias::outward(None, engine.clone()), engine);
    let taken = engine.replace("a=mid:0", "a=mid:2").replace("BUNDLE 0", "BUNDLE 2");
    let alias = Alias::of_channels(&taken).expect("a section of channels");
    let outside = Alias::outward(Some(&alias), taken);
    assert!(outside.contains("a=group:BUNDLE 2 1 3\r\n"), "2 is the name of another");
    assert_eq!(Alias::of_channels("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n"), None);
}
