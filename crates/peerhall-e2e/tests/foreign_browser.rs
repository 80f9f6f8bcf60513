//! The vendor's JavaScript SDK in headless Chromium (`foreign/pages/`, driven by `foreign/js/`),
//! with fake media, against the real binary.

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node};

#[test]
fn w151_eight_peers_joining_together_exchange_descriptions_in_every_pair() -> Result<(), Failed> {
    node("w151_eight_together", &[])
}

#[test]
fn w152_camera_and_screen_arrive_with_their_metadata_and_so_do_data_and_a_kick() -> Result<(), Failed> {
    node("w152_one_way", &[])
}

#[test]
fn w152_two_pages_exchange_their_cameras() -> Result<(), Failed> {
    node("w152_two_way", &[])
}

#[test]
fn w152_a_cut_socket_keeps_the_remote_peers_and_the_picture_returns() -> Result<(), Failed> {
    node("w152_cut", &[])
}

#[test]
fn w153_who_comes_back_to_an_empty_room_is_told_within_two_seconds() -> Result<(), Failed> {
    node("w153_partners_gone", &[])
}

#[test]
fn p01_a_killed_server_costs_a_room_of_four_with_a_camera_nobody() -> Result<(), Failed> {
    node("p01_crash", &["4", "camera"])
}

#[test]
fn p01_a_killed_server_costs_a_room_of_eight_nobody() -> Result<(), Failed> {
    node("p01_crash", &["8"])
}
