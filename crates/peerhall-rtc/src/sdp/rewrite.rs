//! Descriptions changed where the engine says less than we know.

use super::read::{attribute, sections};

/// What a section says about its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Msid {
    /// Streams that the track belongs to; none is said as `-`.
    pub(crate) streams: Vec<String>,
    /// Id of the track.
    pub(crate) track: String,
}

/// The remote's offer with each section that we do not want to send in offering less, so that the
/// engine's answer, which mirrors the offer, promises no track that does not exist. Of several
/// `msid` lines only the first stays, which is all that the engine reads, and no candidates.
pub(crate) fn narrow_offer(offer: &str, mut sends: impl FnMut(&str) -> bool) -> String {
    edit_sections(offer, |part, out| {
        let wanted = attribute(part, "mid").is_some_and(&mut sends);
        let mut named = false;
        for line in part.lines() {
            let line = match line {
                "a=sendrecv" if !wanted => "a=sendonly",
                "a=recvonly" if !wanted => "a=inactive",
                msid if msid.starts_with("a=msid:") && std::mem::replace(&mut named, true) => {
                    continue;
                }
                other => other,
            };
            push_kept(out, line);
        }
    })
}

/// A description of the remote without its candidates, which are taken up one by one so that a bad
/// one does not spoil the description.
pub(crate) fn without_candidates(sdp: &str) -> String {
    let mut out = String::with_capacity(sdp.len());
    sdp.lines().for_each(|line| push_kept(&mut out, line));
    out
}

/// The candidates in a description, as the lines that travel alone.
pub(crate) fn candidates(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=")).filter(|l| l.starts_with("candidate:"))
}

/// Our description with the tracks that `track` names for each section, or none.
pub(crate) fn with_tracks(sdp: &str, mut track: impl FnMut(&str) -> Option<Msid>) -> String {
    edit_sections(sdp, |part, out| {
        let msid = attribute(part, "mid").and_then(&mut track);
        for line in part.lines() {
            let about_track =
                line.starts_with("a=msid:") || (line.starts_with("a=ssrc:") && line.contains(" msid:"));
            if !about_track {
                push(out, line);
            }
            if let (Some(msid), true) = (&msid, line.starts_with("a=mid:")) {
                push_msid(out, msid);
            }
        }
    })
}

fn edit_sections(sdp: &str, mut edit: impl FnMut(&str, &mut String)) -> String {
    let mut out = String::with_capacity(sdp.len());
    for (index, part) in sections(sdp).enumerate() {
        if index == 0 {
            part.lines().for_each(|line| push(&mut out, line));
        } else {
            edit(part, &mut out);
        }
    }
    out
}

fn push_msid(out: &mut String, msid: &Msid) {
    if msid.streams.is_empty() {
        push(out, &format!("a=msid:- {}", msid.track));
    }
    for stream in &msid.streams {
        push(out, &format!("a=msid:{stream} {}", msid.track));
    }
}

/// Adds a line of the remote, unless it is about candidates.
fn push_kept(out: &mut String, line: &str) {
    if !line.starts_with("a=candidate:") && !line.starts_with("a=end-of-candidates") {
        push(out, line);
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

/// A section that has one name in the engine and another one in every description that travels.
///
/// Chromium keeps the name of its section for data channels when it takes an offer back, and can then take part
/// in no session that calls that section otherwise. The engine makes names up; a name that counts sections, as
/// browsers give it, is mostly the one that the other side has given, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    inside: String,
    outside: String,
}

impl Alias {
    /// For the section of data channels in an offer of the engine.
    pub(crate) fn of_channels(offer: &str) -> Option<Self> {
        let names: Vec<_> = sections(offer).skip(1).map(|part| attribute(part, "mid")).collect();
        let place = sections(offer).skip(1).position(|part| part.starts_with("m=application"))?;
        let inside = (*names.get(place)?)?.to_owned();
        let free = |name: &String| !names.contains(&Some(name));
        let outside = (place..).map(|number| number.to_string()).find(free)?;
        Some(Self { inside, outside })
    }

    /// A description of the engine as it travels.
    pub(crate) fn outward(alias: Option<&Self>, sdp: String) -> String {
        match alias {
            Some(Self { inside, outside }) => renamed(&sdp, inside, outside),
            None => sdp,
        }
    }

    /// A description that has travelled as the engine takes it.
    pub(crate) fn inward(alias: Option<&Self>, sdp: String) -> String {
        match alias {
            Some(Self { inside, outside }) => renamed(&sdp, outside, inside),
            None => sdp,
        }
    }
}

fn renamed(sdp: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        if line.starts_with("a=group:BUNDLE") {
            let names = line.split_whitespace().map(|name| if name == from { to } else { name });
            push(&mut out, &names.collect::<Vec<_>>().join(" "));
        } else if line.strip_prefix("a=mid:").map(str::trim) == Some(from) {
            push(&mut out, &format!("a=mid:{to}"));
        } else {
            push(&mut out, line);
        }
    }
    out
}
