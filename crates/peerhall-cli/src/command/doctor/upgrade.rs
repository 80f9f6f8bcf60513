//! WebSocket through whatever stands between, and what the server says to the credential.

use futures_util::StreamExt;
use peerhall_proto::code::CloseCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::door::{Door, PATIENCE, Stream};
use super::report::Line;
use super::target::{Credential, Target};

/// An upgraded connection.
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Asks for a WebSocket.
pub(super) async fn upgrade(
    target: &Target,
    door: &Door,
    credential: Option<&Credential>,
) -> (Line, Option<Socket>) {
    let asking = async {
        let stream = door.open().await.map_err(Error::Io)?;
        client_async(target.endpoint(credential), stream).await
    };
    match timeout(PATIENCE, asking).await {
        Ok(Ok((socket, _))) => (Line::good("upgrade", "WebSocket reaches the server"), Some(socket)),
        Ok(Err(Error::Http(response))) => (refused(target, response.status().as_u16()), None),
        Ok(Err(_)) | Err(_) => {
            let cure = "Let the proxy or firewall in between pass WebSocket on, or use wss:// so that it cannot \
                        look inside.";
            (Line::bad("upgrade", "the connection breaks at the upgrade to WebSocket", cure), None)
        }
    }
}

fn refused(target: &Target, status: u16) -> Line {
    let cure = match status {
        300..=399 => "Use the URL that you are sent on to: clients follow no redirections.".to_owned(),
        429 | 503 => "Wait a minute; if it stays, raise the server's limits or add a node.".to_owned(),
        502 | 504 => "Start the server behind the proxy, or correct where the proxy looks for it.".to_owned(),
        _ => format!(
            "Let the proxy pass {} on with the headers Upgrade and Connection, over HTTP/1.1.",
            target.path("/v1")
        ),
    };
    Line::bad("upgrade", format!("the upgrade to WebSocket is answered with status {status}"), cure)
}

/// What the server says first, to a credential or to none.
pub(super) async fn credential(
    socket: &mut Socket,
    credential: Option<&Credential>,
) -> (Line, Option<Value>) {
    let Some(credential) = credential else {
        let found = "none given; --key or --token lets the checks go on";
        return (Line::unknown("credential", found), None);
    };
    let first = timeout(PATIENCE, socket.next()).await;
    match first {
        Ok(Some(Ok(Message::Text(text)))) => match welcome(&text) {
            Some(list) => (Line::good("credential", "accepted"), Some(list)),
            None => (strange(), None),
        },
        Ok(Some(Ok(Message::Close(Some(frame))))) => {
            (rejected(CloseCode(frame.code.into()), credential.is_key()), None)
        }
        Ok(Some(Ok(_) | Err(_)) | None) | Err(_) => (strange(), None),
    }
}

fn strange() -> Line {
    let cure = "Correct the URL: what answers there is no Peerhall and nothing that its clients understand.";
    Line::bad("credential", "no welcome comes", cure)
}

fn rejected(code: CloseCode, is_key: bool) -> Line {
    let cure = match code {
        CloseCode::INVALID_TOKEN if is_key => {
            "Use a key that `peerhall key list` shows, from an origin that it allows."
        }
        CloseCode::INVALID_TOKEN => {
            "Mint the token with a key of this server (`peerhall token mint`); its own clock decides whether it \
             is valid yet."
        }
        CloseCode::TOKEN_EXPIRED => {
            "Mint a new token, and let clients fetch theirs just before they connect."
        }
        CloseCode::OVER_CONCURRENT_LIMIT => "Raise the app's number of connections (`peerhall app update`).",
        CloseCode::ACCOUNT_SUSPENDED => "Let the app go on again (`peerhall app update`).",
        _ => "Look into the server's log for this moment.",
    };
    Line::bad("credential", format!("the server closes with code {}", code.0), cure)
}

/// The part of a welcome that is looked at.
#[derive(Deserialize)]
struct Welcome {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    metadata: Value,
}

/// `iceServers` of a welcome, null when it has none; `None` for anything else than a welcome.
fn welcome(text: &str) -> Option<Value> {
    let mut welcome: Welcome = serde_json::from_str(text).ok()?;
    (welcome.kind == "welcome")
        .then(|| welcome.metadata.get_mut("iceServers").map(Value::take).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn ice_servers_are_taken_from_a_welcome_and_from_nothing_else() {
        let text = r#"{"type":"welcome","metadata":{"iceServers":[{"urls":"stun:a"},7]}}"#;
        assert_eq!(welcome(text), Some(serde_json::json!([{ "urls": "stun:a" }, 7])));
        assert_eq!(welcome(r#"{"type":"welcome"}"#), Some(Value::Null));
        for wrong in ["", "{}", r#"{"type":"error"}"#, r#"{"type":1}"#] {
            assert!(welcome(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let target: Target = "ws://a".parse().expect("a URL");
        let upgrades = [301, 400, 404, 426, 429, 502, 503].map(|status| refused(&target, status));
        let codes = [
            CloseCode::INVALID_TOKEN,
            CloseCode::TOKEN_EXPIRED,
            CloseCode::OVER_CONCURRENT_LIMIT,
            CloseCode(1011),
        ];
        let closes = codes.into_iter().flat_map(|code| [rejected(code, true), rejected(code, false)]);
        for line in upgrades.into_iter().chain(closes) {
            assert!(
                line.verdict() == Verdict::Bad && line.cure().is_some_and(|cure| cure.ends_with('.')),
                "{line:?}"
            );
        }
    }
}
