use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Run, command};

fn run(arguments: &[&str]) -> Run {
    Run(command().args(arguments).output().unwrap())
}

fn check(file: &Path) -> Run {
    Run(command().args(["config", "check"]).arg(file).output().unwrap())
}

#[test]
fn the_printed_schema_passes_the_check() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("peerhall.toml");
    std::fs::write(&file, run(&["config", "schema"]).text()).unwrap();
    assert!(check(&file).text().contains("is a valid configuration"));
    let verdict = Run(command().args(["config", "check", "--json"]).arg(&file).output().unwrap()).json();
    assert_eq!(verdict, json!({ "file": file.to_str().unwrap(), "valid": true }));
}

#[test]
fn the_schema_as_json_names_every_key_that_the_file_has() {
    let settings = run(&["config", "schema", "--json"]).json()["settings"].take();
    let settings = settings.as_array().unwrap();
    let burst = settings.iter().find(|setting| setting["key"] == "limits.frame_burst").unwrap();
    assert_eq!(burst["default"], json!("200"));
    assert_eq!(burst["variable"], json!("PEERHALL_LIMITS_FRAME_BURST"));
    let text = run(&["config", "schema"]).text();
    assert!(settings.iter().all(|setting| text.contains(setting["variable"].as_str().unwrap())));
    assert_eq!(settings.len(), text.matches("Variable: ").count());
}

#[test]
fn a_wrong_file_is_told_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("peerhall.toml");
    assert!(check(&file).sentence(1).contains("peerhall.toml"));
    for (text, about) in [
        ("listen = 7", "line 1"),
        ("[limits]\nframe_brust = 1", "frame_brust"),
        ("presence.pause = \"2s\"", "presence.pause is 2s, but it must be from 0s to 1s"),
        ("tls.cert_file = \"a\"", "tls.key_file"),
    ] {
        std::fs::write(&file, text).unwrap();
        let sentence = check(&file).sentence(1);
        assert!(sentence.contains(about), "{text}: {sentence}");
    }
}
