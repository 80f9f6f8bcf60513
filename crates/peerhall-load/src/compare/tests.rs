use super::*;
use crate::machine::Usage;

/// A window in which 1,000 units cost this much each.
fn window(micros: f64, others: f64) -> Window {
    let usage = Usage { seconds: 1.0, server: Some(micros / 1e3), generator: None, others: Some(others) };
    Window { usage, units: 1_000, ..Window::default() }
}

fn check(at_least: f64) -> Check {
    Check { case: Case::Fanout { subscribers: 100, in_flight: 1 }, peer: Peer::Bun, at_least }
}

fn judged(at_least: f64, costs: &[(f64, f64, f64)]) -> Outcome {
    let pair = |(ours, theirs, noise): &(f64, f64, f64)| Pair {
        ours: window(*ours, *noise),
        theirs: window(*theirs, 0.0),
    };
    outcome(&check(at_least), costs.iter().map(pair).collect(), &Plan { pairs: 3, ..Plan::default() }, None)
}

#[test]
fn the_ratio_is_the_middle_of_the_quiet_pairs() {
    let costs = [(1.0, 9.0, 0.9), (1.0, 2.0, 0.0), (2.0, 3.0, 0.1), (1.0, 1.0, 0.0)];
    let outcome = judged(1.4, &costs);
    assert!((outcome.ratio.unwrap() - 1.5).abs() < 1e-9, "{outcome:?}");
    assert_eq!(outcome.range.map(|(low, high)| (low.round(), high.round())), Some((1.0, 2.0)));
    assert!(outcome.is_pass());
    assert!(outcome.line().starts_with("PASS fanout-100-w1 beside bun: 1.50 x"), "{}", outcome.line());
}

#[test]
fn a_ratio_below_what_is_asked_fails_and_so_does_a_loss_of_ours() {
    assert!(!judged(1.6, &[(1.0, 1.5, 0.0)]).is_pass());
    let mut lossy = judged(1.0, &[(1.0, 1.5, 0.0)]);
    assert!(lossy.is_pass());
    lossy.lost = 1;
    assert!(!lossy.is_pass() && lossy.line().contains("lost 1 here"), "{}", lossy.line());
}

#[test]
fn what_was_not_measured_does_not_pass() {
    let outcome = outcome(&check(0.0), Vec::new(), &Plan::default(), Some("no such program".to_owned()));
    assert!(!outcome.is_pass());
    assert!(outcome.line().contains("no such program"), "{}", outcome.line());
}

#[test]
fn a_fan_out_is_asked_for_in_both_sizes_and_the_page_holds_every_check() {
    let all = checks(&Peer::ALL, 500);
    for peer in Peer::ALL {
        let sizes: Vec<usize> = all
            .iter()
            .filter(|check| check.peer == peer)
            .filter_map(|check| {
                let Case::Fanout { subscribers, in_flight: 1 } = check.case else { return None };
                Some(subscribers)
            })
            .collect();
        let has_no_channels = matches!(peer, Peer::PeerServer | Peer::Matchbox);
        assert!(has_no_channels || sizes == [100, 1_000], "{peer}: {sizes:?}");
    }
    let outcomes: Vec<Outcome> =
        all.iter().map(|check| outcome(check, Vec::new(), &Plan::default(), None)).collect();
    let (date, command, machine) = ("2026-11-21".to_owned(), "x".to_owned(), Machine::this());
    let alone = vec!["PASS idle-10 by itself".to_owned()];
    let page = Page { date, command, seed: 1, machine, alone };
    assert!(page.markdown(&outcomes).ends_with("PASS idle-10 by itself\n"));
    assert_eq!(page.markdown(&outcomes).matches("**FAIL**").count(), all.len());
    for line in page.json_lines(&outcomes).lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["pass"], false);
    }
}
