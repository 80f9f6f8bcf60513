//! The vendor's JavaScript SDK in Node.js (`foreign/js/`), unchanged, against the real binary.

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node};

#[test]
fn w114_an_idle_client_stays_connected_for_five_minutes() -> Result<(), Failed> {
    node("w114_idle", &[])
}

#[test]
fn w117_clients_return_to_their_channel_on_a_server_restarted_on_the_same_port() -> Result<(), Failed> {
    node("w117_restart", &[])
}

#[test]
fn w149_a_client_subscribes_publishes_sends_and_comes_back_after_a_cut() -> Result<(), Failed> {
    node("w149_client", &[])
}

#[test]
fn w150_two_peers_see_each_other_whichever_joins_first_in_100_of_100_runs() -> Result<(), Failed> {
    node("w150_pairs", &[])
}

#[test]
fn w155_a_message_of_exactly_the_announced_size_is_delivered() -> Result<(), Failed> {
    node("w155_largest_message", &[])
}

#[test]
fn w156_a_kick_surfaces_as_admin_disconnect_and_ends_in_closed() -> Result<(), Failed> {
    node("w156_kick", &[])
}

#[test]
fn tokens_of_the_rest_api_carry_identity_and_metadata_and_are_replaced_at_their_end() -> Result<(), Failed> {
    node("token_provider", &[])
}
