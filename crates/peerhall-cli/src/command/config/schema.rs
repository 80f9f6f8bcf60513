//! `peerhall config schema`.

use clap::Args;
use peerhall_server::config::raw::{Preset, SECTIONS, Setting};
use peerhall_server::config::schema;
use serde::Serialize;

use crate::failure::Outcome;
use crate::output::{print, print_json};

/// Print a configuration file with every key, its meaning, unit and default
#[derive(Debug, Args)]
#[command(after_help = "Example:
  peerhall config schema > peerhall.toml")]
pub(crate) struct Schema {
    /// Print one line of JSON: {"settings":[…]}; defaults and examples are TOML values
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Settings {
    settings: Vec<SettingView>,
}

#[derive(Debug, Serialize)]
struct SettingView {
    key: String,
    variable: String,
    meaning: String,
    unit: &'static str,
    default: Option<&'static str>,
    example: Option<&'static str>,
}

impl From<&Setting> for SettingView {
    fn from(setting: &Setting) -> Self {
        let (default, example) = match setting.preset {
            Preset::Default(value) => (Some(value), None),
            Preset::Unset(value) => (None, Some(value)),
        };
        let lines: Vec<&str> = setting.doc.iter().map(|line| line.trim()).collect();
        Self {
            key: setting.key(),
            variable: setting.variable(),
            meaning: lines.join(" "),
            unit: setting.unit,
            default,
            example,
        }
    }
}

impl Schema {
    pub(super) fn run(self) -> Outcome {
        if !self.json {
            return print(&schema::as_toml());
        }
        let settings = SECTIONS.iter().flat_map(|section| section.settings).map(SettingView::from).collect();
        print_json(&Settings { settings })
    }
}
