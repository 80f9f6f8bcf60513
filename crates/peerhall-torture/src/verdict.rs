//! What a scenario found: its figures, and which of them break the promise.

use std::fmt::{self, Display};
use std::time::Duration;

/// Figures of one run, each with its bound where it has one.
#[derive(Debug, Default)]
pub struct Verdict {
    figures: Vec<String>,
    broken: Vec<String>,
}

impl Verdict {
    /// Notes a figure that has no bound.
    pub(crate) fn note(&mut self, name: &str, value: impl Display) {
        self.figures.push(format!("{name} {value}"));
    }

    /// Notes a figure that has to be at most `bound`.
    pub(crate) fn at_most<T: PartialOrd + Display>(&mut self, name: &str, value: T, bound: T) {
        let holds = value <= bound;
        self.judge(holds, format!("{name} {value} (at most {bound})"));
    }

    /// Notes a figure that has to be exactly `wanted`.
    pub(crate) fn exactly<T: PartialEq + Display>(&mut self, name: &str, value: T, wanted: T) {
        let holds = value == wanted;
        self.judge(holds, format!("{name} {value} (wanted {wanted})"));
    }

    /// Notes a span that has to be at most `bound`.
    pub(crate) fn within(&mut self, name: &str, value: Duration, bound: Duration) {
        self.judge(value <= bound, format!("{name} {} (at most {})", millis(value), millis(bound)));
    }

    /// Notes something that has to be true.
    pub(crate) fn holds(&mut self, what: &str, holds: bool) {
        let words = if holds { what.to_owned() } else { format!("NOT {what}") };
        self.judge(holds, words);
    }

    fn judge(&mut self, holds: bool, figure: String) {
        if !holds {
            self.broken.push(figure.clone());
        }
        self.figures.push(figure);
    }

    /// Whether every bound was kept.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.broken.is_empty()
    }
}

/// `FAIL` lines begin with what was broken.
impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.passed() {
            write!(f, "BROKEN: {}. All figures: ", self.broken.join("; "))?;
        }
        f.write_str(&self.figures.join("; "))
    }
}

/// A span in milliseconds, with tenths below ten; the longest there is stands for "never".
#[must_use]
pub(crate) fn millis(span: Duration) -> String {
    if span == Duration::MAX {
        return "never".to_owned();
    }
    let millis = span.as_secs_f64() * 1_000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_bound_is_a_failure_that_names_it() {
        let mut verdict = Verdict::default();
        verdict.at_most("left", 0, 0);
        verdict.exactly("clients", 800, 800);
        verdict.note("spare", 1);
        assert!(verdict.passed());
        verdict.within("last", Duration::from_secs(2), Duration::from_secs(1));
        assert!(!verdict.passed());
        let line = verdict.to_string();
        assert!(line.starts_with("BROKEN: last 2000 ms (at most 1000 ms). All figures: left 0"), "{line}");
    }
}
