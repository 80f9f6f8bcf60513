//! The room server of `socketio.mjs` on socketioxide and axum. WebSocket only, one thread.
//!
//! `socketioxide PORT`

use axum::serve::ListenerExt;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::{SocketIo, TransportType};
use tokio::net::TcpListener;

type Failed = Box<dyn std::error::Error>;

async fn subscribe(socket: SocketRef, Data((room, wants_members)): Data<(String, bool)>, ack: AckSender) {
    if wants_members {
        let _ = socket.to(room.clone()).emit("joined", &json!({ "peerId": socket.id })).await;
        socket.join(room.clone());
        let members: Vec<Value> =
            socket.within(room).sockets().iter().map(|member| json!({ "peerId": member.id })).collect();
        let _ = socket.emit("members", &members);
    } else {
        socket.join(room);
    }
    let _ = ack.send(&());
}

async fn publish(socket: SocketRef, Data((channel, data)): Data<(String, Value)>) {
    let message = json!({ "channel": channel, "from": socket.id, "data": data });
    let _ = socket.to(channel).emit("message", &message).await;
}

async fn direct(socket: SocketRef, Data((to, data)): Data<(String, Value)>, ack: AckSender) {
    let _ = socket.to(to).emit("direct", &json!({ "from": socket.id, "data": data })).await;
    let _ = ack.send(&());
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let port: u16 = std::env::args().nth(1).ok_or("the port is missing")?.parse()?;
    let (layer, io) = SocketIo::builder().max_buffer_size(10_000).transports([TransportType::Websocket]).build_layer();
    io.ns("/", async |socket: SocketRef| {
        // Unlike in Node's socket.io, nobody is in a room of their own from the start.
        socket.join(socket.id.to_string());
        socket.on("sub", subscribe);
        socket.on("pub", publish);
        socket.on("to", direct);
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // Without it small frames wait for acknowledgements of earlier ones.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}
