//! `peerhall app`.

mod create;
mod list;
mod update;

use std::str::FromStr;

use clap::Subcommand;
use peerhall_auth::key::AppRecord;
use serde::Serialize;

use crate::failure::Outcome;

/// Create, list, change, suspend and resume apps
#[derive(Debug, Subcommand)]
pub(crate) enum App {
    Create(create::Create),
    List(list::List),
    Update(update::Update),
}

impl App {
    pub(super) fn run(self) -> Outcome {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Update(update) => update.run(),
        }
    }
}

/// An app as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AppView<'a> {
    app_id: &'a str,
    suspended: bool,
    plan_name: &'a str,
    max_connections: Option<u32>,
    max_messages_per_period: Option<u64>,
    overages: bool,
}

impl<'a> From<&'a AppRecord> for AppView<'a> {
    fn from(app: &'a AppRecord) -> Self {
        Self {
            app_id: app.id.as_str(),
            suspended: app.suspended,
            plan_name: &app.plan_name,
            max_connections: app.max_connections,
            max_messages_per_period: app.max_messages_per_period,
            overages: app.overages,
        }
    }
}

/// A limit, or the word `none`.
#[derive(Debug, Clone, Copy)]
struct Quota<T>(Option<T>);

/// A text is neither a whole number that fits nor `none`.
#[derive(Debug, thiserror::Error)]
#[error("a quota is a whole number or the word none")]
struct QuotaError;

impl<T: FromStr> FromStr for Quota<T> {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            number => number.parse().map(|number| Self(Some(number))).map_err(|_| QuotaError),
        }
    }
}

/// A quota as people read it.
fn shown(quota: Option<impl ToString>) -> String {
    quota.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

fn describe(app: &AppRecord) -> String {
    format!(
        "App {}\n  state                   {}\n  plan                    {}\n  connections             {}\n  \
         messages per month      {}\n  beyond the quotas       {}\n",
        app.id,
        state(app),
        app.plan_name,
        shown(app.max_connections),
        shown(app.max_messages_per_period),
        if app.overages { "counted" } else { "refused" },
    )
}

const fn state(app: &AppRecord) -> &'static str {
    if app.suspended { "suspended" } else { "active" }
}
