//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy on loopback. Dropping it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    cuts: watch::Sender<u32>,
}

impl Proxy {
    /// Listens on a free port and leads to `target`.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(serve(listener, target, cut));
        Self { addr, cuts }
    }

    /// The URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// Ends all connections of this moment without a word; new ones are let through.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, cut: watch::Receiver<u32>) {
    let mut end = cut.clone();
    loop {
        let near = tokio::select! {
            accepted = listener.accept() => accepted,
            () = gone(&mut end) => return,
        };
        let Ok((near, _)) = near else { continue };
        let mut cut = cut.clone();
        cut.mark_unchanged();
        tokio::spawn(async move {
            tokio::select! {
                () = carry(near, target) => {}
                // An error is the proxy's own end, which cuts as well.
                _ = cut.changed() => {}
            }
        });
    }
}

async fn gone(cut: &mut watch::Receiver<u32>) {
    while cut.changed().await.is_ok() {}
}

/// Carries bytes until one side ends; what remains ends with it.
async fn carry(mut near: TcpStream, target: SocketAddr) {
    if let Ok(mut far) = TcpStream::connect(target).await {
        // A connection that breaks is over, whatever broke it.
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}
