//! `POST /v1/channels/:id/publish`: publish without a WebSocket (REST API, section 4).

use std::num::NonZeroUsize;

use peerhall_auth::action::Action;
use peerhall_auth::token::peer_metadata;
use peerhall_proto::frame::decode::nests_within;
use peerhall_proto::ids::{ChannelName, PeerId};
use peerhall_proto::rest::RestErrorCode;
use peerhall_proto::rest::publish::{DEFAULT_FROM, PublishRequest, PublishResponse};
use serde_json::value::RawValue;

use super::Caller;
use crate::config::Config;
use crate::control::{Control, PublishError, RestMessage};
use crate::http::{Refusal, param, read_object};

pub(crate) async fn answer(
    control: &Control,
    config: &Config,
    caller: &Caller,
    channel: &str,
    body: &str,
) -> Result<PublishResponse, Refusal> {
    let message = read_message(config, caller, channel, body)?;
    let channel = message.channel.clone();
    caller.check(Action::Publish, &channel)?;
    let delivered = control.publish(message).await?;
    Ok(PublishResponse { channel, delivered })
}

pub(crate) fn read_message(
    config: &Config,
    caller: &Caller,
    channel: &str,
    body: &str,
) -> Result<RestMessage, Refusal> {
    let request: PublishRequest<'_> = read_object(body)?;
    let channel: ChannelName = param(channel)?;
    let data = request.data.ok_or_else(|| Refusal::invalid("data: is missing"))?;
    check_depth(data, config.limits.max_data_depth)?;
    let from = request.from.as_deref().unwrap_or(DEFAULT_FROM);
    let from: PeerId = from.parse().map_err(|why| Refusal::invalid(format_args!("from: {why}")))?;
    let metadata = request
        .peer_metadata
        .map(peer_metadata)
        .transpose()
        .map_err(|why| Refusal::invalid(format_args!("peerMetadata: {why}")))?;
    Ok(RestMessage { app: caller.app.clone(), channel, from, data: data.to_owned(), metadata })
}

fn check_depth(data: &RawValue, limit: Option<NonZeroUsize>) -> Result<(), Refusal> {
    match limit {
        Some(limit) if !nests_within(data.get(), limit.get()) => {
            Err(Refusal::invalid(format_args!("data: nests deeper than {limit} levels")))
        }
        Some(_) | None => Ok(()),
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::OverQuota => Self::rest(RestErrorCode::OverMessageQuota, error),
            PublishError::Stopping(stopping) => stopping.into(),
        }
    }
}
