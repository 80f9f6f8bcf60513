//! `GET /v1/channels/:id/peers`: who is in a channel (REST API, section 3).

use peerhall_auth::action::Action;
use peerhall_proto::ids::ChannelName;
use peerhall_proto::rest::list_peers::ListPeersResponse;

use super::Caller;
use crate::control::Control;
use crate::http::{Refusal, param};

pub(crate) async fn answer(
    control: &Control,
    caller: &Caller,
    channel: &str,
) -> Result<ListPeersResponse, Refusal> {
    let channel: ChannelName = param(channel)?;
    caller.check(Action::Presence, &channel)?;
    Ok(control.list_peers(caller.app.id.clone(), channel).await?)
}
