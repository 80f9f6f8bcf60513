//! What the sender does for one receiver, from its wish to its last file.

use std::collections::{HashSet, VecDeque};

use futures_util::StreamExt;
use peerhall::Fingerprints;
use peerhall::labelled::{FileCode, RoomPeer, Speaker, Transfer, TransferError};
use peerhall_proto::files::Words;
use serde_json::json;

use super::batch::Batch;
use super::show::{Bar, Show};
use super::{code, fingerprints, on_label, printable, tell};
use crate::failure::Failure;

/// Files that are on their way at once: enough that small ones do not wait for each other, few enough that not
/// all of them are open.
const AHEAD: usize = 16;

/// Files that are on their way. Dropping them gives them up.
struct Running(VecDeque<(u32, Transfer, Bar)>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.iter().for_each(|(_, transfer, _)| transfer.abort("the sender stopped"));
    }
}

/// Why a receiver did not get everything; it may come back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    /// It does not prove that it knows the code.
    #[error("does not know the code")]
    NoProof,
    /// Its connection was replaced: it has to prove again that it knows the code.
    #[error("lost its connection")]
    Replaced,
    /// It wants files of another sender.
    #[error("wants something else")]
    Other,
    /// Files did not arrive.
    #[error("{0}")]
    Transfer(String),
    /// This side cannot go on at all.
    #[error(transparent)]
    Fatal(#[from] Failure),
}

/// What a receiver asked for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) peer: RoomPeer,
    pub(super) batch: Option<String>,
    pub(super) receiver: String,
    pub(super) have: HashSet<u32>,
    /// Between which certificates it proved that it knows the code, where there is one.
    pub(super) proved: Option<Fingerprints>,
}

/// Looks whether a receiver knows the code, where there is one; gives the certificates between which it does.
pub(super) async fn admit(
    peer: &RoomPeer,
    proof: Option<&str>,
    secret: Option<&FileCode>,
) -> Result<Option<Fingerprints>, Unserved> {
    let Some(secret) = secret else { return Ok(None) };
    let connection = fingerprints(peer).await.ok_or(Unserved::NoProof)?;
    let proved = code::proves(secret, Speaker::Receiver, connection, proof.unwrap_or_default());
    if proved { Ok(Some(connection)) } else { Err(Unserved::NoProof) }
}

/// The offer, with the sender's own proof.
pub(super) async fn offer(peer: &RoomPeer, batch: &Batch, secret: Option<&FileCode>) -> Result<(), Unserved> {
    let proof = match secret {
        Some(secret) => {
            let connection = fingerprints(peer).await.ok_or(Unserved::Replaced)?;
            Some(code::proof(secret, Speaker::Sender, connection))
        }
        None => None,
    };
    let words = Words::Offer { batch: batch.id.clone(), files: batch.offered(), proof };
    let sent = tell(peer, &words).map_err(|error| Unserved::Transfer(error.to_string()))?;
    sent.await.map_err(|error| Unserved::Transfer(error.to_string()))?;
    Ok(())
}

/// Sends everything that a receiver has not got.
pub(super) async fn serve(
    wish: &Wish,
    batch: &Batch,
    secret: Option<&FileCode>,
    show: &Show,
) -> Result<(), Unserved> {
    // Before anything is sent: a later replacement is then seen.
    let mut resets = wish.peer.remote().on_connection_reset();
    if secret.is_none() && wish.batch.as_deref() != Some(&*batch.id) {
        return Err(Unserved::Other);
    }
    if secret.is_some() && fingerprints(&wish.peer).await != wish.proved {
        // The connection that the proof was given on was replaced while the wish waited.
        return Err(Unserved::Replaced);
    }
    let send = async {
        if secret.is_some() {
            offer(&wish.peer, batch, secret).await?;
        }
        let sent = send_all(wish, batch, show).await;
        // Also when files are missing, which the receiver may ask for again.
        if !matches!(sent, Err(Unserved::Fatal(_)))
            && let Ok(told) = tell(&wish.peer, &Words::Done { batch: batch.id.clone() })
        {
            // A receiver that has all may have left before it heard so.
            let _ = told.await;
        }
        sent
    };
    tokio::select! {
        biased;
        // Without a code nothing was proved about the old connection either, and messages go on by themselves.
        Some(()) = resets.next(), if secret.is_some() => Err(Unserved::Replaced),
        sent = send => sent,
    }
}

async fn send_all(wish: &Wish, batch: &Batch, show: &Show) -> Result<(), Unserved> {
    let known = wish.batch.as_deref() == Some(&*batch.id);
    let mut running = Running(VecDeque::new());
    let mut failed = None;
    for (place, offered) in batch.places() {
        if known && wish.have.contains(&place) {
            continue;
        }
        while running.0.len() >= AHEAD {
            finish_first(&mut running, &mut failed).await?;
        }
        let opened = batch.open(place).await;
        let (payload, info) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let name = printable(&offered.name);
                failed.get_or_insert_with(|| format!("{name} cannot be read: {error}"));
                continue;
            }
        };
        let sent = wish.peer.send(payload, on_label().info(info));
        let transfer = sent.map_err(|error| Unserved::Transfer(error.to_string()))?;
        let bar = show.bar(wish.peer.id(), place, &offered.name, Some(offered.size));
        running.0.push_back((place, transfer, bar));
    }
    while !running.0.is_empty() {
        finish_first(&mut running, &mut failed).await?;
    }
    failed.map_or(Ok(()), |text| Err(Unserved::Transfer(text)))
}

/// Waits for the oldest file that is on its way. One that the receiver refuses does not end the others.
async fn finish_first(running: &mut Running, failed: &mut Option<String>) -> Result<(), Unserved> {
    let Some((_, transfer, bar)) = running.0.front_mut() else { return Ok(()) };
    let mut progress = transfer.progress();
    while let Some(step) = progress.next().await {
        bar.at(step)?;
    }
    let result = transfer.await;
    let Some((_, _, bar)) = running.0.pop_front() else { return Ok(()) };
    match result {
        Ok(receipt) => bar.arrived(receipt.bytes, &receipt.proof.to_string(), "sent", None)?,
        Err(error @ (TransferError::Cancelled { .. } | TransferError::ProofMismatch)) => {
            failed.get_or_insert_with(|| error.to_string());
        }
        Err(error) => return Err(Unserved::Transfer(error.to_string())),
    }
    Ok(())
}

impl Unserved {
    /// Says so; a receiver that only has to come back is not worth a line of complaint.
    pub(super) fn show(&self, peer: &RoomPeer, show: &Show) -> Result<(), Failure> {
        let id = peer.id();
        show.say(
            &format!("{} {}", printable(id), printable(&self.to_string())),
            || json!({"event": "failed", "peer": id, "reason": self.to_string()}),
        )
    }
}
