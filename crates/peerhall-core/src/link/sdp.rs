//! The few lines of a session description that matter here (RFC 8866; RFC 8829).

/// What a remote description says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Sdp {
    /// `a=fingerprint` lines: who is at the other end of DTLS.
    fingerprints: Vec<String>,
    /// `a=ice-ufrag` lines: the generation of ICE.
    ufrags: Vec<String>,
    /// `a=msid` lines with the `a=mid` of their section.
    tracks: Vec<Msid>,
    /// Whether there is an `a=ice-options` line with `trickle`.
    trickles: bool,
    /// Whether there is an `a=end-of-candidates` line.
    complete: bool,
    /// Whether there is an `a=candidate` line.
    candidates: bool,
}

/// A track as its sender names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Msid {
    mid: Option<String>,
    track: String,
    /// What stands behind `m=`.
    kind: String,
    /// Whether the section says that it is sent.
    sends: bool,
}

impl Sdp {
    pub(crate) fn read(text: &str) -> Self {
        let mut sdp = Self::default();
        let mut section = Section::of("");
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("m=") {
                sdp.tracks.extend(std::mem::replace(&mut section, Section::of(value)).tracks());
            } else if let Some(value) = line.strip_prefix("a=mid:") {
                section.mid = Some(value.trim_ascii().to_owned());
            } else if let Some(value) = line.strip_prefix("a=fingerprint:") {
                insert(&mut sdp.fingerprints, value.trim_ascii().to_ascii_lowercase());
            } else if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                insert(&mut sdp.ufrags, value.trim_ascii().to_owned());
            } else if let Some(value) = line.strip_prefix("a=msid:") {
                section.ids.extend(value.split_ascii_whitespace().nth(1).map(str::to_owned));
            } else if let Some(options) = line.strip_prefix("a=ice-options:") {
                sdp.trickles |= options.split_ascii_whitespace().any(|option| option == "trickle");
            } else if line.starts_with("a=candidate:") {
                sdp.candidates = true;
            } else {
                match line.trim_ascii_end() {
                    "a=recvonly" | "a=inactive" => section.sends = false,
                    "a=end-of-candidates" => sdp.complete = true,
                    _ => {}
                }
            }
        }
        sdp.tracks.extend(section.tracks());
        sdp
    }

    /// Whether it names all candidates that there are because its sender gathers before it speaks
    /// (RFC 8838 section 8.2; RFC 8840 section 4.1.1).
    pub(crate) fn is_gathered(&self) -> bool {
        self.complete && !self.trickles
    }

    /// Whether it names candidates.
    pub(crate) fn has_candidates(&self) -> bool {
        self.candidates
    }

    /// Whether something is sent by it.
    pub(crate) fn sends(&self) -> bool {
        self.tracks.iter().any(|msid| msid.sends)
    }

    /// The sender's id of the track in a media section.
    pub(crate) fn track_of(&self, mid: &str) -> Option<&str> {
        self.tracks.iter().find(|msid| msid.mid.as_deref() == Some(mid)).map(|msid| &*msid.track)
    }

    /// Media sections with a track that is sent, with its kind and the sender's id, in their order.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let sent = self.tracks.iter().filter(|msid| msid.sends);
        sent.filter_map(|msid| Some((msid.mid.as_deref()?, &*msid.kind, &*msid.track)))
    }

    /// Whether the sender names a track of this id.
    pub(crate) fn names_track(&self, id: &str) -> bool {
        self.tracks.iter().any(|msid| msid.track == id)
    }

    /// Whether both belong to one generation of ICE.
    pub(crate) fn shares_ufrag_with(&self, other: &Self) -> bool {
        self.ufrags.iter().any(|ufrag| other.has_ufrag(ufrag))
    }

    pub(crate) fn has_ufrag(&self, ufrag: &str) -> bool {
        self.ufrags.iter().any(|known| known == ufrag)
    }

    /// Whether somebody else is at the other end than in `earlier`: no fingerprint is the same.
    pub(crate) fn is_other_end_than(&self, earlier: &Self) -> bool {
        !self.fingerprints.is_empty()
            && !earlier.fingerprints.is_empty()
            && !self.fingerprints.iter().any(|print| earlier.fingerprints.contains(print))
    }
}

/// A media section that is being read: `a=msid` may stand before its `a=mid`.
struct Section {
    kind: String,
    mid: Option<String>,
    ids: Vec<String>,
    sends: bool,
}

impl Section {
    fn of(line: &str) -> Self {
        let kind = line.split(' ').next().unwrap_or_default().to_owned();
        Self { kind, mid: None, ids: Vec::new(), sends: true }
    }

    fn tracks(self) -> impl Iterator<Item = Msid> {
        let Self { kind, mid, ids, sends } = self;
        ids.into_iter().map(move |track| Msid { mid: mid.clone(), track, kind: kind.clone(), sends })
    }
}

fn insert(set: &mut Vec<String>, value: String) {
    if !set.contains(&value) {
        set.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 9 X\r\na=ice-ufrag:u1\r\na=msid:s1 t1\r\na=mid:0\r\n\
                       m=video 9 X\r\na=mid:1\r\na=msid:- t2\r\nm=application 9 X\r\na=mid:2\r\n";

    #[test]
    fn the_senders_track_ids_are_found_by_media_section() {
        let sdp = Sdp::read(SDP);
        assert_eq!(sdp.track_of("0"), Some("t1"));
        assert_eq!(sdp.track_of("1"), Some("t2"));
        assert_eq!(sdp.track_of("2"), None);
        assert!(sdp.names_track("t2") && !sdp.names_track("s1"));
        assert!(sdp.has_ufrag("u1"));
    }

    #[test]
    fn only_sections_that_send_have_a_track_to_look_for() {
        let sdp = Sdp::read(
            "m=audio 9 X\r\na=mid:0\r\na=msid:s t1\r\na=inactive\r\nm=video 9 X\r\na=sendrecv\r\na=mid:1\r\na=msid:s t2",
        );
        assert_eq!(sdp.sent().collect::<Vec<_>>(), [("1", "video", "t2")]);
    }

    #[test]
    fn a_description_is_gathered_when_it_ends_its_candidates_and_more_do_not_trickle_in() {
        assert!(!Sdp::read(SDP).is_gathered());
        assert!(Sdp::read(&format!("{SDP}a=end-of-candidates\r\n")).is_gathered());
        let firefox = format!("a=ice-options:ice2 trickle\r\n{SDP}a=end-of-candidates\r\n");
        assert!(!Sdp::read(&firefox).is_gathered());
    }

    #[test]
    fn another_fingerprint_is_another_end() {
        let one = Sdp::read(SDP);
        let same = Sdp::read("a=fingerprint:SHA-256 aa:bb");
        let other = Sdp::read("a=fingerprint:sha-256 CC:DD");
        assert!(!same.is_other_end_than(&one));
        assert!(other.is_other_end_than(&one));
        assert!(!other.is_other_end_than(&Sdp::read("")));
    }

    #[test]
    fn nonsense_is_read_as_nothing() {
        for text in ["", "a=mid:", "a=msid:", "a=msid:x", "m=\nm=\n", "\u{0}\r\r\n"] {
            let sdp = Sdp::read(text);
            assert!(sdp.tracks.is_empty() && sdp.fingerprints.is_empty(), "{text:?}");
        }
    }
}
