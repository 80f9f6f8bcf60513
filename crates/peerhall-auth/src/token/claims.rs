//! The claims of a token whose signature is good (authentication, sections 4.2 and 6, step 9).

use peerhall_proto::ids::PeerId;
use peerhall_proto::limits::{MAX_METADATA_BYTES, MAX_PATTERNS, MAX_PEER_METADATA_BYTES, MAX_PERMISSIONS};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{MAX_UNIX_SECS, Malformed};
use crate::action::{Action, Actions};
use crate::grants::TokenScope;
use crate::json::compact_object;
use crate::pattern::PatternSet;

/// Milliseconds by which `nbf`, and the end of a capped life, may lie ahead (decision D13).
const CLOCK_SKEW_MS: i64 = 60_000;

/// Milliseconds before `exp` at which a token counts as expired (authentication, section 5).
const EARLY_MS: i64 = 250;

/// What a good token says.
pub(crate) struct Claims {
    pub(crate) peer: PeerId,
    /// Unix milliseconds, fractions of a second included.
    pub(crate) expires_at_ms: i64,
    pub(crate) scope: TokenScope,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) peer_metadata: Option<Box<RawValue>>,
}

/// Why a payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Expired,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Claims {
    /// Reads a payload at `now_ms`, in Unix milliseconds. `max_lifetime_secs` caps what is left of the
    /// token's life.
    pub(crate) fn read(payload: &str, now_ms: i64, max_lifetime_secs: Option<u64>) -> Result<Self, Refused> {
        let raw: RawClaims<'_> = serde_json::from_str(payload).map_err(|_| Refused::Malformed)?;
        let expires_at_ms = unix_ms(raw.exp.ok_or(Refused::Malformed)?)?;
        let rest_ms = expires_at_ms.saturating_sub(now_ms);
        if rest_ms <= EARLY_MS {
            return Err(Refused::Expired);
        }
        if max_lifetime_secs.is_some_and(|cap| rest_ms > cap_ms(cap)) {
            return Err(Refused::Malformed);
        }
        if let Some(not_before) = raw.nbf
            && unix_ms(not_before)?.saturating_sub(now_ms) > CLOCK_SKEW_MS
        {
            return Err(Refused::Malformed);
        }
        Ok(Self {
            peer: parse(raw.sub.ok_or(Refused::Malformed)?)?,
            expires_at_ms,
            scope: TokenScope {
                patterns: raw.channels.map(patterns).transpose()?,
                actions: raw.permissions.map_or(Ok(Actions::ALL), actions)?,
            },
            metadata: raw.metadata.map(|value| object(value, MAX_METADATA_BYTES)).transpose()?,
            peer_metadata: raw
                .peer_metadata
                .map(|value| object(value, MAX_PEER_METADATA_BYTES))
                .transpose()?,
        })
    }
}

/// The claims that are read, still as text, so that they can be judged in the order of section 6.
/// `null` counts as absent; a double is an error of the derived reader.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawClaims<'a> {
    #[serde(borrow)]
    exp: Option<&'a RawValue>,
    #[serde(borrow)]
    nbf: Option<&'a RawValue>,
    #[serde(borrow)]
    sub: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    #[serde(borrow)]
    permissions: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    peer_metadata: Option<&'a RawValue>,
}

fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Malformed> {
    serde_json::from_str(value.get()).map_err(|_| Malformed)
}

/// A number of Unix seconds as milliseconds, rounded down.
fn unix_ms(value: &RawValue) -> Result<i64, Malformed> {
    let secs: f64 = parse(value)?;
    if secs > MAX_UNIX_SECS as f64 {
        return Err(Malformed);
    }
    // Up to the cap the product fits; far below zero the cast stops at the smallest number.
    Ok((secs * 1_000.0).floor() as i64)
}

fn cap_ms(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000).saturating_add(CLOCK_SKEW_MS)
}

fn patterns(value: &RawValue) -> Result<PatternSet, Malformed> {
    let list: Vec<&RawValue> = parse(value)?;
    if list.len() > MAX_PATTERNS {
        return Err(Malformed);
    }
    let patterns = list.into_iter().map(parse).collect::<Result<_, _>>()?;
    PatternSet::new(patterns).map_err(|_| Malformed)
}

/// Words that are no action have no effect (authentication, section 4.2).
fn actions(value: &RawValue) -> Result<Actions, Malformed> {
    let words: Vec<String> = parse(value)?;
    if words.len() > MAX_PERMISSIONS {
        return Err(Malformed);
    }
    Ok(words.iter().filter_map(|word| word.parse::<Action>().ok()).collect())
}

fn object(value: &RawValue, cap: usize) -> Result<Box<RawValue>, Malformed> {
    compact_object(value, cap).map_err(|_| Malformed)
}
