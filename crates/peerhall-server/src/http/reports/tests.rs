use peerhall_auth::key::{AppRecord, KeyRecord};
use peerhall_auth::pattern::PatternSet;
use serde_json::json;

use super::*;

struct Lab {
    reports: Reports,
    keyring: Keyring,
    key: String,
    app: AppId,
}

impl Lab {
    fn new() -> Self {
        let app: AppId = "app".parse().unwrap();
        let patterns = PatternSet::for_key(vec!["**".parse().unwrap()]).unwrap();
        let key = KeyRecord::generate(KeyKind::Publishable, app.clone(), patterns, 0).unwrap();
        let name = key.id.as_str().to_owned();
        let keyring = Keyring::new(vec![AppRecord::new(app.clone())], vec![key]).unwrap();
        Self { reports: Reports::default(), keyring, key: name, app }
    }

    fn tell(&self, from: &str, to: &str, path: &str, sent: u64, received: u64, at: u64) {
        let call = json!({"with": to, "state": "connected", "path": path, "sent": sent, "received": received,
            "roundTripMs": 12});
        let name = format!("<b>{from}</b>");
        let body = json!({"key": self.key, "peer": from, "name": name, "calls": [call]}).to_string();
        let thanks = self.reports.take(&self.keyring, &body, Audience::Somebody, Tick(at));
        assert_eq!(thanks.unwrap().unwrap().next_ms, 2_000);
    }

    fn flow(&self, at: u64) -> Option<Flow> {
        self.reports.of(&self.app, Tick(at)).into_values().next()
    }
}

#[test]
fn the_rate_of_a_call_is_what_both_ends_sent_since_they_last_told() {
    let lab = Lab::new();
    lab.tell("ann", "ben", "direct", 1_000, 0, 1_000);
    lab.tell("ben", "ann", "direct", 0, 900, 1_000);
    lab.tell("ann", "ben", "direct", 5_000, 100, 3_000);
    lab.tell("ben", "ann", "direct", 600, 4_000, 3_000);
    let flow = lab.flow(3_000).unwrap();
    assert_eq!((flow.bytes_per_second, flow.path, flow.round_trip_ms), (2_300, Some(Path::Direct), Some(12)));
    assert_eq!(lab.reports.direct_bytes(Tick(3_000)), Some(2_300));
    assert_eq!(lab.reports.of(&lab.app, Tick(3_000)).len(), 1, "one line for each pair");
}

#[test]
fn one_end_is_enough_and_a_relay_at_either_end_is_one() {
    let lab = Lab::new();
    lab.tell("ann", "ben", "direct", 0, 0, 1_000);
    lab.tell("ann", "ben", "direct", 2_000, 4_000, 3_000);
    assert_eq!(lab.flow(3_000).unwrap().bytes_per_second, 3_000);
    lab.tell("ben", "ann", "relay", 0, 0, 3_000);
    assert_eq!(lab.flow(3_000).unwrap().path, Some(Path::Relay));
    assert_eq!(lab.reports.direct_bytes(Tick(3_000)), Some(0));
}

#[test]
fn a_new_connection_counts_from_zero_and_what_was_told_long_ago_is_nothing() {
    let lab = Lab::new();
    lab.tell("ann", "ben", "direct", 1_000_000, 0, 1_000);
    lab.tell("ann", "ben", "direct", 4_000, 0, 3_000);
    assert_eq!(lab.flow(3_000).unwrap().bytes_per_second, 2_000);
    assert_eq!(lab.flow(10_000), None);
    assert_eq!(lab.reports.direct_bytes(Tick(10_000)), None);
}

#[test]
fn what_is_told_too_often_or_of_too_many_takes_no_room() {
    let lab = Lab::new();
    lab.tell("ann", "ben", "direct", 0, 0, 1_000);
    lab.tell("ann", "ben", "direct", 1_000_000_000, 0, 1_001);
    assert_eq!(lab.flow(1_001).unwrap().bytes_per_second, 0);
    for from in 0..MAX_KNOWN + 100 {
        lab.tell(&format!("peer-{from}"), "ben", "direct", 0, 0, 1_001);
    }
    assert_eq!(lab.reports.calls().len(), MAX_KNOWN);
    assert_eq!(lab.reports.names(&lab.app, Tick(1_001)).len(), MAX_KNOWN);
    lab.tell("late", "ben", "direct", 0, 0, 60_000);
    assert_eq!(lab.reports.calls().len(), 1, "old ones make room");
    let names = lab.reports.names(&lab.app, Tick(60_000));
    assert_eq!(names.into_values().collect::<Vec<_>>(), ["<b>late</b>"]);
}

#[test]
fn a_report_without_a_good_key_or_a_shape_is_refused_and_one_that_nobody_wants_is_not_kept() {
    let lab = Lab::new();
    let take = |body: &serde_json::Value, audience| {
        lab.reports.take(&lab.keyring, &body.to_string(), audience, Tick(0))
    };
    let call = json!({"with": "ben", "state": "connected", "path": null, "sent": 1, "received": 1});
    let good = json!({"key": lab.key, "peer": "ann", "calls": [call]});
    assert_eq!(take(&good, Audience::Nobody).unwrap().unwrap().next_ms, 15_000);
    assert!(lab.reports.calls().is_empty());
    let strange = json!({"key": "pk_live_00000000000000000000000000000000", "peer": "ann", "calls": []});
    assert!(take(&strange, Audience::Somebody).unwrap().is_none());
    for wrong in [
        json!([]),
        json!({}),
        json!({"key": lab.key, "peer": "", "calls": []}),
        json!({"key": lab.key, "peer": "ann", "calls": [{"with": "ben"}]}),
        json!({"key": lab.key, "peer": "ann", "calls": [{"with": "ben", "state": "odd", "path": null, "sent": 1, "received": 1}]}),
        json!({"key": lab.key, "peer": "ann", "calls": [{"with": "ben", "state": "connected", "path": null, "sent": -1, "received": 1}]}),
        json!({"key": lab.key, "peer": "ann", "calls": vec![call.clone(); MAX_CALLS + 1]}),
    ] {
        assert!(take(&wrong, Audience::Somebody).is_err(), "{wrong}");
    }
    assert!(lab.reports.calls().is_empty());
}
