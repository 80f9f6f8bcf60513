use crate::support::{Run, command};

/// The report of a run, and its end.
fn bench(arguments: &[&str]) -> Run {
    Run(command().arg("bench").args(arguments).output().unwrap())
}

#[test]
fn every_scenario_runs_on_a_server_of_its_own_and_loses_nothing() {
    let report = bench(&["--smoke", "--json", "--seed", "7"]).text();
    let figures: Vec<serde_json::Value> =
        report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = figures.iter().map(|figure| figure["figure"].as_str().unwrap()).collect();
    let begins =
        ["connect", "fanout", "fanout", "fanout", "fanout", "rooms", "direct", "join", "latency", "idle"];
    assert_eq!(names.len(), begins.len(), "{names:?}");
    assert!(names.iter().zip(begins).all(|(name, begin)| name.starts_with(begin)), "{names:?}");
    for figure in &figures {
        assert_eq!((&figure["lost"], &figure["seed"]), (&0.into(), &7.into()), "{figure}");
        assert_eq!(figure["cpuSeconds"].is_number(), cfg!(target_os = "linux"), "{figure}");
    }
}

#[test]
fn a_report_for_people_names_seed_and_limit() {
    let report = bench(&["direct", "--smoke", "--seed", "7"]).text();
    assert!(report.contains("seed 7") && report.contains("limit") && report.contains("lost"), "{report}");
}

#[test]
fn a_scenario_or_url_that_does_not_exist_is_told_with_the_next_step() {
    assert!(bench(&["fanin"]).sentence(2).contains("fanout"));
    assert!(bench(&["direct", "--url", "wss://x/v1"]).sentence(1).contains("ws://"));
}
