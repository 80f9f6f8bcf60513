//! Candidates of both sides.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use peerhall_proto::signal::{Candidate, MAX_CANDIDATE_CHARS, MAX_CANDIDATES};
use str0m::{Candidate as Engine, CandidateKind as EngineKind, Rtc};
use tokio::task::JoinSet;

use crate::error::CandidateError;
use crate::event::CandidateKind;
use crate::negotiation::{LocalIdentity, Negotiation};
use crate::net::{self, LocalCandidate};

/// How long the name in a browser's candidate may take to be resolved.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Most names that are being resolved at a time; a browser has one for each of its interfaces.
const MAX_RESOLVING: usize = 16;

/// Most addresses of a remote whose kind is remembered, over all negotiations.
const MAX_KINDS: usize = 1_024;

/// The remote's candidates, some of which have to be resolved first.
#[derive(Debug, Default)]
pub(super) struct RemoteCandidates {
    /// How many came in this negotiation.
    count: usize,
    /// What each address was called, for telling which one a path uses.
    kinds: HashMap<SocketAddr, CandidateKind>,
    resolving: JoinSet<Option<String>>,
}

impl RemoteCandidates {
    /// A description of the remote took effect.
    pub(super) fn restart(&mut self) {
        self.count = 0;
    }

    /// Takes a candidate up, or starts to resolve it. Says whether the engine got something.
    pub(super) fn add(
        &mut self,
        rtc: &mut Rtc,
        negotiation: &Negotiation,
        candidate: &Candidate,
    ) -> Result<bool, CandidateError> {
        if !negotiation.has_remote() {
            return Err(CandidateError::NoRemoteDescription);
        }
        let line = candidate.candidate.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        if line.is_empty() {
            return Ok(false);
        }
        if line.len() > MAX_CANDIDATE_CHARS {
            return Err(CandidateError::Syntax);
        }
        let ufrag = candidate.username_fragment.as_deref().or_else(|| extension(line, "ufrag"));
        if ufrag.is_some_and(|ufrag| negotiation.is_former(ufrag)) {
            return Ok(false);
        }
        if self.count >= MAX_CANDIDATES {
            return Err(CandidateError::TooMany);
        }
        self.count += 1;
        self.take(rtc, line)
    }

    /// The next name that was resolved, as a candidate for [`take`](Self::take). Cancel safe; never
    /// ready while nothing is being resolved.
    pub(super) async fn resolved(&mut self) -> Option<String> {
        match self.resolving.join_next().await {
            Some(done) => done.ok().flatten(),
            None => std::future::pending().await,
        }
    }

    /// Gives a candidate line to the engine, or its name to the resolver.
    pub(super) fn take(&mut self, rtc: &mut Rtc, line: &str) -> Result<bool, CandidateError> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let protocol = fields.get(2).ok_or(CandidateError::Syntax)?;
        let address = fields.get(4).ok_or(CandidateError::Syntax)?;
        if !protocol.eq_ignore_ascii_case("udp") {
            return Ok(false);
        }
        if address.to_ascii_lowercase().ends_with(".local") {
            self.resolve((*address).to_owned(), line.to_owned());
            return Ok(false);
        }
        let parsed = Engine::from_sdp_string(line).map_err(|_| CandidateError::Syntax)?;
        if self.kinds.len() < MAX_KINDS {
            self.kinds.insert(parsed.addr(), kind(parsed.kind()));
        }
        rtc.add_remote_candidate(parsed);
        Ok(true)
    }

    /// What an address of the remote is; one that it never named was seen on a packet.
    pub(super) fn kind_of(&self, address: SocketAddr) -> CandidateKind {
        self.kinds.get(&address).copied().unwrap_or(CandidateKind::PeerReflexive)
    }

    fn resolve(&mut self, name: String, line: String) {
        if self.resolving.len() >= MAX_RESOLVING {
            tracing::debug!("too many names of candidates at a time, one is left out");
            return;
        }
        self.resolving.spawn(async move {
            let address = net::mdns::resolve(&name, RESOLVE_TIMEOUT).await?;
            Some(line.replacen(&name, &address.to_string(), 1))
        });
    }
}

/// Tells the engine of a local candidate. Returns the line for the remote when it is a new one.
pub(super) fn add_local(rtc: &mut Rtc, found: LocalCandidate) -> Option<String> {
    let candidate = engine(found)?;
    rtc.add_local_candidate(candidate).map(Engine::to_sdp_string)
}

/// Tells the engine that a local candidate works no longer.
pub(super) fn remove_local(rtc: &mut Rtc, lost: LocalCandidate) {
    if let Some(candidate) = engine(lost) {
        rtc.direct_api().invalidate_candidate(&candidate);
    }
}

/// A local candidate as it travels. The engine writes the ICE user name that is in force; that of an
/// offer which waits for its answer is the one that counts.
pub(super) fn signal(line: &str, local: &LocalIdentity) -> Candidate {
    let own = line.split_once(" ufrag ").map_or(line, |(own, _)| own);
    Candidate {
        candidate: format!("{own} ufrag {}", local.ufrag),
        sdp_mid: Some(local.section.clone()),
        sdp_m_line_index: Some(0),
        username_fragment: Some(local.ufrag.clone()),
    }
}

pub(super) fn kind(kind: EngineKind) -> CandidateKind {
    match kind {
        EngineKind::Host => CandidateKind::Host,
        EngineKind::PeerReflexive => CandidateKind::PeerReflexive,
        EngineKind::ServerReflexive => CandidateKind::ServerReflexive,
        EngineKind::Relayed => CandidateKind::Relayed,
    }
}

fn engine(found: LocalCandidate) -> Option<Engine> {
    let LocalCandidate { addr, local, kind, .. } = found;
    let build = Engine::builder().udp();
    let route = match kind {
        net::CandidateKind::Host => build.host(addr),
        net::CandidateKind::ServerReflexive => build.server_reflexive(addr, local),
        net::CandidateKind::Relayed { .. } => build.relayed(addr, local),
    };
    route.build().ok()
}

/// Value after a name in the extensions of a candidate line.
fn extension<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().skip_while(|field| *field != name).nth(1)
}
