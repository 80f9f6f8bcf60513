//! The console in headless Chromium (`foreign/js/console_*.mjs`).

#[path = "foreign_support/script.rs"]
mod script;

use script::{Failed, node};

#[test]
fn every_view_of_the_console_works_shuts_nobody_out_and_shows_markup_as_text() -> Result<(), Failed> {
    node("console_views", &[])
}

#[test]
fn the_console_of_serve_wants_a_key_that_reaches_everything_and_ends_with_it() -> Result<(), Failed> {
    node("console_sign_in", &[])
}

#[test]
fn other_devices_get_into_the_console_of_dev_by_its_link_once() -> Result<(), Failed> {
    node("console_lan", &[])
}
