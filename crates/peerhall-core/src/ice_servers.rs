//! The list of STUN and TURN servers in a `welcome`: all or nothing (sdk-behaviour, section 3.12).

use std::fmt;

use peerhall_proto::json::Json;

use crate::secret::Secret;

/// Most entries of a list.
pub const MAX_ICE_SERVERS: usize = 16;
/// Longest URL, in UTF-16 code units.
pub const MAX_ICE_URL_UNITS: usize = 512;
/// Longest user name and longest credential, in UTF-16 code units.
pub const MAX_ICE_CREDENTIAL_UNITS: usize = 1_024;

/// One entry of the list.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` and `turns:` URLs, at least one.
    pub urls: Vec<String>,
    /// User name for TURN.
    pub username: Option<String>,
    /// Password for TURN.
    pub credential: Option<Secret>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceServer({} urls, credential: {})", self.urls.len(), self.credential.is_some())
    }
}

/// Reads a list as every client here reads that of a `welcome`; `None` when any entry breaks a rule. An empty
/// list is a list.
pub fn read<J: Json>(list: J) -> Option<Vec<IceServer>> {
    let entries = list.into_items()?;
    if entries.len() > MAX_ICE_SERVERS {
        return None;
    }
    entries.into_iter().map(read_entry).collect()
}

fn read_entry<J: Json>(mut entry: J) -> Option<IceServer> {
    if !entry.is_object() {
        return None;
    }
    let urls = entry.take("urls")?;
    let urls = match urls.as_text() {
        Some(url) => vec![url.into_owned()],
        None => {
            urls.into_items()?.iter().map(|url| url.as_text().map(Into::into)).collect::<Option<Vec<_>>>()?
        }
    };
    if urls.is_empty() || !urls.iter().all(|url| is_ice_url(url)) {
        return None;
    }
    let username = entry.text_at("username");
    let credential = entry.text_at("credential");
    let fits =
        |text: &Option<String>| text.as_ref().is_none_or(|text| units(text) <= MAX_ICE_CREDENTIAL_UNITS);
    (fits(&username) && fits(&credential)).then(|| IceServer {
        urls,
        username,
        credential: credential.map(Secret::new),
    })
}

fn is_ice_url(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    units(url) <= MAX_ICE_URL_UNITS && matches!(scheme.as_deref(), Some("stun" | "stuns" | "turn" | "turns"))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_list_is_read_with_one_or_many_urls() {
        let list = json!([
            {"urls": "STUN:h", "extra": 1},
            {"urls": ["turn:h", "turns:h?transport=tcp"], "username": "u", "credential": "c"},
            {"urls": "turn:h", "username": 7, "credential": null},
        ]);
        let servers = read(list).unwrap();
        assert_eq!(servers[1].urls, ["turn:h", "turns:h?transport=tcp"]);
        assert_eq!(servers[1].credential, Some(Secret::new("c")));
        assert_eq!((servers[2].username.as_ref(), servers[2].credential.as_ref()), (None, None));
        assert_eq!(read(json!([])), Some(vec![]));
    }

    #[test]
    fn r66_any_violation_voids_the_list() {
        let entry = |urls: Value| json!([{"urls": "stun:ok"}, {"urls": urls}]);
        let many: Vec<Value> = (0..17).map(|_| json!({"urls": "stun:h"})).collect();
        for list in [
            Value::Array(many),
            entry(json!(format!("stun:{}", "h".repeat(508)))),
            json!([{"urls": "turn:h", "credential": "c".repeat(1_025)}]),
            json!([{"urls": "turn:h", "username": "c".repeat(1_025)}]),
            entry(json!("javascript:alert(1)")),
            entry(json!([])),
            entry(json!(["stun:h", 1])),
            entry(json!(null)),
            json!([{"url": "stun:h"}]),
            json!(["stun:h"]),
            json!({"urls": "stun:h"}),
        ] {
            assert_eq!(read(list.clone()), None, "{list}");
        }
    }

    #[test]
    fn r68_a_credential_does_not_show_itself() {
        let servers = read(json!([{"urls": "turn:h", "username": "u", "credential": "pass"}])).unwrap();
        assert!(!format!("{servers:?}").contains("pass"));
    }
}
