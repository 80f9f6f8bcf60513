//! The npm package `peerhall` in headless Chromium, in the place of the vendor's SDK: the same pages and the
//! same scripts, with nothing changed but the file that is loaded.

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node};

/// Loads our package instead of the vendor's.
const OURS: &str = "--peerhall";

#[test]
fn w151_eight_of_ours_joining_together_exchange_descriptions_in_every_pair() -> Result<(), Failed> {
    node("w151_eight_together", &[OURS])
}

#[test]
fn w152_camera_and_screen_of_ours_arrive_with_their_metadata_and_so_do_data_and_a_kick() -> Result<(), Failed>
{
    node("w152_one_way", &[OURS])
}

#[test]
fn w152_two_pages_of_ours_exchange_their_cameras() -> Result<(), Failed> {
    node("w152_two_way", &[OURS])
}

#[test]
fn w153_ours_comes_back_to_an_empty_room_and_is_told() -> Result<(), Failed> {
    node("w153_partners_gone", &[OURS])
}

#[test]
fn p01_a_killed_server_costs_a_room_of_ours_with_a_camera_nobody() -> Result<(), Failed> {
    node("p01_crash", &["4", "camera", OURS])
}

#[test]
fn r51_r52_five_of_ours_keep_each_other_their_streams_and_their_labels_over_cut_and_crash()
-> Result<(), Failed> {
    node("package_calls", &[OURS])
}

#[test]
fn offers_that_meet_cost_no_picture_while_the_first_connection_comes_about_and_later() -> Result<(), Failed> {
    node("package_collisions", &[])
}

#[test]
fn five_of_ours_in_firefox_do_the_same() -> Result<(), Failed> {
    node("package_calls", &[OURS, "--firefox"])
}

#[test]
fn every_sample_of_the_contract_compiles_strictly_and_does_in_a_browser_what_it_says() -> Result<(), Failed> {
    node("package_samples", &[OURS])
}

#[test]
fn the_published_package_runs_from_every_bundler_a_plain_script_a_worker_and_node() -> Result<(), Failed> {
    node("package_bundlers", &[])
}

#[test]
fn helpers_open_devices_and_tell_quality_speech_and_the_end_of_a_screen() -> Result<(), Failed> {
    node("package_helpers", &[])
}

#[test]
fn react_hooks_survive_the_double_mount_of_strict_mode() -> Result<(), Failed> {
    node("package_react", &[])
}

#[test]
fn the_same_calls_on_the_vendors_package_and_on_ours_tell_the_same_events_in_the_same_order()
-> Result<(), Failed> {
    node("package_twins", &[])
}

#[test]
fn r51_r52_five_whose_peers_know_labels_and_use_none_do_the_same() -> Result<(), Failed> {
    node("package_calls", &["--labelled"])
}

#[test]
fn peers_with_labels_open_transfer_and_share_on_one_object_beside_what_every_peer_does() -> Result<(), Failed>
{
    node("package_one_object", &[])
}

#[test]
fn l01_to_l18_two_pages_in_chromium_exchange_labelled_messages_and_streams_over_aborts_a_cut_and_a_reload()
-> Result<(), Failed> {
    node("package_labelled", &[])
}

#[test]
fn l01_to_l18_firefox_sends_labelled_messages_and_streams_to_chromium() -> Result<(), Failed> {
    node("package_labelled", &["--firefox"])
}
