//! Publish and subscribe without peer connections: a sensor, and somebody who watches all sensors.
//!
//! `cargo run --example pubsub -- ws://127.0.0.1:7788 pk_live_…`

use peerhall::{CloseCode, SignallingClient, SignallingOptions, SubscribeOptions};
use serde::{Deserialize, Serialize};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    celsius: f64,
}

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (url, key) = (arguments.next().ok_or("which URL?")?, arguments.next().ok_or("which key?")?);
    run(&url, &key).await
}

/// Publishes three readings and reads them.
pub(crate) async fn run(url: &str, key: &str) -> Outcome {
    let watcher = SignallingClient::new(SignallingOptions::with_key(url, key)?)?;
    let sensor = SignallingClient::new(SignallingOptions::with_key(url, key)?)?;
    let mut messages = watcher.on_message();
    watcher.connect().await?;
    sensor.connect().await?;
    // A star stands for one part of a name; the server sends whatever matches.
    watcher.subscribe("sensors/*/temperature", SubscribeOptions::default()).await?;

    for celsius in [20.5, 21.0, 21.5] {
        sensor.publish("sensors/kitchen/temperature", Reading { celsius }).await?;
    }
    for celsius in [20.5, 21.0, 21.5] {
        let message = messages.next().await.ok_or("the watcher ended")?;
        let reading: Reading = serde_json::from_value(message.data)?;
        println!("{}: {} °C", message.channel, reading.celsius);
        assert_eq!(reading, Reading { celsius });
    }
    sensor.close(CloseCode::NORMAL, "done").await;
    watcher.close(CloseCode::NORMAL, "done").await;
    Ok(())
}
