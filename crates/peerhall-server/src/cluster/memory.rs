//! A bus between nodes of one process: the default, and the test double. Links can be cut.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Address, Bus, Inbox, NodeId, Parcel};

/// Carries parcels between nodes in this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    inboxes: HashMap<NodeId, Inbox>,
    cut: HashSet<(NodeId, NodeId)>,
    silenced: HashSet<NodeId>,
}

impl MemoryBus {
    /// A bus without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes on the bus, in the order of their numbers.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        let mut nodes: Vec<_> = self.with(|state| state.inboxes.keys().copied().collect());
        nodes.sort_unstable();
        nodes
    }

    /// Cuts the link between two nodes, in both directions.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.with(|state| state.cut.extend([(one, other), (other, one)]));
    }

    /// Mends every link that was cut.
    pub fn mend(&self) {
        self.with(|state| state.cut.clear());
    }

    /// Loses everything that a node sends and gets from now on, as if its machine had died.
    pub fn silence(&self, node: NodeId) {
        self.with(|state| state.silenced.insert(node));
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn carries(&self, from: NodeId, to: NodeId) -> bool {
        from != to
            && !self.cut.contains(&(from, to))
            && !self.silenced.contains(&from)
            && !self.silenced.contains(&to)
    }
}

impl Bus for MemoryBus {
    fn join(&self, node: NodeId, inbox: Inbox) {
        self.with(|state| state.inboxes.insert(node, inbox));
    }

    fn send(&self, from: NodeId, to: Address, parcel: &Arc<Parcel>) {
        self.with(|state| {
            let reached = state.inboxes.iter().filter(|(node, _)| match to {
                Address::Everybody => state.carries(from, **node),
                Address::Node(to) => **node == to && state.carries(from, to),
            });
            for (_, inbox) in reached {
                inbox.deliver(from, parcel.clone());
            }
        });
    }

    fn leave(&self, node: NodeId) {
        self.with(|state| state.inboxes.remove(&node));
    }
}
