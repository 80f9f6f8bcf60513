//! Our server beside what people would pick instead.
//!
//! Both servers of a pair are up and loaded with connections at the same time, on the same core, and
//! are measured in turn, so that whatever else the machine does hits both. Judged is the median ratio
//! of the pairs, never a time.

use std::time::{Duration, Instant};

use crate::error::LoadError;
use crate::scenario::{Case, Conditions, Load};
use crate::subject::Subject;
use crate::window::{Window, median};

mod checks;
mod evidence;
mod leaving;
mod peers;

pub use checks::{Check, TIE, checks};
pub use evidence::{Machine, Page};
pub use leaving::{Leaving, leaving};
pub use peers::{Peer, Places};

/// How pairs are taken.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Pairs behind each ratio. Default 5.
    pub pairs: usize,
    /// Length of a window in seconds. Default 0.7.
    pub seconds: f64,
    /// Noise in cores up to which a pair is quiet. Default 0.2.
    pub quiet: f64,
    /// How long quiet pairs are waited for, for each ratio. Default 15 s.
    pub patience: Duration,
    /// What everything is measured with; the first core is the servers', the second ours.
    pub conditions: Conditions,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            pairs: 5,
            seconds: 0.7,
            quiet: 0.2,
            patience: Duration::from_secs(15),
            conditions: Conditions::default(),
        }
    }
}

/// A window of each server, taken one after the other.
#[derive(Debug, Clone)]
struct Pair {
    ours: Window,
    theirs: Window,
}

impl Pair {
    fn noise(&self) -> f64 {
        self.ours.noise().max(self.theirs.noise())
    }
}

/// What came of a check.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was asked.
    pub check: Check,
    /// Our cost, in the unit of [`Check::unit`]; the median of the pairs.
    pub ours: Option<f64>,
    /// The other's.
    pub theirs: Option<f64>,
    /// How many times ours goes into the other's: the median of the pairs' ratios.
    pub ratio: Option<f64>,
    /// The least and the greatest ratio of a pair.
    pub range: Option<(f64, f64)>,
    /// Cores that others took, in the median.
    pub noise: f64,
    /// What our server lost. Has to be 0.
    pub lost: u64,
    /// What the other lost.
    pub their_lost: u64,
    /// Pairs behind the figures.
    pub pairs: usize,
    /// Why nothing could be measured.
    pub fault: Option<String>,
}

impl Outcome {
    /// Whether the ratio is what was asked, and nothing of ours was lost.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.lost == 0 && self.ratio.is_some_and(|ratio| ratio >= self.check.at_least)
    }

    /// One line with the verdict.
    #[must_use]
    pub fn line(&self) -> String {
        let verdict = if self.is_pass() { "PASS" } else { "FAIL" };
        let name = format!("{verdict} {} beside {}:", self.check.case.name(), self.check.peer);
        let (Some(ratio), Some((low, high)), Some(ours), Some(theirs)) =
            (self.ratio, self.range, self.ours, self.theirs)
        else {
            let fault = self.fault.as_deref().unwrap_or("this system does not tell what a process costs");
            return format!("{name} not measured: {fault}");
        };
        let lost = match (self.lost, self.their_lost) {
            (0, 0) => String::new(),
            (ours, theirs) => format!(", lost {ours} here and {theirs} there"),
        };
        format!(
            "{name} {ratio:.2} x [{low:.2} to {high:.2}], at least {:.2} asked; {} {} against {}{lost}, \
             noise {:.2}",
            self.check.at_least,
            figure(ours),
            self.check.unit(),
            figure(theirs),
            self.noise
        )
    }
}

/// Three digits that say something.
fn figure(number: f64) -> String {
    match number {
        big if big >= 100.0 => format!("{big:.0}"),
        middle if middle >= 10.0 => format!("{middle:.1}"),
        small if small >= 1.0 => format!("{small:.2}"),
        tiny => format!("{tiny:.3}"),
    }
}

/// Makes one check. What goes wrong on the way is in the outcome, so that the others are made too.
#[must_use]
pub fn judge(check: &Check, ours: &Subject, theirs: &Subject, plan: &Plan) -> Outcome {
    let pairs = if check.case.is_measured_once() {
        once(&check.case, ours, theirs, plan)
    } else {
        in_turn(&check.case, ours, theirs, plan)
    };
    match pairs {
        Ok(pairs) => outcome(check, pairs, plan, None),
        Err(error) => outcome(check, Vec::new(), plan, Some(error.to_string())),
    }
}

/// Both at a time, in turn.
fn in_turn(case: &Case, ours: &Subject, theirs: &Subject, plan: &Plan) -> Result<Vec<Pair>, LoadError> {
    let (our_server, their_server) = (ours.start()?, theirs.start()?);
    let mut our_load = case.prepare(our_server.target(), &plan.conditions)?;
    let mut their_load = case.prepare(their_server.target(), &plan.conditions)?;
    // The first windows of a server are not like the others: caches, and compilers that learn.
    for load in [&mut our_load, &mut their_load] {
        load.window(plan.seconds)?;
    }
    let until = Instant::now() + plan.patience;
    let mut pairs: Vec<Pair> = Vec::new();
    loop {
        pairs.push(pair(our_load.as_mut(), their_load.as_mut(), plan.seconds, pairs.len() % 2 == 1)?);
        let quiet = pairs.iter().filter(|pair| pair.noise() <= plan.quiet).count();
        if quiet >= plan.pairs || (pairs.len() >= plan.pairs && Instant::now() >= until) {
            return Ok(pairs);
        }
    }
}

fn pair(
    ours: &mut dyn Load,
    theirs: &mut dyn Load,
    seconds: f64,
    is_turned: bool,
) -> Result<Pair, LoadError> {
    if is_turned {
        let theirs = theirs.window(seconds)?;
        return Ok(Pair { ours: ours.window(seconds)?, theirs });
    }
    let ours = ours.window(seconds)?;
    Ok(Pair { ours, theirs: theirs.window(seconds)? })
}

/// One after the other: both crowds together have no room in one process.
fn once(case: &Case, ours: &Subject, theirs: &Subject, plan: &Plan) -> Result<Vec<Pair>, LoadError> {
    let measure = |subject: &Subject| {
        let server = subject.start()?;
        case.prepare(server.target(), &plan.conditions)?.window(plan.seconds)
    };
    Ok(vec![Pair { ours: measure(ours)?, theirs: measure(theirs)? }])
}

fn outcome(check: &Check, mut pairs: Vec<Pair>, plan: &Plan, fault: Option<String>) -> Outcome {
    let lost = |of: fn(&Pair) -> &Window| pairs.iter().map(|pair| of(pair).lost).sum();
    let (our_lost, their_lost) = (lost(|pair| &pair.ours), lost(|pair| &pair.theirs));
    pairs.sort_by(|one, other| one.noise().total_cmp(&other.noise()));
    pairs.truncate(plan.pairs);
    let ratios: Vec<f64> = pairs
        .iter()
        .filter_map(|pair| Some(check.cost(&pair.theirs)? / check.cost(&pair.ours)?))
        .filter(|ratio| ratio.is_finite())
        .collect();
    let least = ratios.iter().copied().min_by(f64::total_cmp);
    let greatest = ratios.iter().copied().max_by(f64::total_cmp);
    Outcome {
        check: check.clone(),
        ours: median(pairs.iter().map(|pair| check.cost(&pair.ours))),
        theirs: median(pairs.iter().map(|pair| check.cost(&pair.theirs))),
        ratio: median(ratios.into_iter().map(Some)),
        range: least.zip(greatest),
        noise: median(pairs.iter().map(|pair| Some(pair.noise()))).unwrap_or_default(),
        lost: our_lost,
        their_lost,
        pairs: pairs.len(),
        fault,
    }
}

#[cfg(test)]
mod tests;
