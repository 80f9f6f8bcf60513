//! `POST /v1/tokens`: mint a token for a peer (REST API, section 2).

use peerhall_auth::token::{Claims, MintError, MintRequest, mint};
use peerhall_proto::limits::MAX_TOKEN_LIFETIME_SECS;
use peerhall_proto::rest::RestErrorCode;
use peerhall_proto::rest::mint_token::{MintTokenRequest, MintTokenResponse};

use super::{Caller, unix_secs};
use crate::control::Control;
use crate::http::{Refusal, read_object};
use crate::store::AuditAction;

pub(crate) fn answer(control: &Control, caller: &Caller, body: &str) -> Result<MintTokenResponse, Refusal> {
    let (claims, token) = read(caller, body)?;
    control.audit(&caller.key, AuditAction::TokenMint, &claims.sub);
    Ok(MintTokenResponse { token, expires_at: claims.exp })
}

/// Checks the request and signs what it asks for.
pub(crate) fn read(caller: &Caller, body: &str) -> Result<(Claims, String), Refusal> {
    let request: MintTokenRequest<'_> = read_object(body)?;
    let claims = MintRequest::from(&request).check(&caller.key, unix_secs(), MAX_TOKEN_LIFETIME_SECS)?;
    let token = mint(&caller.key, &claims)?;
    Ok((claims, token))
}

impl From<MintError> for Refusal {
    fn from(error: MintError) -> Self {
        let code = error.rest_code();
        if code == RestErrorCode::Unauthorized { Self::unauthorized() } else { Self::rest(code, error) }
    }
}
