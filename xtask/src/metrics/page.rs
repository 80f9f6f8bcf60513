//! The figures as a page of the documentation.

use super::{Crate, Figures, figures::Spread};

/// A file or function longer than this is listed by name.
const FILE_BUDGET: usize = 450;
const FUNCTION_BUDGET: usize = 60;

/// The page `docs/style.md`. `layers` are the test layers that exist, by name.
pub(crate) fn render(crates: &[Crate], layers: &[&str]) -> String {
    let mut total = Figures::default();
    crates.iter().for_each(|one| total.add(&one.figures));
    let mut page = "# Style figures\n\n\
        Written by `cargo xtask style`; do not edit. Test modules and test files are counted as test\n\
        lines only, `pub` is taken from the keyword, modules with a file of their own are not\n\
        items, crates made for tests (`peerhall-e2e`, `peerhall-sim`) count as test lines altogether.\n\n## Against the budget\n\n"
        .to_owned();
    page.push_str(&budget_table(crates, &total, layers));
    page.push_str("\n## By crate\n\n");
    page.push_str(&crate_table(crates, &total));
    page.push_str("\n## Over budget\n\n");
    page.push_str(&over_budget(&total));
    page
}

fn budget_table(crates: &[Crate], total: &Figures, layers: &[&str]) -> String {
    let minds = sum(crates, &["peerhall-core", "peerhall-hub"]);
    let server = sum(crates, &["peerhall-server"]);
    let promised = sum(crates, &["peerhall", "peerhall-auth"]);
    let (files, counts) = (total.file_lines(), &total.counts);
    let row = |name: &str, best: &str, budget: &str, ours: String| {
        format!("| {name} | {best} | {budget} | {ours} |\n")
    };
    [
        "| Row | Best seen | Budget | Peerhall |\n|---|---|---|---|\n".to_owned(),
        row(
            "File lines, median / p90 / max",
            "71 / 283 (ruma); max 508 (mini-redis)",
            "≤ 200 / ≤ 450 / ≤ 700",
            format!("{} / {} / {}", files.median, files.p90, files.max),
        ),
        row(
            "Function lines, median / p90 / p99 / max",
            "6 / 26 (rustls); max 76 (ureq-proto, mini-redis)",
            "≤ 8 / ≤ 30 / ≤ 60 / ≤ 80",
            four(total.function_lines()),
        ),
        row("Public items documented", "98 % (jiff)", "100 %", share(counts.documented, counts.public)),
        row(
            "`# Errors` on public `Result` functions",
            "73 % (jiff), 13 of 17 (hyper)",
            "100 % in `peerhall`, `peerhall-auth`",
            format!(
                "{} there, {} everywhere",
                part(promised.counts.errors_sections, promised.counts.result_fns),
                part(counts.errors_sections, counts.result_fns)
            ),
        ),
        row(
            "`unwrap` / `expect` per kLOC, non-test",
            "1.6 (ruma)",
            "0 / ≤ 1.5",
            format!("{} / {}", per_kloc(counts.unwraps, total), per_kloc(counts.expects, total)),
        ),
        row(
            "Clock reads in `peerhall-core`, `peerhall-hub`",
            "0 (firezone tunnel, neqo-transport)",
            "0, by lint",
            minds.counts.clock_reads.to_string(),
        ),
        row(
            "`Arc<Mutex<_>>` in core, hub / server",
            "0 (str0m, ruma)",
            "0 / ≤ 3, each explained",
            format!("{} / {}", minds.counts.locked_arcs, server.counts.locked_arcs),
        ),
        row(
            "Test lines : code",
            "2.3 (ureq-proto), 1.2 (str0m)",
            "≥ 1.0 core and hub, ≥ 0.8 server",
            format!("{} core and hub, {} server, {} overall", ratio(&minds), ratio(&server), ratio(total)),
        ),
        row("Test layers", "6 (rustls)", "unit, golden, lab, model, e2e, fuzz, browser", layers.join(", ")),
    ]
    .concat()
}

fn crate_table(crates: &[Crate], total: &Figures) -> String {
    let mut table = "| Crate | Code lines | Files | File lines, median / p90 / max | Functions \
        | Function lines, median / p90 / p99 / max | Public documented | `# Errors` | `unwrap` / `expect` \
        | Locked `Arc` | Clock reads | Tests | Test lines : code |\n\
        |---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let rows = crates.iter().map(|one| (format!("`{}`", one.name), &one.figures));
    for (name, figures) in rows.chain([("**total**".to_owned(), total)]) {
        let (files, counts) = (figures.file_lines(), &figures.counts);
        let cells = [
            name,
            figures.code_lines.to_string(),
            figures.files.len().to_string(),
            format!("{} / {} / {}", files.median, files.p90, files.max),
            counts.functions.len().to_string(),
            four(figures.function_lines()),
            share(counts.documented, counts.public),
            part(counts.errors_sections, counts.result_fns),
            format!("{} / {}", counts.unwraps, counts.expects),
            counts.locked_arcs.to_string(),
            counts.clock_reads.to_string(),
            counts.tests.to_string(),
            ratio(figures),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

fn over_budget(total: &Figures) -> String {
    let files = longer_than(FILE_BUDGET, &total.files, "a file");
    let functions = longer_than(FUNCTION_BUDGET, &total.counts.functions, "a function");
    if files.is_empty() && functions.is_empty() {
        return format!("No file over {FILE_BUDGET} lines, no function over {FUNCTION_BUDGET}.\n");
    }
    [files, functions].concat().concat()
}

fn longer_than(budget: usize, sizes: &[(usize, String)], what: &str) -> Vec<String> {
    let mut over: Vec<_> = sizes.iter().filter(|(lines, _)| *lines > budget).collect();
    over.sort_by(|one, other| other.cmp(one));
    over.iter()
        .map(|(lines, name)| format!("- {lines} lines ({what} may have {budget}): `{name}`\n"))
        .collect()
}

fn sum(crates: &[Crate], names: &[&str]) -> Figures {
    let mut sum = Figures::default();
    let wanted = crates.iter().filter(|one| names.contains(&one.name.as_str()));
    wanted.for_each(|one| sum.add(&one.figures));
    sum
}

fn four(spread: Spread) -> String {
    format!("{} / {} / {} / {}", spread.median, spread.p90, spread.p99, spread.max)
}

fn share(of: usize, whole: usize) -> String {
    let percent = (of * 100).checked_div(whole);
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} % ({of} of {whole})"))
}

fn part(of: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{of} of {whole}") }
}

/// `count` per 1,000 lines of code, with one decimal.
fn per_kloc(count: usize, figures: &Figures) -> String {
    tenths(count * 10_000, figures.code_lines)
}

fn ratio(figures: &Figures) -> String {
    tenths(figures.test_lines * 10, figures.code_lines)
}

/// `tenths / whole` written with one decimal, rounded; a dash when there is no whole.
fn tenths(tenths: usize, whole: usize) -> String {
    let rounded = (tenths + whole / 2).checked_div(whole);
    rounded.map_or_else(|| "–".to_owned(), |tenths| format!("{}.{}", tenths / 10, tenths % 10))
}
