//! Codes of files, for `packages/peerhall/src/labelled/file-code.js`. The answer to `{code}` is the code as it is said, a
//! blank, and the name of its channel; to `{code, speaker, local, remote}`, where `speaker` is `sender` or `receiver` and
//! the others are descriptions of a connection, the proof; to the same with what was `given` as a proof, that proof if it
//! is right. There is none to what is no code, and while it is open between which certificates the connection is.

use peerhall_core::Json;
use peerhall_labelled::{FileCode, Speaker, certificate_of};

use crate::value::Value;

/// What follows from a code.
pub(crate) fn asked(code: &str, request: &Value) -> Option<String> {
    let code = FileCode::parse(code)?;
    let Some(speaker) = request.text_at("speaker") else {
        return Some(code.spoken() + " " + &code.channel());
    };
    let speaker = if speaker == "sender" { Speaker::Sender } else { Speaker::Receiver };
    let (local, remote) = (certificate_of(&request.text("local"))?, certificate_of(&request.text("remote"))?);
    match request.member("given") {
        None => Some(code.proof(speaker, &local, &remote)),
        Some(given) => {
            let given = given.as_text().unwrap_or_default().into_owned();
            code.proves(speaker, &local, &remote, &given).then_some(given)
        }
    }
}
