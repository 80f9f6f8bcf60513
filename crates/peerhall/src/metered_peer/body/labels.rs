//! The labelled layer over a peer, from its first use on.

use std::sync::{Arc, Weak};

use peerhall_core::{Peer, PeerState, RemoteState, RtcInput, Time};
use peerhall_labelled::Config;
use serde_json::Value;
use tokio::sync::mpsc;

use super::PeerBody;
use crate::event::{RemoteEvent, StateChange};
use crate::labelled::{Layer, News};

/// Where the layer is.
#[derive(Default)]
pub(super) struct Place {
    present: Weak<Layer>,
    /// The peer was asked for labels itself, and keeps the layer that its handles use.
    kept: Option<Arc<Layer>>,
}

impl PeerBody {
    /// The layer, which the peer keeps from now on if it is to; with what it is to listen to, if it is new.
    pub(crate) fn layer(
        &mut self,
        mind: &mut Peer<Value>,
        now: Time,
        config: Config,
        keep: bool,
    ) -> (Arc<Layer>, Option<mpsc::UnboundedReceiver<News>>) {
        let (layer, news) = match self.layer.present.upgrade() {
            Some(layer) => (layer, None),
            None => {
                let news = self.tell_labels(mind, now, config.fallback);
                (Layer::new(config), Some(news))
            }
        };
        self.layer.present = Arc::downgrade(&layer);
        if keep {
            self.layer.kept = Some(Arc::clone(&layer));
        }
        (layer, news)
    }

    /// Tells remote peers from now on that labels are known, and the layer of what happens, first of those who are
    /// here. Bounded by what remote peers may do before their connections are reset or their sessions cut off.
    fn tell_labels(
        &mut self,
        mind: &mut Peer<Value>,
        now: Time,
        fallback: bool,
    ) -> mpsc::UnboundedReceiver<News> {
        let (mouth, ear) = mpsc::unbounded_channel();
        if mind.state() == PeerState::Closed {
            return ear;
        }
        mind.know_labels();
        if fallback {
            mind.offer_detours();
        }
        for info in mind.remotes() {
            let Some(remote) = self.remotes.get(&info.key) else { continue };
            let state = StateChange { from: RemoteState::Idle, to: info.state };
            let tracks = remote.inner.live_tracks().into_iter().map(RemoteEvent::Track);
            let seen = [RemoteEvent::StateChange(state)].into_iter().chain(tracks);
            let joined = News::Joined(remote.clone(), self.connection(info.link));
            let news = [joined].into_iter().chain(seen.map(|event| News::Remote(info.key, event)));
            // Whoever listens is about to.
            news.for_each(|news| drop(mouth.send(news)));
            if info.state != RemoteState::Idle {
                // Who knows labels is said in descriptions, so that another one is made.
                mind.rtc(now, info.link, RtcInput::NegotiationNeeded);
            }
        }
        self.labels = Some(mouth);
        ear
    }
}
