//! Channel patterns against a reference that tries everything.
//!
//! Input: pattern, newline, another pattern, newline, name.

use peerhall_auth::pattern::{ChannelPattern, PatternSet};
use peerhall_proto::ids::ChannelName;

use crate::bytes::Bytes;

/// Tries one input.
///
/// # Panics
///
/// When a pattern reaches a name that the reference says it does not, or the other way round; when a
/// pattern is said to cover one that reaches further.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut input = Bytes(text.as_bytes());
    let (pattern, other, name) = (text_of(input.until(b'\n')), text_of(input.until(b'\n')), text_of(input.0));
    // A pattern and a name are held to the same rules; what is no name never gets here.
    assert_eq!(name.parse::<ChannelName>().is_ok(), name.parse::<ChannelPattern>().is_ok());
    let (Ok(pattern), Ok(name)) = (pattern.parse::<ChannelPattern>(), name.parse::<ChannelName>()) else {
        return;
    };
    let reached = pattern.matches(name.as_str());
    assert_eq!(reached, reference(pattern.as_str(), name.as_str()), "{pattern:?} and {name:?}");
    let Ok(other) = other.parse::<ChannelPattern>() else { return };
    if pattern.covers(&other) && other.matches(name.as_str()) {
        assert!(reached, "{pattern:?} covers {other:?}, which reaches {name:?}");
    }
    assert!(pattern.covers(&pattern), "{pattern:?} covers itself");
    let set = PatternSet::new(vec![pattern.clone(), other.clone()]).expect("two patterns are not too many");
    assert_eq!(set.matches(name.as_str()), reached || other.matches(name.as_str()));
}

fn text_of(part: &[u8]) -> &str {
    str::from_utf8(part).expect("a text cut at newlines")
}

enum Step {
    One(char),
    Run,
    AnyRun,
}

/// Section 11.1 of the wire protocol in characters: which beginnings of the name fit after each step.
fn reference(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![0_usize];
    for step in steps(pattern) {
        let mut next: Vec<usize> = Vec::new();
        for start in reached {
            match step {
                Step::One(c) => next.extend((name.get(start) == Some(&c)).then_some(start + 1)),
                Step::Run => {
                    let run = name[start..].iter().take_while(|c| **c != '/').count();
                    next.extend(start..=start + run);
                }
                Step::AnyRun => next.extend(start..=name.len()),
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    reached.contains(&name.len())
}

fn steps(pattern: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        steps.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => Step::AnyRun,
            '*' => Step::Run,
            '\\' => Step::One(chars.next_if(|next| matches!(next, '*' | '\\')).unwrap_or('\\')),
            c => Step::One(c),
        });
    }
    steps
}
