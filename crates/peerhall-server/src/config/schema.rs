//! The table of settings, printed for people: as a TOML file with comments and as a page of the docs.

use std::fmt::Write;

use super::raw::{Preset, SECTIONS, Section, Setting};

/// A TOML file with every key, its meaning, unit and default. Keys without a default stand behind a
/// `#` with an example. Read as a configuration, the file gives the defaults.
#[must_use]
pub fn as_toml() -> String {
    let mut text = String::from(
        "# Configuration of Peerhall. Every key is optional and stands here with its default, or with an\n\
         # example behind a # where it has none. Environment variables replace what a file says, and flags\n\
         # replace both.\n",
    );
    for section in SECTIONS {
        text.push('\n');
        push_comment(&mut text, section.doc);
        if !section.name.is_empty() {
            push(&mut text, format_args!("[{}]\n", section.name));
        }
        for setting in section.settings {
            text.push('\n');
            push_toml(&mut text, setting);
        }
    }
    text
}

fn push_toml(text: &mut String, setting: &Setting) {
    push_comment(text, setting.doc);
    push(text, format_args!("# Unit: {}. Variable: {}\n", setting.unit, setting.variable()));
    match setting.preset {
        Preset::Default(value) => push(text, format_args!("{} = {value}\n", setting.name)),
        Preset::Unset(example) => push(text, format_args!("# {} = {example}\n", setting.name)),
    }
}

fn push_comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        push(text, format_args!("#{line}\n"));
    }
}

/// The page `docs/configuration.md`.
#[must_use]
pub fn as_markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Printed from the table in crates/peerhall-server/src/config/raw.rs; a test compares the two. -->\n\n\
         A server reads one TOML file (`peerhall serve --config FILE`), then environment variables, then flags; \
         later ones win. Every key is optional. `peerhall config schema` prints a file to start from, \
         `peerhall config check FILE` says what is wrong with one.\n\n\
         Lengths of time are whole numbers with a unit: `500ms`, `10s`, `5m`, `1h`, `7d`. In environment \
         variables, lists are separated by commas and an empty variable counts as not set. A key, or a \
         variable of a section, that does not exist is an error.\n",
    );
    for section in SECTIONS {
        push_section(&mut text, &section);
    }
    text
}

fn push_section(text: &mut String, section: &Section) {
    match section.name {
        "" => text.push_str("\n## Above all sections\n\n"),
        name => push(text, format_args!("\n## `[{name}]`\n\n")),
    }
    push(text, format_args!("{}\n\n", joined(section.doc)));
    text.push_str("| key | meaning | unit or form | default | variable |\n|---|---|---|---|---|\n");
    for setting in section.settings {
        let default = match setting.preset {
            Preset::Default(value) => format!("`{value}`"),
            Preset::Unset(example) => format!("none; e.g. `{example}`"),
        };
        let (name, unit, variable) = (setting.name, setting.unit, setting.variable());
        let meaning = joined(setting.doc);
        push(text, format_args!("| `{name}` | {meaning} | {unit} | {default} | `{variable}` |\n"));
    }
}

/// Doc comments keep the space after the slashes.
fn joined(lines: &[&str]) -> String {
    let words: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    words.join(" ")
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(part);
}
