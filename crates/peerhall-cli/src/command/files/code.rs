//! Where a receiver finds the sender: as a code to be said, and as a link to be opened by the page or by
//! `peerhall receive`.

use std::fmt::Write;

use peerhall::Fingerprints;
use peerhall::labelled::{FileCode, Speaker};

use crate::failure::Failure;

/// A new code.
pub(super) fn generate() -> Result<FileCode, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::NoSecret(error.to_string()))?;
    Ok(FileCode::from_random(bytes))
}

/// Proves to the other end of a connection that this one has the code.
pub(super) fn proof(code: &FileCode, speaker: Speaker, connection: Fingerprints) -> String {
    code.proof(speaker, &connection.local, &connection.remote)
}

/// Whether the other end of a connection, the `speaker`, has given its proof.
pub(super) fn proves(code: &FileCode, speaker: Speaker, connection: Fingerprints, given: &str) -> bool {
    code.proves(speaker, &connection.local, &connection.remote, given)
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
    pub(super) secret: Option<FileCode>,
}

impl Code {
    /// Reads a code, or a link with one.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let wrong = |what: &str| {
            Failure::Usage(format!("{what}; copy the whole code or link that `peerhall send` prints"))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            let secret = FileCode::parse(text).ok_or_else(|| wrong("this is no code"))?;
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
                "code" => {
                    code.secret = Some(FileCode::parse(&value).ok_or_else(|| wrong("the link is damaged"))?)
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

    /// The link to the server's own page; what follows `#` stays in the browser that opens it.
    pub(super) fn link(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let url = url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"));
        let (name, value) = match &self.secret {
            Some(secret) => ("code", secret.spoken()),
            None => ("channel", self.channel.clone()),
        };
        let mut link = format!("{}/#{name}={}", url.trim_end_matches('/'), encode(&value));
        if let Some(key) = &self.key {
            // Writing to a text does not fail.
            let _ = write!(link, "&key={}", encode(key));
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

    #[test]
    fn a_code_is_read_without_a_link_and_what_is_no_code_is_told() {
        let secret = generate().unwrap();
        let code = Code::parse(&format!(" {} ", secret.spoken().to_uppercase())).unwrap();
        assert!(code.secret == Some(secret.clone()) && code.channel == secret.channel());
        assert!(code.url.is_none() && code.key.is_none());
        assert!(Code::parse("abcd-efgh").is_err());
        assert!(generate().unwrap() != secret, "each is another");
    }

    #[test]
    fn a_link_says_where_in_its_fragment_alone_and_survives_strange_names() {
        let secret = generate().unwrap();
        let code = Code {
            url: Some("wss://rtc.example.org:8443".to_owned()),
            key: Some("pk_live_1".to_owned()),
            channel: secret.channel(),
            secret: Some(secret.clone()),
        };
        let link = code.link().unwrap();
        assert_eq!(link, format!("https://rtc.example.org:8443/#code={}&key=pk_live_1", secret.spoken()));
        assert!(Code::parse(&link).unwrap() == code);
        let open = Code { channel: "a&b=ü %#".to_owned(), secret: None, ..code };
        assert!(open.link().unwrap().starts_with("https://rtc.example.org:8443/#channel=a%26b"));
        assert!(Code::parse(&open.link().unwrap()).unwrap() == open);
        for wrong in
            ["ftp://a/#channel=b", "http://a/", "http://a/#key=1", "http://a/#code=x", "http://a/#channel=%"]
        {
            assert!(Code::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_channel_of_a_code_is_not_the_one_that_a_link_claims() {
        let secret = generate().unwrap();
        let code = Code::parse(&format!("http://a/#channel=elsewhere&code={}", secret.spoken())).unwrap();
        assert_eq!(code.channel, secret.channel());
    }

    #[test]
    fn both_ends_of_a_connection_prove_the_code_to_each_other() {
        let (code, a, b) = (generate().unwrap(), [1; 32], [2; 32]);
        let (near, far) = (Fingerprints { local: a, remote: b }, Fingerprints { local: b, remote: a });
        for speaker in [Speaker::Sender, Speaker::Receiver] {
            let given = proof(&code, speaker, near);
            assert!(proves(&code, speaker, far, &given));
            assert!(!proves(&code, speaker, near, &given), "one's own words come back");
        }
    }
}
