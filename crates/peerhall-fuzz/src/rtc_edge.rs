//! A native connection on a runtime of its own, for what remote peers tell it.

use std::cell::RefCell;

use peerhall_rtc::net::{Allow, Loopback, NetworkConfig};
use peerhall_rtc::{Config, Events, PeerConnection, SignalingState};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_all().build().expect("a runtime"));
}

/// Tells a fresh connection something. Afterwards it has to answer still, and close.
pub(crate) fn with_connection(tell: impl AsyncFnOnce(&PeerConnection)) {
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            let (connection, events) = PeerConnection::open(config()).expect("a connection");
            let listening = tokio::spawn(listen(events));
            tell(&connection).await;
            let _ = connection.stats().await;
            assert_ne!(connection.signaling_state(), SignalingState::Closed, "the connection has ended");
            connection.close().await;
            listening.await.expect("somebody who listens");
        });
    });
}

/// One socket, from which the kernel sends to nobody else: addresses in an input are anybody's.
fn config() -> Config {
    let only = Allow::Address([127, 0, 0, 1].into());
    let network = NetworkConfig { loopback: Loopback::Always, allow: vec![only], ..NetworkConfig::default() };
    Config { network, ..Config::default() }
}

async fn listen(mut events: Events) {
    while events.next().await.is_some() {}
}

/// Whether an input has a name that would be asked for in the network, which a fuzzer must not do.
pub(crate) fn asks_the_network(text: &str) -> bool {
    text.to_ascii_lowercase().contains(".local")
}
