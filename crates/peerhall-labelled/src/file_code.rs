//! The code that leads who takes files to who sends them, and by which both prove to each other that they have it.

use std::fmt;

use blake3::Hasher;

use crate::frame::Proof;

/// Digits of a code: those of Crockford's base 32, without letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Digits of a code, of 5 bits each: 80 bits are not guessed, not even by who sees the channel.
const LENGTH: usize = 16;

/// Digits between two hyphens.
const GROUP: usize = 4;

/// Digits of the channel's name that are made from the code.
const CHANNEL_DIGITS: usize = 20;

/// Names what is made from a code, so that none of it tells anything of the other (BLAKE3, section 2.3).
const FOR_CHANNEL: &str = "peerhall.dev 2026-11-21 files: name of the channel";
const FOR_PROOF: &str = "peerhall.dev 2026-11-21 files: proof of the connection";

/// What only the sender of files and who got the code from the sender know. The server sees the channel's name, from
/// which it cannot be computed.
#[derive(Clone, PartialEq, Eq)]
pub struct FileCode([u8; LENGTH]);

/// Who proves to have the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Who sends files.
    Sender,
    /// Who takes them.
    Receiver,
}

impl fmt::Debug for FileCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileCode(<redacted>)")
    }
}

impl FileCode {
    /// The code of these bytes, which are random and nobody else's; five bits of each count.
    #[must_use]
    pub fn from_random(bytes: [u8; LENGTH]) -> Self {
        Self(bytes.map(digit))
    }

    /// Reads one as people write it: in any letter case, with or without hyphens and blanks, `O` for 0, `I` and `L` for
    /// 1. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = [0; LENGTH];
        let mut places = code.iter_mut();
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let read = match byte.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            if !DIGITS.contains(&read) {
                return None;
            }
            *places.next()? = read;
        }
        places.next().is_none().then_some(Self(code))
    }

    /// In groups, to be said and typed: `7k3m-9qxt-2h5w-8vbn`.
    #[must_use]
    pub fn spoken(&self) -> String {
        let mut text = String::new();
        for (place, digit) in self.0.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*digit));
        }
        text
    }

    /// Name of the channel in which sender and receivers meet.
    #[must_use]
    pub fn channel(&self) -> String {
        let mut name = "send-".to_owned();
        for byte in self.derive(FOR_CHANNEL).iter().take(CHANNEL_DIGITS) {
            name.push(char::from(digit(*byte)));
        }
        name
    }

    /// Proves to the other end of a connection that this one has the code, and that nobody sits between the two: the
    /// SHA-256 fingerprints of both certificates are part of it, the speaker's `own` first.
    #[must_use]
    pub fn proof(&self, speaker: Speaker, own: &[u8; 32], others: &[u8; 32]) -> String {
        let mut hasher = Hasher::new_keyed(&self.derive(FOR_PROOF));
        hasher.update(match speaker {
            Speaker::Sender => b"S",
            Speaker::Receiver => b"R",
        });
        hasher.update(own).update(others);
        Proof(*hasher.finalize().as_bytes()).to_string()
    }

    /// Whether the other end of a connection, the `speaker`, has given its proof; `own` is this end's fingerprint. The
    /// comparison takes the same time wherever the first difference is.
    #[must_use]
    pub fn proves(&self, speaker: Speaker, own: &[u8; 32], others: &[u8; 32], given: &str) -> bool {
        let expected = self.proof(speaker, others, own);
        let pairs = expected.bytes().zip(given.bytes());
        expected.len() == given.len() && pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        *Hasher::new_derive_key(purpose).update(&self.0).finalize().as_bytes()
    }
}

/// Five bits of a byte.
fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte % 32)).copied().unwrap_or_default()
}

/// What stands before a fingerprint, and before the bytes of one that is known here, as browsers write it.
const NAME: &[u8] = b"a=fingerprint:";
const HASH: &[u8] = b"sha-256 ";

/// The SHA-256 fingerprint of the certificate that a session description names (RFC 8122, section 5). `None` unless
/// all that it names is one and the same: which of several a connection was made with, it does not say.
#[must_use]
pub fn certificate_of(description: &str) -> Option<[u8; 32]> {
    let mut found = None;
    for line in description.as_bytes().split(|byte| *byte == b'\n') {
        let Some(value) = line.strip_prefix(NAME) else { continue };
        if found.is_some_and(|before| before != value) {
            return None;
        }
        found = Some(value);
    }
    let mut print = [0; 32];
    let mut count = 0;
    for letter in found?.strip_prefix(HASH)?.iter().filter(|letter| !matches!(letter, b':' | b'\r')) {
        let digit = char::from(*letter).to_digit(16)?;
        let byte: &mut u8 = print.get_mut(count / 2)?;
        *byte = *byte << 4 | digit as u8;
        count += 1;
    }
    (count == 64).then_some(print)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: [u8; 32] = [0xa1; 32];
    const B: [u8; 32] = [0xb2; 32];

    fn made(first: u8) -> FileCode {
        FileCode::from_random(std::array::from_fn(|place| first.wrapping_add((place as u8).wrapping_mul(37))))
    }

    fn sdp(hash: &str, bytes: &[u8]) -> String {
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("v=0\r\na=fingerprint:{hash} {}\r\na=setup:actpass\r\n", pairs.join(":"))
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = made(0);
        let spoken = code.spoken();
        assert_eq!(spoken.len(), 19, "four groups of four");
        for typed in
            [spoken.clone(), spoken.to_uppercase(), spoken.replace('-', ""), spoken.replace('-', " ")]
        {
            assert_eq!(FileCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(FileCode::parse("OIL0-1111-2222-3333"), FileCode::parse("0110-1111-2222-3333"));
        for wrong in
            ["", "abcd-efgh", "abcd-efgh-jkmn-pqru", "abcd-efgh-jkmn-pqrst", "ébcd-efgh-jkmn-pqr", "-"]
        {
            assert_eq!(FileCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_made_from_a_code_is_the_same_in_every_version_and_body() {
        // The package's own tests have the same figures (`packages/peerhall/tests/units.mjs`).
        let code = FileCode::parse("7k3m-9qxt-2h5w-8vbn").unwrap();
        assert_eq!(code.channel(), "send-0w845tmj72qbzr9p9sr4");
        assert_eq!(
            code.proof(Speaker::Receiver, &A, &B),
            "e32e2343890df77937792b93fa45105d101a7e74b469d7ed15d287e31250d51b"
        );
    }

    #[test]
    fn the_channel_of_a_code_tells_nothing_of_it_and_is_its_own() {
        let code = made(1);
        assert_ne!(code.channel(), made(2).channel());
        let plain = code.spoken().replace('-', "");
        assert!(!code.channel().contains(&plain) && !format!("{code:?}").contains(&plain));
    }

    #[test]
    fn a_proof_is_good_for_one_connection_one_direction_and_one_code() {
        let code = made(3);
        let proof = code.proof(Speaker::Receiver, &A, &B);
        assert!(code.proves(Speaker::Receiver, &B, &A, &proof));
        assert!(!code.proves(Speaker::Receiver, &A, &B, &proof), "one's own words come back");
        assert!(!code.proves(Speaker::Sender, &B, &A, &proof));
        assert!(!made(4).proves(Speaker::Receiver, &B, &A, &proof));
        assert!(!code.proves(Speaker::Receiver, &B, &[0xc3; 32], &proof), "somebody sits between");
        assert!(!code.proves(Speaker::Receiver, &B, &A, &proof[..10]));
        assert!(!code.proves(Speaker::Receiver, &B, &A, ""));
    }

    #[test]
    fn a_description_has_the_certificate_that_all_its_sections_name() {
        let once = sdp("sha-256", &A);
        assert_eq!(certificate_of(&once), Some(A));
        assert_eq!(certificate_of(&once.to_lowercase()), Some(A));
        assert_eq!(certificate_of(&format!("{once}m=audio\r\n{}", sdp("sha-256", &A))), Some(A));
    }

    #[test]
    fn a_description_that_leaves_open_which_certificate_it_is_has_none() {
        let once = sdp("sha-256", &A);
        for other in [
            String::new(),
            "v=0\r\n".to_owned(),
            sdp("sha-1", &A),
            sdp("sha-256", &A[..31]),
            once.replacen("A1", "1", 1),
            sdp("sha-256", &[1; 33]),
            format!("{once}{}", sdp("sha-256", &B)),
            format!("{once}{}", sdp("sha-512", &[1; 64])),
            once.replace("A1", "G1"),
            "a=fingerprint:sha-256".to_owned(),
        ] {
            assert_eq!(certificate_of(&other), None, "{other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_typed_or_described_is_read_or_refused(text in any::<String>(), bytes in any::<[u8; 16]>()) {
            prop_assert!(FileCode::parse(&text).is_none_or(|code| FileCode::parse(&code.spoken()) == Some(code)));
            prop_assert_eq!(certificate_of(&text), None);
            prop_assert_eq!(certificate_of(&format!("a=fingerprint:sha-256 {text}")), None);
            let code = FileCode::from_random(bytes);
            prop_assert_eq!(FileCode::parse(&code.spoken()), Some(code));
        }
    }
}
