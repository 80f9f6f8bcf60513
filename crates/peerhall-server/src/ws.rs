//! The WebSocket protocol (RFC 6455), the server's side of it, without a socket.
//!
//! Why our own and not a crate: every ready codec keeps a read buffer per connection, 8 to 134 KiB
//! of it while idle. Here the bytes stay in one buffer that the shard owns and all its connections
//! share; a connection keeps a [`Decoder`](decode::Decoder) of 16 bytes and whatever tail of a frame
//! had not arrived yet.
//!
//! The life of a connection, as the shard sees it:
//!
//! 1. [`handshake::parse`] finds the request's head, [`handshake::upgrade`] checks it and makes the
//!    101, or a [`Refusal`](handshake::Refusal) that knows its own HTTP answer.
//! 2. [`decode::Decoder`] turns what is read into messages, in place.
//! 3. [`encode`] writes frames onto the end of what is to be sent.
//!
//! No extensions and no subprotocols (wire protocol, section 1.5).

pub mod decode;
pub mod encode;
pub mod handshake;
mod mask;

#[cfg(test)]
mod tests;
