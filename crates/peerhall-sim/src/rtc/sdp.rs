//! Session descriptions, as far as pretend connections have something to describe.

use std::fmt::Write as _;

/// A description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sdp {
    pub(crate) fingerprint: String,
    pub(crate) ufrag: String,
    pub(crate) sections: Vec<Section>,
    /// The description carries candidates itself.
    pub(crate) has_candidates: bool,
}

/// What a media section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Audio,
    Video,
    Data,
}

/// A media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) mid: String,
    pub(crate) kind: Kind,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
    /// Stream and track of the sender.
    pub(crate) msid: Option<(String, String)>,
}

impl Sdp {
    /// The text, with the lines that browsers write.
    pub(crate) fn text(&self, session: u64, version: u64) -> String {
        let mut text = format!("v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        let mids: Vec<&str> = self.sections.iter().map(|section| &*section.mid).collect();
        let _ = write!(text, "a=group:BUNDLE {}\r\na=msid-semantic: WMS *\r\n", mids.join(" "));
        for section in &self.sections {
            let line = match section.kind {
                Kind::Audio => "m=audio 9 UDP/TLS/RTP/SAVPF 111",
                Kind::Video => "m=video 9 UDP/TLS/RTP/SAVPF 96",
                Kind::Data => "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            };
            let ufrag = &self.ufrag;
            let _ = write!(
                text,
                "{line}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:pwd-{ufrag}\r\n\
                 a=fingerprint:sha-256 {}\r\n",
                section.mid, self.fingerprint
            );
            if self.has_candidates {
                let _ = write!(text, "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n");
            }
            if section.kind != Kind::Data {
                let direction = match (section.sends, section.receives) {
                    (true, true) => "sendrecv",
                    (true, false) => "sendonly",
                    (false, true) => "recvonly",
                    (false, false) => "inactive",
                };
                let _ = write!(text, "a={direction}\r\n");
            }
            if let Some((stream, track)) = section.msid.as_ref().filter(|_| section.sends) {
                let _ = write!(text, "a=msid:{stream} {track}\r\n");
            }
        }
        text
    }

    /// Reads a text; `None` when a browser would not take it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut sdp = Self::default();
        let mut lines = text.lines();
        if lines.next()? != "v=0" {
            return None;
        }
        for line in lines {
            if let Some(media) = line.strip_prefix("m=") {
                let kind = match media.split(' ').next()? {
                    "audio" => Kind::Audio,
                    "video" => Kind::Video,
                    "application" => Kind::Data,
                    _ => return None,
                };
                let receives = kind == Kind::Data;
                let section = Section { mid: String::new(), kind, sends: receives, receives, msid: None };
                sdp.sections.push(section);
            } else if let Some(value) = line.strip_prefix("a=") {
                sdp.attribute(value)?;
            }
        }
        let complete = sdp.sections.iter().all(|section| !section.mid.is_empty());
        (complete && !sdp.fingerprint.is_empty() && !sdp.ufrag.is_empty()).then_some(sdp)
    }

    fn attribute(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "fingerprint" => self.fingerprint = value.strip_prefix("sha-256 ")?.to_owned(),
            "ice-ufrag" => self.ufrag = value.to_owned(),
            "candidate" => self.has_candidates = true,
            _ => {}
        }
        let Some(section) = self.sections.last_mut() else { return Some(()) };
        match name {
            "mid" => section.mid = value.to_owned(),
            "sendrecv" => (section.sends, section.receives) = (true, true),
            "sendonly" => (section.sends, section.receives) = (true, false),
            "recvonly" => (section.sends, section.receives) = (false, true),
            "inactive" => (section.sends, section.receives) = (false, false),
            "msid" => section.msid = value.split_once(' ').map(|(s, t)| (s.to_owned(), t.to_owned())),
            _ => {}
        }
        Some(())
    }

    pub(crate) fn section(&self, mid: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.mid == mid)
    }

    pub(crate) fn carries_data(&self) -> bool {
        self.sections.iter().any(|section| section.kind == Kind::Data)
    }
}
