//! Messages under labels: what must hold of them.

use std::collections::{BTreeSet, HashMap};

use peerhall_core::{PeerState, RemoteKey};
use peerhall_labelled::OutgoingId;
use peerhall_sim::{ActorId, Lab};

/// The label of all messages.
pub(crate) const LABEL: &str = "files";

/// All messages of one life, which are known by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    sent: Vec<Sent>,
    /// How many of everybody's ends and arrivals have been looked at.
    looked_at: HashMap<ActorId, (usize, usize)>,
    /// The newest number of each sender, as each receiver calls it.
    newest: HashMap<(ActorId, RemoteKey), u32>,
    arrived: BTreeSet<u32>,
}

#[derive(Debug)]
struct Sent {
    from: ActorId,
    to: RemoteKey,
    transfer: OutgoingId,
    size: usize,
    over: bool,
}

impl Mail {
    pub(crate) fn send(&mut self, lab: &mut Lab, from: ActorId, to: &str, size: usize) {
        let number = u32::try_from(self.sent.len()).unwrap();
        // Somebody who has shown that it knows no labels is refused at once.
        if let Ok((to, transfer)) = lab.send_on_label(from, to, LABEL, letter(number, size)) {
            self.sent.push(Sent { from, to, transfer, size, over: false });
        }
    }

    /// At every moment: what comes is what was sent, in the order of the calls and once, and nothing is confirmed
    /// that did not come.
    pub(crate) fn always(&mut self, lab: &Lab) -> Result<(), String> {
        for actor in lab.everybody() {
            let (came, gone) = self.looked_at.get(&actor).copied().unwrap_or_default();
            for message in lab.came(actor).iter().skip(came) {
                let name = lab.name(actor);
                let number = number(&message.bytes).ok_or_else(|| format!("{name} gets no number"))?;
                let sent = self.sent.get(number as usize).ok_or_else(|| format!("{name} gets {number}"))?;
                if message.bytes != letter(number, sent.size) {
                    return Err(format!("{name} gets other bytes in {number}"));
                }
                let newest = self.newest.insert((actor, message.from), number);
                if newest.is_some_and(|newest| newest >= number) {
                    return Err(format!("{name} gets {number} after {newest:?}"));
                }
                self.arrived.insert(number);
            }
            self.looked_at.insert(actor, (lab.came(actor).len(), gone));
        }
        for actor in lab.everybody() {
            let (came, gone) = self.looked_at.get(&actor).copied().unwrap_or_default();
            for end in lab.gone(actor).iter().skip(gone) {
                let is_it =
                    |sent: &Sent| sent.from == actor && sent.to == end.to && sent.transfer == end.transfer;
                let number = self.sent.iter().position(is_it).ok_or("the end of no message")?;
                if std::mem::replace(&mut self.sent[number].over, true) {
                    return Err(format!("{} hears twice of the end of {number}", lab.name(actor)));
                }
                if end.result.is_ok() && !self.arrived.contains(&u32::try_from(number).unwrap()) {
                    return Err(format!("{number} was confirmed and did not come"));
                }
            }
            self.looked_at.insert(actor, (came, lab.gone(actor).len()));
        }
        Ok(())
    }

    /// Once faults have ended: nothing is on its way for ever.
    pub(crate) fn at_rest(&self, lab: &Lab) -> Result<(), String> {
        let waits = |sent: &&Sent| !sent.over && lab.state(sent.from) == PeerState::Joined;
        match self.sent.iter().position(|sent| waits(&sent)) {
            Some(number) => {
                let Sent { from, to, size, .. } = &self.sent[number];
                let remotes = lab.core(*from).remotes();
                let id = remotes.iter().find(|remote| remote.key == *to).map(|remote| remote.id.to_string());
                let id = id.unwrap_or_default();
                let name = lab.name(*from);
                let words = lab.describe(*from, &id);
                Err(format!("{number} of {size} bytes from {name} to {id} never ends: {words}"))
            }
            None => Ok(()),
        }
    }
}

/// A number, and noise behind it.
fn letter(number: u32, size: usize) -> Vec<u8> {
    let mut noise = fastrand::Rng::with_seed(number.into());
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(std::iter::repeat_with(|| noise.u8(..)).take(size));
    bytes
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|first| u32::from_le_bytes(*first))
}
