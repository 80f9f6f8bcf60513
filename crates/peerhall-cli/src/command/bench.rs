//! `peerhall bench`.

use std::time::Duration;

use clap::Args;
use peerhall_load::bench::{self, Options};
use peerhall_load::report::Figure;
use peerhall_load::scenario::{Conditions, Scenario, Size};
use peerhall_load::subject::{Own, Subject, Target};
use peerhall_load::{LoadError, machine};

use crate::failure::{Failure, Outcome};
use crate::output::{BOLD, print, print_json};

/// Measure a server on this machine, or one that runs elsewhere
///
/// Without --url it starts a server of its own for each scenario: a new data folder, a token for every
/// connection, all limits, metrics and presence on. The figure that counts is the server's CPU time for
/// one unit of work; it is read from /proc, so only on Linux.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall bench                                      all scenarios, about four minutes
  peerhall bench fanout latency --one-core            as the figures in docs/performance.md were made
  peerhall bench idle --connections 18000
  peerhall bench rooms --url 'ws://10.0.0.5:7788/v1?key=pk_live_…' --json

Scenarios: connect (with a token each), fanout (1 to 100 and 1,000; 1 and 32 on their way), rooms (500 of
4), direct (500 pairs, acknowledged), join (1,000 at once), latency (20,000 deliveries in a second), idle.
A server behind --url needs limits.frames_per_second = 0: one publisher stands for thousands.")]
pub(crate) struct Bench {
    /// What to measure: connect, fanout, rooms, direct, join, latency, idle [default: all]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// WebSocket URL of a running server, with the credential in it
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Process id of that server, if it runs on this machine, so that its CPU and memory are read
    #[arg(long, value_name = "PID", requires = "url")]
    pid: Option<u32>,
    /// Where random choices begin [default: chosen and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Connections of the idle crowd [default: 10000]
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Windows behind each figure
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    windows: u8,
    /// Length of a window in seconds
    #[arg(long, value_name = "N", default_value = "2", value_parser = seconds)]
    seconds: f64,
    /// Seconds to wait for windows in which nothing else runs, for each figure
    #[arg(long, value_name = "N", default_value_t = 20)]
    patience: u16,
    /// Server on core 0 with one shard, load on core 1
    #[arg(long, conflicts_with = "url")]
    one_core: bool,
    /// A small load, to see whether everything works
    #[arg(long)]
    smoke: bool,
    /// Print one line of JSON for each figure
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(super) fn run(self) -> Outcome {
        let seed = match self.seed {
            Some(seed) => seed,
            None => peerhall_load::random_seed(),
        };
        let cores = self.choose_cores()?;
        let subject = self.subject(cores.first().copied())?;
        let options = self.options(seed, cores);
        if !self.json {
            let seconds = options.seconds;
            print(&format!("{BOLD}seed {seed}{BOLD:#}, windows of {seconds} s; lost has to be 0\n\n"))?;
        }
        let mut lost = 0;
        let json = self.json;
        let show = |figure: &Figure| {
            lost += figure.lost;
            let shown = if json { print_json(figure) } else { print(&format!("{}\n", figure.text())) };
            shown.map_err(|failure| LoadError::Output(failure.to_string()))
        };
        bench::run(&subject, &options, show)?;
        if lost > 0 { Err(Failure::Lost(lost)) } else { Ok(()) }
    }

    /// Core 0 for the server and core 1 for us, if that was asked for.
    fn choose_cores(&self) -> Result<Vec<usize>, Failure> {
        if !self.one_core {
            return Ok(Vec::new());
        }
        if machine::pin_to_core(1) {
            return Ok(vec![0, 1]);
        }
        let text = "--one-core needs Linux and two cores; leave it out";
        Err(Failure::Usage(text.to_owned()))
    }

    fn subject(&self, core: Option<usize>) -> Result<Subject, Failure> {
        if let Some(url) = &self.url {
            return Ok(Subject::Running(Target::parse(url, self.pid)?));
        }
        let program = std::env::current_exe().map_err(LoadError::system("find this program"))?;
        Ok(Subject::Own(Own { program, core }))
    }

    fn options(&self, seed: u64, cores: Vec<usize>) -> Options {
        let measured = if self.smoke {
            Options::smoke()
        } else {
            Options {
                windows: usize::from(self.windows),
                seconds: self.seconds,
                patience: Duration::from_secs(u64::from(self.patience)),
                size: Size::Full,
                ..Options::default()
            }
        };
        let scenarios =
            if self.scenarios.is_empty() { Scenario::ALL.to_vec() } else { self.scenarios.clone() };
        let conditions = Conditions { seed, cores, ..Conditions::default() };
        Options { scenarios, connections: self.connections, conditions, ..measured }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.1..=600.0).contains(number));
    number.ok_or_else(|| "a number of seconds from 0.1 to 600".to_owned())
}
