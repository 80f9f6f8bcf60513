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
