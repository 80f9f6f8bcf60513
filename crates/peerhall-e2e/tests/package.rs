//! The npm package `peerhall` in Node.js, without a server: each test is a case of a file in
//! `packages/peerhall/tests`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::process::Command;

use peerhall_e2e::foreign::{node_interpreter, workspace};

/// Runs one case; `cargo xtask test` builds the package before.
fn case(file: &str, name: &str) {
    let folder = workspace().join("packages/peerhall");
    let built = folder.join("dist/peerhall.js");
    assert!(built.is_file(), "no package; `cargo xtask package` builds it");
    let output = Command::new(node_interpreter())
        .arg(folder.join("tests/run.mjs"))
        .args([file, name])
        .output()
        .expect("Node.js; `cargo xtask test` says how to get it");
    if !output.status.success() {
        panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn options_that_cannot_work_are_refused_where_they_are_made() {
    case("units", "options");
}

#[test]
fn r08_an_inactivity_limit_that_is_no_number_is_refused() {
    case("units", "r08");
}

#[test]
fn r13_without_a_socket_of_the_platform_a_factory_is_demanded() {
    case("units", "r13");
}

#[test]
fn r23_off_removes_what_once_has_added() {
    case("units", "r23");
}

#[test]
fn r42_sizes_are_measured_without_a_text_encoder() {
    case("units", "r42");
}

#[test]
fn r80_a_listener_that_throws_does_not_stop_the_others() {
    case("units", "r80");
}

#[test]
fn r81_what_is_serialised_holds_no_credential() {
    case("units", "secrets");
}

#[test]
fn calls_in_the_wrong_state_reject_with_the_errors_of_the_seeds() {
    case("units", "states");
}

#[test]
fn tracks_are_kept_with_what_was_said_about_them() {
    case("units", "media");
}

#[test]
fn a_data_channel_waits_for_room_and_fails_alone() {
    case("units", "channel");
}

#[test]
fn a_code_of_files_is_read_and_proved_as_native_programs_do() {
    case("units", "code");
}

#[test]
fn a_peer_with_labels_is_one_object_with_its_room() {
    case("units", "oneObject");
}

#[test]
fn a_peer_without_labels_says_where_they_are() {
    case("units", "withoutLabels");
}

#[test]
fn importing_touches_nothing_of_the_platform() {
    case("units", "imports");
}

#[test]
fn every_export_of_the_vendors_sdk_is_there() {
    case("surface", "names");
}

#[test]
fn every_public_member_of_the_vendors_classes_is_there() {
    case("surface", "members");
}

#[test]
fn the_peers_of_both_entries_have_the_same_calls() {
    case("surface", "labelled");
}

#[test]
fn the_errors_have_the_names_and_fields_of_the_vendors() {
    case("surface", "errors");
}

#[test]
fn every_type_that_the_vendor_declares_is_declared() {
    case("surface", "types");
}

#[test]
fn the_package_stays_within_its_limits_and_the_page_of_sizes_is_that_of_this_build() {
    case("size", "limits");
}

#[test]
fn what_is_packed_comes_back_whatever_it_was() {
    case("size", "packing");
}

#[test]
fn a_panic_whose_words_were_taken_out_traps() {
    case("size", "panics");
}
