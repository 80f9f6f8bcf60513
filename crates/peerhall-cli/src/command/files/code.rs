//! The code that leads a receiver to a sender: as words to be said, and as a link to be opened.

use std::fmt::Write;

use peerhall::Fingerprints;
use peerhall::labelled::Hasher;

use crate::failure::Failure;

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

/// What only the sender and who got the code from the sender know. The server sees the channel's name, from
/// which it cannot be computed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

/// Who proves to know the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Sender,
    Receiver,
}

impl Secret {
    /// A new one.
    pub(super) fn generate() -> Result<Self, Failure> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| Failure::NoSecret(error.to_string()))?;
        Ok(Self(digits(&bytes)))
    }

    /// Reads one as people write it: in any letter case, with or without hyphens and blanks.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut plain = String::new();
        for letter in text.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let letter = match letter.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                letter => letter,
            };
            DIGITS.iter().find(|digit| char::from(**digit) == letter)?;
            plain.push(letter);
        }
        (plain.len() == LENGTH).then_some(Self(plain))
    }

    /// In groups, to be said and typed.
    pub(super) fn spoken(&self) -> String {
        let mut text = String::new();
        for (at, digit) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(digit);
        }
        text
    }

    /// The channel in which sender and receivers meet.
    pub(super) fn channel(&self) -> String {
        let key = self.derive(FOR_CHANNEL);
        let name = digits(key.get(..CHANNEL_DIGITS).unwrap_or_default());
        format!("send-{name}")
    }

    /// Proves to the other end of a connection that this one knows the secret, and that nobody sits between
    /// the two: both certificates are part of it, the speaker's first.
    pub(super) fn proof(&self, speaker: Speaker, fingerprints: Fingerprints) -> String {
        self.proof_of(speaker, &fingerprints.local, &fingerprints.remote)
    }

    /// Whether the other end of a connection has given its proof. The comparison takes the same time wherever
    /// the first difference is.
    pub(super) fn proves(&self, speaker: Speaker, fingerprints: Fingerprints, given: &str) -> bool {
        let expected = self.proof_of(speaker, &fingerprints.remote, &fingerprints.local);
        let pairs = expected.bytes().zip(given.bytes());
        expected.len() == given.len() && pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }

    fn proof_of(&self, speaker: Speaker, own: &[u8; 32], others: &[u8; 32]) -> String {
        let mut hasher = Hasher::new_keyed(&self.derive(FOR_PROOF));
        hasher.update(match speaker {
            Speaker::Sender => b"S",
            Speaker::Receiver => b"R",
        });
        hasher.update(own).update(others);
        hasher.finalize().to_hex().to_string()
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        *Hasher::new_derive_key(purpose).update(self.0.as_bytes()).finalize().as_bytes()
    }
}

/// Five bits of each byte.
fn digits(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter_map(|byte| DIGITS.get(usize::from(byte % 32)))
        .map(|digit| char::from(*digit))
        .collect()
}

/// Where a receiver finds the sender.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code {
    /// The server, if the code names it.
    pub(super) url: Option<String>,
    /// The publishable key, if the code names it.
    pub(super) key: Option<String>,
    /// Where they meet.
    pub(super) channel: String,
    /// Without one, everybody in the channel may take the files.
    pub(super) secret: Option<Secret>,
}

impl Code {
    /// Reads a code, or a link with one.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let wrong = |what: &str| {
            Failure::Usage(format!("{what}; copy the whole code or link that `peerhall send` prints"))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            let secret = Secret::parse(text).ok_or_else(|| wrong("this is no code"))?;
            return Ok(Self { url: None, key: None, channel: secret.channel(), secret: Some(secret) });
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            _ => return Err(wrong("a link begins with https:// or http://")),
        };
        let (place, fragment) = rest.split_once('#').ok_or_else(|| wrong("the link has no part after #"))?;
        let mut code = Self {
            url: Some(format!("{scheme}://{}", place.trim_end_matches('/'))),
            key: None,
            channel: String::new(),
            secret: None,
        };
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value).ok_or_else(|| wrong("the link is damaged"))?;
            match name {
                "channel" => code.channel = value,
                "key" => code.key = Some(value),
                "take" => {
                    code.secret = Some(Secret::parse(&value).ok_or_else(|| wrong("the link is damaged"))?)
                }
                // A later version may say more.
                _ => {}
            }
        }
        if let Some(secret) = &code.secret {
            code.channel = secret.channel();
        }
        if code.channel.is_empty() { Err(wrong("the link names no channel")) } else { Ok(code) }
    }

    /// The link; what follows `#` stays in the browser that opens it.
    pub(super) fn link(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let url = url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"));
        let mut link = format!("{}/#channel={}", url.trim_end_matches('/'), encode(&self.channel));
        for (name, value) in [("take", self.secret.as_ref().map(Secret::spoken)), ("key", self.key.clone())] {
            if let Some(value) = value {
                // Writing to a text does not fail.
                let _ = write!(link, "&{name}={}", encode(&value));
            }
        }
        Some(link)
    }
}

/// As the query of a URL writes it.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints() -> (Fingerprints, Fingerprints) {
        let (a, b) = ([1; 32], [2; 32]);
        (Fingerprints { local: a, remote: b }, Fingerprints { local: b, remote: a })
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let secret = Secret::generate().unwrap();
        let spoken = secret.spoken();
        assert_eq!(spoken.len(), 19, "four groups of four");
        for typed in
            [spoken.clone(), spoken.to_uppercase(), spoken.replace('-', ""), spoken.replace('-', " ")]
        {
            assert!(Code::parse(&typed).unwrap().secret == Some(secret.clone()), "{typed}");
        }
        assert!(Secret::parse("OIL0-1111-2222-3333") == Secret::parse("0110-1111-2222-3333"));
        for wrong in ["", "abcd-efgh", "abcd-efgh-jkmn-pqru", "abcd-efgh-jkmn-pqrst", "ébcd-efgh-jkmn-pqr"] {
            assert!(Code::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_says_where_and_survives_strange_names() {
        let secret = Secret::generate().unwrap();
        let code = Code {
            url: Some("wss://rtc.example.org:8443".to_owned()),
            key: Some("pk_live_1".to_owned()),
            channel: secret.channel(),
            secret: Some(secret),
        };
        let link = code.link().unwrap();
        assert!(link.starts_with("https://rtc.example.org:8443/#channel=send-"), "{link}");
        assert!(Code::parse(&link).unwrap() == code);
        let open = Code { channel: "a&b=ü %#".to_owned(), secret: None, ..code };
        assert!(Code::parse(&open.link().unwrap()).unwrap() == open);
        for wrong in
            ["ftp://a/#channel=b", "http://a/", "http://a/#key=1", "http://a/#take=x", "http://a/#channel=%"]
        {
            assert!(Code::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_channel_of_a_code_is_not_the_one_that_a_link_claims() {
        let secret = Secret::generate().unwrap();
        let code = Code::parse(&format!("http://a/#channel=elsewhere&take={}", secret.spoken())).unwrap();
        assert_eq!(code.channel, secret.channel());
        assert_ne!(secret.channel(), Secret::generate().unwrap().channel());
        assert!(!secret.channel().contains(&secret.0));
    }

    #[test]
    fn a_proof_is_good_for_one_connection_one_direction_and_one_code() {
        let (secret, (near, far)) = (Secret::generate().unwrap(), prints());
        let proof = secret.proof(Speaker::Receiver, near);
        assert!(secret.proves(Speaker::Receiver, far, &proof));
        assert!(!secret.proves(Speaker::Receiver, near, &proof), "one's own words come back");
        assert!(!secret.proves(Speaker::Sender, far, &proof));
        assert!(!Secret::generate().unwrap().proves(Speaker::Receiver, far, &proof));
        let between = Fingerprints { remote: [3; 32], ..far };
        assert!(!secret.proves(Speaker::Receiver, between, &proof), "somebody sits between");
        assert!(!secret.proves(Speaker::Receiver, far, &proof[..10]));
    }
}
