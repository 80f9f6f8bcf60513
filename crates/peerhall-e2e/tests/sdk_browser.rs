//! Native peers in a room with the vendor's JavaScript SDK in headless Chromium.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, also in what it stands on"
)]

#[path = "sdk_support/collisions.rs"]
mod collisions;
#[path = "sdk_support/room.rs"]
mod room;
#[path = "sdk_support/scenes.rs"]
mod scenes;

use peerhall_e2e::foreign::Browser::Chromium;

#[tokio::test]
async fn a_data_channel_of_each_side_echoes_whoever_gives_way() {
    scenes::a_data_channel_of_each_side_echoes_whoever_gives_way(Chromium).await;
}

#[tokio::test]
async fn x12_both_attach_before_joining_and_the_native_peer_knows_the_metadata_of_what_it_receives() {
    scenes::x12_both_attach_before_joining_and_the_native_peer_knows_the_metadata_of_what_it_receives(
        Chromium,
    )
    .await;
}

#[tokio::test]
async fn streams_come_change_and_go_on_each_side_without_another_connection() {
    scenes::streams_come_change_and_go_on_each_side_without_another_connection(Chromium).await;
}

#[tokio::test]
async fn pictures_of_each_side_in_turn_are_all_seen_when_ours_is_the_first() {
    scenes::pictures_of_each_side_in_turn_are_all_seen_when_ours_is_the_first(Chromium).await;
}

#[tokio::test]
async fn ice_restarts_of_each_side_keep_the_connection_and_its_channels() {
    scenes::ice_restarts_of_each_side_keep_the_connection_and_its_channels(Chromium).await;
}

#[tokio::test]
async fn a_cut_of_each_side_keeps_the_remote_peers_and_brings_streams_and_channels_back() {
    scenes::a_cut_of_each_side_keeps_the_remote_peers_and_brings_streams_and_channels_back(Chromium).await;
}

#[tokio::test]
async fn x12_a_browser_that_answers_on_a_section_of_ours_is_understood_though_it_signals_another_id() {
    scenes::x12_a_browser_that_answers_on_a_section_of_ours_is_understood_though_it_signals_another_id(
        Chromium,
    )
    .await;
}

#[tokio::test]
async fn fifty_collisions_bring_and_take_every_stream_when_the_native_peer_gives_way() {
    collisions::fifty_collisions_bring_and_take_every_stream_when_the_native_peer_gives_way(Chromium).await;
}

#[tokio::test]
async fn fifty_collisions_bring_and_take_every_stream_when_the_page_gives_way() {
    collisions::fifty_collisions_bring_and_take_every_stream_when_the_page_gives_way(Chromium).await;
}

#[tokio::test]
async fn x12_two_pictures_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart() {
    scenes::x12_two_pictures_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart(Chromium).await;
}

#[tokio::test]
async fn x12_tracks_of_both_kinds_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart() {
    scenes::x12_tracks_of_both_kinds_that_a_browser_adds_at_once_on_sections_of_ours_are_told_apart(Chromium)
        .await;
}

#[tokio::test]
async fn x12_what_both_attach_before_joining_keeps_the_metadata_of_each_stream() {
    scenes::x12_what_both_attach_before_joining_keeps_the_metadata_of_each_stream(Chromium).await;
}
