//! The server's own page at `/` in headless Chromium and Firefox with fake media (`foreign/js/page_*.mjs`).

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node};

#[test]
fn the_page_is_complete_and_quiet_asks_no_other_host_and_fits_every_screen() -> Result<(), Failed> {
    node("page_loads", &[])
}

#[test]
fn two_visitors_meet_talk_and_call_and_markup_in_their_names_stays_text() -> Result<(), Failed> {
    node("page_room", &[])
}

#[test]
fn the_page_comes_back_as_the_same_peer_and_tells_of_a_key_that_is_not_taken() -> Result<(), Failed> {
    node("page_returns", &[])
}

#[test]
fn the_page_and_the_vendors_sdk_see_and_hear_each_other() -> Result<(), Failed> {
    node("page_and_sdk", &[])
}

#[test]
fn the_page_shuts_nobody_out_and_shows_how_what_is_broken_on_purpose_mends() -> Result<(), Failed> {
    node("page_looks", &[])
}

#[test]
fn firefox_and_chromium_meet_on_the_page_and_the_console_shows_them_in_firefox() -> Result<(), Failed> {
    node("page_firefox", &[])
}

#[test]
fn a_call_goes_over_the_relay_when_asked_to_and_the_console_shows_which_way_and_how_much()
-> Result<(), Failed> {
    node("page_relay", &[])
}

#[test]
fn five_people_a_missing_camera_a_refused_key_and_a_lost_server_are_shown_so_that_all_can_read_it()
-> Result<(), Failed> {
    node("page_states", &[])
}

#[test]
fn the_page_checks_its_connection_and_says_how_to_mend_what_does_not_work() -> Result<(), Failed> {
    node("page_doctor", &[])
}

#[test]
fn visitors_offer_take_pause_and_stop_files_and_what_is_saved_is_what_was_sent() -> Result<(), Failed> {
    node("page_files", &[])
}

#[test]
fn the_page_takes_what_peerhall_send_offers_by_its_link_or_code_and_nothing_of_who_does_not_know_it()
-> Result<(), Failed> {
    node("page_send", &[])
}

#[test]
fn visitors_without_a_connection_get_files_through_the_server_and_see_it() -> Result<(), Failed> {
    node("page_fallback", &[])
}
