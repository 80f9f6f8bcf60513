//! `DELETE /v1/peers/:id`: close every connection of a peer (REST API, section 5). Every secret key of
//! the app may do it.

use peerhall_proto::ids::PeerId;
use peerhall_proto::rest::disconnect_peer::DisconnectPeerResponse;

use super::Caller;
use crate::control::Control;
use crate::http::{Refusal, param};
use crate::store::AuditAction;

pub(crate) async fn answer(
    control: &Control,
    caller: &Caller,
    peer: &str,
) -> Result<DisconnectPeerResponse, Refusal> {
    let peer_id: PeerId = param(peer)?;
    let closed = control.disconnect_peer(caller.app.id.clone(), peer_id.clone()).await?;
    control.audit(&caller.key, AuditAction::PeerDisconnect, &peer_id);
    Ok(DisconnectPeerResponse { peer_id, closed })
}
