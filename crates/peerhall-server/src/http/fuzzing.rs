//! One REST request of any text, read as the endpoints read it, without anybody to answer it.

use std::sync::Arc;

use axum::http::Method;
use peerhall_auth::action::Action;
use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_proto::ids::{ChannelName, PeerId};

use super::route::{Endpoint, Route};
use super::{Refusal, param};
use crate::config::Config;
use crate::rest::{Caller, mint_token, publish};

/// What a request turned out to ask for, with everything in it checked.
#[derive(Debug)]
pub enum RestCall {
    /// It goes to no endpoint of the REST API.
    Elsewhere,
    /// It is answered by this HTTP status and this text.
    Refused(u16, String),
    /// `POST /v1/tokens`: this token.
    Token(String),
    /// `GET /v1/channels/:id/peers` of this channel.
    Peers(ChannelName),
    /// `POST /v1/channels/:id/publish`.
    Publish {
        /// The decoded channel.
        channel: ChannelName,
        /// Who the message is from.
        from: PeerId,
        /// `data` as it will be handed over.
        data: String,
    },
    /// `DELETE /v1/peers/:id` of this peer.
    Kick(PeerId),
    /// `GET /v1/usage`
    Usage,
}

/// Reads a request that `key` has made, with the server's default settings.
#[must_use]
pub fn rest_call(key: &KeyRecord, method: &[u8], path: &str, body: &str) -> RestCall {
    let Ok(method) = Method::from_bytes(method) else { return RestCall::Elsewhere };
    let Route::ControlPlane(Some(endpoint)) = Route::of(&method, path) else { return RestCall::Elsewhere };
    let app = Arc::new(AppRecord::new(key.app.clone()));
    let caller = Caller { key: Arc::new(key.clone()), app };
    read(endpoint, &caller, body).unwrap_or_else(refused)
}

fn read(endpoint: Endpoint<'_>, caller: &Caller, body: &str) -> Result<RestCall, Refusal> {
    Ok(match endpoint {
        Endpoint::MintToken => RestCall::Token(mint_token::read(caller, body)?.1),
        Endpoint::ListPeers { channel } => {
            let channel = param(channel)?;
            caller.check(Action::Presence, &channel)?;
            RestCall::Peers(channel)
        }
        Endpoint::Publish { channel } => {
            let message = publish::read_message(&Config::default(), caller, channel, body)?;
            caller.check(Action::Publish, &message.channel)?;
            let data = message.data.get().to_owned();
            RestCall::Publish { channel: message.channel, from: message.from, data }
        }
        Endpoint::DisconnectPeer { peer } => RestCall::Kick(param(peer)?),
        Endpoint::Usage => RestCall::Usage,
    })
}

fn refused(refusal: Refusal) -> RestCall {
    match refusal {
        Refusal::Rest { code, message } => RestCall::Refused(code.status(), message),
        Refusal::BodyTooLarge => RestCall::Refused(413, String::new()),
        Refusal::TooManyRequests { .. } => RestCall::Refused(429, String::new()),
        Refusal::UpgradeRequired => RestCall::Refused(426, String::new()),
    }
}
