//! Driver of `cargo xtask natlab`: every pair of networks, loss, and an address that changes during a call.
//! Prints a line for each and writes the tables into the page that is named. With `--only TEXT` it tries what has
//! that text in its line, and writes nothing. With `--send MEGABYTES` a file of that size crosses a bad line, which
//! is cut on the way, to a receiver that is killed on the way.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("error: the laboratory is made of Linux network namespaces");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Write;
    use std::process::ExitCode;
    use std::time::Duration;

    use serde_json::Value;

    use peerhall_e2e::natlab::{
        Access, Crossing, Outcome, Trial, Unavailable, Weather, diagnose, diagnose_in_page,
    };

    /// The table stands between these lines of the page.
    const BEGIN: &str = "<!-- natlab: begin -->";
    const END: &str = "<!-- natlab: end -->";

    pub(super) fn main() -> ExitCode {
        let mut arguments = std::env::args().skip(1);
        let (first, second) = (arguments.next(), arguments.next());
        let done = match (first.as_deref(), second.as_deref()) {
            (Some("--only"), Some(text)) => paths(text).map(|(_, failed)| failed),
            (Some("--send"), Some(megabytes)) => send(megabytes),
            (page, _) => everything(page),
        };
        match done {
            Ok(0) => {
                println!("PASS natlab");
                ExitCode::SUCCESS
            }
            Ok(failed) => {
                println!("FAIL natlab: {failed} lines are not as they should be");
                ExitCode::FAILURE
            }
            Err(unavailable) => {
                eprintln!("error: {unavailable}");
                ExitCode::FAILURE
            }
        }
    }

    /// A file of so many megabytes crosses a bad line.
    fn send(megabytes: &str) -> Result<usize, Unavailable> {
        let megabytes =
            megabytes.parse().map_err(|_| Unavailable::new("`--send` takes a number of megabytes"))?;
        let crossed = Crossing::of(megabytes).run()?;
        println!("{crossed}");
        Ok(usize::from(!crossed.is_flat()))
    }

    fn everything(page: Option<&str>) -> Result<usize, Unavailable> {
        let (paths, failed) = paths("")?;
        let (sayings, wrong) = sayings()?;
        if let Some(page) = page {
            let written = write(page.as_ref(), &format!("{paths}\nWhat the doctor says there:\n\n{sayings}"));
            written.map_err(|error| Unavailable::new(&format!("cannot write {page}: {error}")))?;
        }
        Ok(failed + wrong)
    }

    /// Who meets whom how. Gives the table and how many do not.
    fn paths(only: &str) -> Result<(String, usize), Unavailable> {
        let mut table = "| one side | other side | | path found | time to connect | time to recover |\n\
                         |---|---|---|---|---|---|\n"
            .to_owned();
        let mut failed = 0;
        for trial in trials().into_iter().filter(|trial| row(trial, &Outcome::default()).contains(only)) {
            let outcome = trial.run()?;
            let row = row(&trial, &outcome);
            println!("{row}");
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{row}");
            let recovered = !trial.moves || outcome.recovered_in.is_some();
            failed += usize::from(outcome.connected_in.is_none() || !recovered);
        }
        Ok((table, failed))
    }

    /// What the doctor says behind each network. Gives the table and how often it says nothing.
    fn sayings() -> Result<(String, usize), Unavailable> {
        let mut table =
            "| behind | TURN over UDP | over TCP | over TLS | kind of NAT | the same in the page |\n\
             |---|---|---|---|---|---|\n"
                .to_owned();
        let mut silent = 0;
        for access in Access::ALL {
            let command = diagnose(access)?;
            let page = diagnose_in_page(access)?;
            let shown = |report: &Value, check: &str, member: &str| {
                said(report, check, member).unwrap_or_else(|| "**nothing**".to_owned())
            };
            let ways = ["turn udp", "turn tcp", "turn tls"].map(|check| shown(&command, check, "verdict"));
            let nats = [&command, &page].map(|report| shown(report, "nat", "found"));
            let row = format!("| {access} | {} | {} |", ways.join(" | "), nats.join(" | "));
            println!("{row}");
            let _ = writeln!(table, "{row}");
            silent +=
                [&command, &page].iter().filter(|report| said(report, "nat", "found").is_none()).count();
        }
        Ok((table, silent))
    }

    /// A member of the line of a check, up to where it goes into detail. The server has both families, and a way
    /// works when it does in one of them.
    fn said(report: &Value, check: &str, member: &str) -> Option<String> {
        let lines = report.get("checks").and_then(Value::as_array)?;
        let mut named = lines.iter().filter(|line| line.get("check").is_some_and(|name| name == check));
        let first = named.clone().next();
        let line = named.find(|line| line.get("verdict").is_some_and(|said| said == "good")).or(first)?;
        Some(line.get(member)?.as_str()?.split([';', ':']).next()?.to_owned())
    }

    fn trials() -> Vec<Trial> {
        let mut trials = Vec::new();
        for (place, one) in Access::ALL.into_iter().enumerate() {
            trials.extend(Access::ALL.into_iter().skip(place).map(|other| Trial::between(one, other)));
        }
        let long =
            Trial { weather: Weather::Delay(100), ..Trial::between(Access::Only443, Access::UdpBlocked) };
        trials.push(long);
        for access in [Access::PortRestricted, Access::Symmetric] {
            trials.push(Trial { weather: Weather::Loss(50), ..Trial::between(access, access) });
            trials.push(Trial { weather: Weather::Delay(100), ..Trial::between(access, access) });
            trials.push(Trial { moves: true, ..Trial::between(access, access) });
        }
        for (place, native) in Access::ALL.into_iter().enumerate() {
            let browsers = Access::ALL.into_iter().skip(place);
            trials.extend(browsers.map(|browser| Trial { browser: true, ..Trial::between(native, browser) }));
        }
        trials
    }

    fn row(trial: &Trial, outcome: &Outcome) -> String {
        let Trial { sides: [one, other], weather, moves, browser } = trial;
        let mut what = match weather {
            Weather::Fine => String::new(),
            Weather::Loss(thousandths) => format!("{} % lost each way", f64::from(*thousandths) / 10.0),
            Weather::Delay(milliseconds) => format!("{milliseconds} ms each way at each side"),
            Weather::Line(line) => format!(
                "the one side has {} Mbit/s, {} ms and {} % lost each way",
                line.megabits,
                line.milliseconds,
                f64::from(line.thousandths) / 10.0
            ),
        };
        if *moves {
            what.push_str("the one side changes its address");
        }
        if *browser {
            what.push_str("the other side is Chromium with the vendor's SDK");
        }
        let path = outcome.path.as_deref().unwrap_or("**none**");
        let shown = |time: Option<Duration>| time.map(|time| format!("{:.1} s", time.as_secs_f64()));
        let connected = shown(outcome.connected_in).unwrap_or_else(|| "**never**".to_owned());
        let recovered = match (moves, shown(outcome.recovered_in)) {
            (false, _) => "–".to_owned(),
            (true, Some(time)) => time,
            (true, None) => "**not in 2 min**".to_owned(),
        };
        format!("| {one} | {other} | {what} | {path} | {connected} | {recovered} |")
    }

    fn write(page: &std::path::Path, table: &str) -> std::io::Result<()> {
        let text = std::fs::read_to_string(page)?;
        let parts = text.split_once(BEGIN).zip(text.split_once(END));
        let Some(((before, _), (_, after))) = parts else {
            return Err(std::io::Error::other(format!("{} has no place for it", page.display())));
        };
        std::fs::write(page, format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
    }
}
