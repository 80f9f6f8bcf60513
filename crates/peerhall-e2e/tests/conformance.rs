//! The short forms of the conformance suites. `cargo xtask conformance` runs the long ones.

use peerhall_e2e::conformance::{Extent, autobahn, json, schemathesis};

/// What the suite has without large messages and compression.
const AUTOBAHN_CASES: usize = 247;

#[test]
fn p12_the_autobahn_testsuite_finds_nothing_wrong_with_the_framing() {
    let report = autobahn::run(Extent::Short);
    println!("{}", report.summary());
    assert_eq!(report.failed(), Vec::<String>::new());
    assert_eq!(report.count(), AUTOBAHN_CASES);
    assert!(report.non_strict().len() <= 2, "non-strict: {:?}", report.non_strict());
}

#[test]
fn p14_the_json_suite_passes_from_socket_to_socket_as_in_v8() {
    let report = json::run();
    println!("{}", report.summary());
    assert_eq!(report.failed(), Vec::<String>::new());
    assert_eq!(report.counts(), [(95, 95), (188, 188), (35, 35)]);
}

#[test]
fn p22_requests_made_up_from_the_description_are_answered_as_it_says() {
    let report = schemathesis::run(Extent::Short, None);
    println!("{}", report.summary);
    assert!(report.passed, "seed {}: {}", report.seed, report.output);
}
