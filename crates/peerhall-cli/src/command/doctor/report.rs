//! What was found, one line for each check.

use std::borrow::Cow;
use std::fmt::Write;

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

/// Everything that was found about a server.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    url: String,
    healthy: bool,
    checks: Vec<Line>,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    check: Cow<'static, str>,
    verdict: Verdict,
    found: String,
    /// One sentence; every bad line has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<Cow<'static, str>>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It could not be found out.
    Unknown,
    /// It works, and somebody may miss something.
    Warning,
    /// It does not work.
    Bad,
}

impl Line {
    pub(super) fn good(check: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Good, found: found.into(), cure: None }
    }

    pub(super) fn unknown(check: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::good(check, found) }
    }

    pub(super) fn warning(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        cure: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { verdict: Verdict::Warning, cure: Some(cure.into()), ..Self::good(check, found) }
    }

    pub(super) fn bad(
        check: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        cure: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { verdict: Verdict::Bad, ..Self::warning(check, found, cure) }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.verdict == Verdict::Bad
    }

    #[cfg(test)]
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    #[cfg(test)]
    pub(super) fn cure(&self) -> Option<&str> {
        self.cure.as_deref()
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "?",
            Self::Warning => "warning",
            Self::Bad => "BAD",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Unknown => Style::new().dimmed(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

impl Report {
    /// A report without lines.
    pub(super) fn on(url: String) -> Self {
        Self { url, healthy: true, checks: Vec::new() }
    }

    pub(super) fn add(&mut self, line: Line) {
        self.healthy &= !line.is_bad();
        self.checks.push(line);
    }

    /// How many lines are bad.
    pub(super) fn bad(&self) -> usize {
        self.checks.iter().filter(|line| line.is_bad()).count()
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let width = self.checks.iter().map(|line| line.check.chars().count()).max().unwrap_or(0);
        let mut text = format!("{}\n", self.url);
        for Line { check, verdict, found, cure } in &self.checks {
            let (style, word) = (verdict.style(), verdict.word());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{style}{word:>7}{style:#}  {check:<width$}  {found}");
            if let Some(cure) = cure {
                let _ = writeln!(text, "{:>7}  {:<width$}  → {cure}", "", "");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_line_makes_a_report_unhealthy_and_its_cure_stands_below_it() {
        let mut report = Report::on("ws://127.0.0.1".to_owned());
        report.add(Line::good("name", "an address"));
        report.add(Line::warning("clock", "late", "Set it."));
        assert!(report.healthy && report.bad() == 0);
        report.add(Line::bad("certificate", "expired", "Renew it."));
        assert!(!report.healthy && report.bad() == 1);
        let plain = anstream::adapter::strip_str(&report.text()).to_string();
        assert!(
            plain.ends_with("    BAD  certificate  expired\n                      → Renew it.\n"),
            "{plain}"
        );
    }
}
