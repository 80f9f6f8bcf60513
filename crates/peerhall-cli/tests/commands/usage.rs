use crate::support::{Run, command};

fn run(arguments: &[&str]) -> Run {
    Run(command().args(arguments).output().unwrap())
}

#[test]
fn every_command_teaches_by_example() {
    let commands = [
        "dev",
        "serve",
        "key create",
        "key list",
        "key revoke",
        "app create",
        "app list",
        "app update",
        "token mint",
        "config check",
        "config schema",
        "join",
        "doctor",
        "send",
        "receive",
        "bench",
        "completions",
    ];
    for name in commands {
        let arguments: Vec<&str> = name.split(' ').chain(["--help"]).collect();
        let help = run(&arguments).text();
        assert!(help.contains(&format!("Usage: peerhall {name}")), "{help}");
        let (_, examples) = help.split_once("Example").unwrap_or_else(|| panic!("{name}: {help}"));
        assert!(examples.contains(&format!("\n  peerhall {name}")), "{name}: {help}");
    }
    for names in [&["--help"][..], &["help"], &["key", "--help"], &["help", "key", "create"]] {
        assert!(run(names).text().contains("Usage: peerhall"), "{names:?}");
    }
    assert!(run(&["--version"]).text().starts_with("peerhall "));
}

#[test]
fn a_command_that_does_not_fit_is_told_in_one_sentence() {
    for (arguments, about, next) in [
        (&[][..], "needs one of dev, serve, key", "`peerhall --help`"),
        (&["key"], "needs one of create, list, revoke", "`peerhall key --help`"),
        (&["kye"], "'kye'", "`peerhall --help`"),
        (&["key", "create", "--actoins", "x"], "--actions", "`peerhall key create --help`"),
        (&["key", "create", "--type", "secret"], "--data", "`peerhall key create --help`"),
        (&["completions", "cmd"], "bash", "`peerhall completions --help`"),
        (&["dev", "--listen", "localhost"], "127.0.0.1:7788", "`peerhall dev --help`"),
        (&["sned", "file"], "'sned'", "`peerhall --help`"),
        (&["send"], "<FILE>", "`peerhall send --help`"),
        (&["serve"], "--data", "PEERHALL_DATA_DIR"),
    ] {
        let sentence = run(arguments).sentence(2);
        assert!(sentence.contains(about) && sentence.contains(next), "{arguments:?}: {sentence}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).text();
        assert!(script.contains("peerhall") && script.contains("revoke"), "{shell}");
    }
}

#[test]
fn no_colour_is_sent_where_none_is_wanted() {
    let coloured = |variables: &[(&str, &str)]| {
        let output = command().args(["key", "--help"]).envs(variables.iter().copied()).output().unwrap();
        let failed = command().arg("key").envs(variables.iter().copied()).output().unwrap();
        (output.stdout.contains(&0x1b), failed.stderr.contains(&0x1b))
    };
    assert_eq!(coloured(&[]), (false, false), "this is no terminal");
    assert_eq!(coloured(&[("CLICOLOR_FORCE", "1")]), (true, true), "colours exist");
    assert_eq!(coloured(&[("NO_COLOR", "1")]), (false, false));
}
