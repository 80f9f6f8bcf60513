//! What a description says, read without changing anything.

use std::collections::HashSet;
use std::fmt;

use super::{MAX_SDP_BYTES, MAX_SECTIONS};
use crate::error::BadDescription;

/// What we need to know of a description.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Fingerprint of the certificate, in lower case.
    pub(crate) fingerprint: String,
    /// ICE user name of this generation.
    pub(crate) ufrag: String,
    /// Largest data-channel message that the side takes, in bytes.
    pub(crate) max_message: usize,
    /// Whether the side sends candidates as it finds them (RFC 8840 section 4.1.1).
    pub(crate) trickles: bool,
    /// Sections in their order.
    pub(crate) sections: Vec<MediaSection>,
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Summary({} sections)", self.sections.len())
    }
}

/// One `m=` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaSection {
    /// Its name.
    pub(crate) mid: String,
    /// What travels in it.
    pub(crate) kind: SectionKind,
    /// Which way, as the describing side sees it.
    pub(crate) direction: Direction,
    /// Whether the section is refused or retired.
    pub(crate) rejected: bool,
    /// Streams that the section's track belongs to; empty when it belongs to none.
    pub(crate) streams: Vec<String>,
    /// Id of the track as the sender signals it, where it does.
    pub(crate) track: Option<String>,
    /// Payload types and what they stand for, as `codec/clock rate` in lower case, without what repairs.
    formats: Vec<(u8, String)>,
}

impl MediaSection {
    /// Whether each codec that both sections have goes by the same payload type.
    pub(crate) fn numbers_like(&self, other: &Self) -> bool {
        let numbers = |section: &Self, codec: &str| -> Vec<u8> {
            section.formats.iter().filter(|(_, name)| name == codec).map(|(number, _)| *number).collect()
        };
        self.formats.iter().all(|(_, codec)| {
            let (ours, theirs) = (numbers(self, codec), numbers(other, codec));
            theirs.is_empty() || theirs.iter().any(|number| ours.contains(number))
        })
    }
}

/// What travels in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// Data channels.
    Application,
}

/// Which way media travels, as the describing side sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    /// The describing side sends.
    pub(crate) send: bool,
    /// The describing side wants to receive.
    pub(crate) receive: bool,
}

/// Reads a description.
///
/// # Errors
///
/// The first thing that makes it unusable, whoever it comes from.
pub(crate) fn summary(sdp: &str) -> Result<Summary, BadDescription> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(BadDescription::TooLong(sdp.len()));
    }
    let mut parts = sections(sdp);
    let session = parts.next().unwrap_or_default();
    let media: Vec<&str> = parts.collect();
    if media.is_empty() {
        return Err(BadDescription::NoMedia);
    }
    if media.len() > MAX_SECTIONS {
        return Err(BadDescription::TooManySections(media.len()));
    }
    // Session level or any section: with everything in one bundle they are all the same.
    let anywhere =
        |name| attribute(session, name).or_else(|| media.iter().find_map(|part| attribute(part, name)));
    let fingerprint = anywhere("fingerprint").ok_or(BadDescription::NoFingerprint)?;
    let ufrag = anywhere("ice-ufrag").ok_or(BadDescription::NoCredentials)?;
    if anywhere("ice-pwd").is_none() {
        return Err(BadDescription::NoCredentials);
    }
    let bundle = bundle(session);
    let sections: Vec<_> = media.iter().map(|part| section(part, &bundle)).collect::<Result<_, _>>()?;
    let mut names = HashSet::new();
    if !sections.iter().all(|section| names.insert(section.mid.as_str())) {
        return Err(BadDescription::Mid);
    }
    if sections.iter().filter(|section| section.kind == SectionKind::Application).count() > 1 {
        return Err(BadDescription::Section);
    }
    // RFC 8841 section 6.1: 0 is without limit, and without a word it is 65,536.
    let max_message = match anywhere("max-message-size").map(str::parse) {
        Some(Ok(0)) => usize::MAX,
        Some(Ok(bytes)) => bytes,
        Some(Err(_)) | None => 65_536,
    };
    let options = |part| attributes(part, "ice-options").flat_map(str::split_whitespace);
    let trickles =
        std::iter::once(session).chain(media.iter().copied()).flat_map(options).any(|o| o == "trickle");
    Ok(Summary {
        max_message,
        trickles,
        fingerprint: fingerprint.to_ascii_lowercase(),
        ufrag: ufrag.to_owned(),
        sections,
    })
}

/// The text in pieces: what belongs to the session first, then one piece for each `m=` section.
pub(super) fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let starts = sdp
        .match_indices("m=")
        .map(|(at, _)| at)
        .filter(|&at| at == 0 || sdp.get(..at).is_some_and(|before| before.ends_with('\n')));
    let mut cuts: Vec<usize> = vec![0];
    cuts.extend(starts);
    cuts.push(sdp.len());
    let mut pieces = Vec::with_capacity(cuts.len());
    for pair in cuts.windows(2) {
        if let &[from, to] = pair {
            pieces.push(sdp.get(from..to).unwrap_or_default());
        }
    }
    pieces.into_iter()
}

/// Names of the sections, in their order.
pub(crate) fn names(sdp: &str) -> impl Iterator<Item = &str> {
    sections(sdp).skip(1).map(|part| attribute(part, "mid").unwrap_or_default())
}

/// Value of the first `a=name:value` line.
pub(super) fn attribute<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    attributes(part, name).next()
}

/// Values of all `a=name:value` lines.
pub(super) fn attributes<'a>(part: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    part.lines()
        .filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

fn bundle(session: &str) -> Vec<&str> {
    attributes(session, "group")
        .filter_map(|group| group.strip_prefix("BUNDLE"))
        .flat_map(str::split_whitespace)
        .collect()
}

fn section(part: &str, bundle: &[&str]) -> Result<MediaSection, BadDescription> {
    let mut line = part.lines().next().unwrap_or_default().trim_start_matches("m=").split(' ');
    let kind = match line.next() {
        Some("audio") => SectionKind::Audio,
        Some("video") => SectionKind::Video,
        Some("application") => SectionKind::Application,
        _ => return Err(BadDescription::Section),
    };
    let mut names = attributes(part, "mid");
    let (Some(mid), None) = (names.next(), names.next()) else { return Err(BadDescription::Mid) };
    // The engine keeps 16 bytes and these characters of a name; another would come back changed.
    let plain = mid.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if mid.is_empty() || mid.len() > 16 || !plain {
        return Err(BadDescription::Mid);
    }
    // Port 0 refuses a section, except inside a bundle, where it only says who owns the transport.
    let rejected = line.next() == Some("0") && !bundle.contains(&mid);
    let msids: Vec<(&str, Option<&str>)> = attributes(part, "msid")
        .map(|value| value.split_once(' ').map_or((value, None), |(s, t)| (s, Some(t.trim()))))
        .collect();
    let streams = msids.iter().map(|(stream, _)| *stream).filter(|stream| *stream != "-").map(str::to_owned);
    Ok(MediaSection {
        mid: mid.to_owned(),
        kind,
        direction: direction(part),
        rejected,
        streams: streams.collect(),
        track: msids.iter().find_map(|(_, track)| *track).map(str::to_owned),
        formats: attributes(part, "rtpmap").filter_map(format).collect(),
    })
}

/// Formats of RFC 4588, RFC 2198 and RFC 5109, which go with a codec or with all.
const REPAIRS: [&str; 3] = ["rtx/", "red/", "ulpfec/"];

/// Payload type and name of an `rtpmap` attribute (RFC 8866 section 6.6).
fn format(map: &str) -> Option<(u8, String)> {
    let (number, name) = map.split_once(' ')?;
    let name = name.to_ascii_lowercase();
    let repairs = REPAIRS.iter().any(|prefix| name.starts_with(prefix));
    Some((number.parse().ok()?, name)).filter(|_| !repairs)
}

fn direction(part: &str) -> Direction {
    let said = part.lines().find_map(|line| match line.trim_end() {
        "a=sendrecv" => Some((true, true)),
        "a=sendonly" => Some((true, false)),
        "a=recvonly" => Some((false, true)),
        "a=inactive" => Some((false, false)),
        _ => None,
    });
    // RFC 8866 section 6.7: without a word it is both.
    let (send, receive) = said.unwrap_or((true, true));
    Direction { send, receive }
}
