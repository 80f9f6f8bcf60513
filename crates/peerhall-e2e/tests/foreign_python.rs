//! The vendor's Python SDK and a plain WebSocket client (`foreign/python/`) against the real binary.

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node, python};

#[test]
fn python_clients_publish_send_and_come_back_after_a_cut() -> Result<(), Failed> {
    python("pubsub")
}

#[test]
fn python_peers_echo_over_a_data_channel() -> Result<(), Failed> {
    python("data_channel")
}

#[test]
fn a_plain_websocket_client_subscribes_publishes_and_sends() -> Result<(), Failed> {
    python("raw")
}

#[test]
fn w154_a_python_peer_and_a_browser_exchange_media_messages_and_metadata() -> Result<(), Failed> {
    node("w154_python_and_browser", &[])
}

#[test]
fn clients_meet_over_tls_and_rest_and_the_page_are_served_over_it() -> Result<(), Failed> {
    python("tls")
}
