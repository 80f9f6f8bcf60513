//! Whether the time of a refusal tells what was wrong (promise P22): Welch's t-test between two classes of
//! credentials, as in "dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede, 2017).
//!
//! `cargo xtask conformance timing` runs it: `timing [CALLS] [SEED]`, where CALLS are the calls of each
//! class, 1,000,000 unless told otherwise. Each test ends with a line; |t| of 4.5 or more fails it.

#![expect(clippy::expect_used, reason = "a measurement that cannot be set up has to stop")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use peerhall_auth::key::{AppRecord, KeyKind, KeyRecord};
use peerhall_auth::keyring::{Credential, Keyring, TokenPolicy};
use peerhall_auth::pattern::PatternSet;
use peerhall_auth::token::{MintRequest, mint};

/// From here on a difference is more than chance (the paper's bound).
const BOUND: f64 = 4.5;

/// Measured calls of a class, unless told otherwise.
const CALLS: usize = 1_000_000;

/// Calls of both classes before the first that counts: caches and clocks settle.
const WARM_UP: usize = 20_000;

/// Keys of the keyring: few, so that all of them stay in the fastest cache and none is read faster.
const KEYS: usize = 8;

/// Unix milliseconds of all calls.
const NOW_MS: i64 = 1_767_000_000_000;

/// Shares of the fastest calls that are looked at beside all of them: interrupts and other programs make
/// the slow ones slow, and hide a small difference in the rest.
const CROPS: [f64; 4] = [1.0, 0.99, 0.9, 0.5];

/// Two classes of credentials whose refusals must take the same time.
struct Comparison {
    name: &'static str,
    /// Makes a fresh credential of each class from one key.
    make: fn(&Known, &mut Random) -> [String; 2],
    /// Whether the credential was refused, as all of them have to be.
    is_refused: fn(&Keyring, &str) -> bool,
}

const COMPARISONS: [Comparison; 4] = [
    Comparison {
        name: "token: first 31 bytes of the signature right, or none",
        make: |known, random| [forge(&known.token, 31, random), forge(&known.token, 0, random)],
        is_refused: refuses_token,
    },
    Comparison {
        name: "token: unknown key, or known key with a wrong signature",
        make: |known, random| {
            let stranger = with_key_id(&known.token, &random.key_id());
            [forge(&stranger, 0, random), forge(&with_key_id(&known.token, &known.id), 0, random)]
        },
        is_refused: refuses_token,
    },
    Comparison {
        name: "REST: unknown key, or known key with a wrong secret",
        make: |known, random| {
            let stranger = random.key_id();
            [bearer(&stranger, &random.secret()), bearer(&known.id, &random.secret())]
        },
        is_refused: refuses_rest,
    },
    Comparison {
        name: "REST: all but the end of the secret right, or nothing",
        make: |known, random| {
            [bearer(&known.id, &spoil_end(&known.secret, random)), bearer(&known.id, &random.secret())]
        },
        is_refused: refuses_rest,
    },
];

/// A key of the keyring, and a good token of it.
struct Known {
    id: String,
    secret: String,
    token: String,
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let calls = arguments.next().unwrap_or(CALLS);
    let seed = arguments.next().map_or_else(entropy, |seed: usize| seed as u64);
    let mut random = Random(seed);
    let (ring, known) = keyring();
    println!("{calls} calls of each class, seed {seed}");
    let mut table = String::new();
    let mut passed = true;
    for comparison in &COMPARISONS {
        let samples = measure(&ring, &known, comparison, calls, &mut random);
        let cells: Vec<_> = CROPS.iter().map(|crop| t_of_fastest(&samples, *crop)).collect();
        let worst = cells.iter().fold(0.0_f64, |worst, t| worst.max(t.abs()));
        let ok = worst < BOUND;
        passed &= ok;
        let medians = samples.each_ref().map(|class| median(class));
        let figures: Vec<_> = cells.iter().map(|t| format!("{t:+.2}")).collect();
        println!(
            "{} {}: medians {:.0} and {:.0} ns, t {}",
            if ok { "PASS" } else { "FAIL" },
            comparison.name,
            medians[0],
            medians[1],
            figures.join(" ")
        );
        writeln!(
            table,
            "| {} | {:.0} | {:.0} | {} |",
            comparison.name,
            medians[0],
            medians[1],
            figures.join(" | ")
        )
        .expect("a text takes more text");
    }
    if calls >= CALLS {
        write_page(calls, seed, &table, passed);
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn keyring() -> (Keyring, Vec<Known>) {
    let app = AppRecord::new("app_test".parse().expect("an app id"));
    let patterns = PatternSet::for_key(vec!["**".parse().expect("a pattern")]).expect("one pattern");
    let key =
        || KeyRecord::generate(KeyKind::Secret, app.id.clone(), patterns.clone(), 0).expect("randomness");
    let keys: Vec<_> = (0..KEYS).map(|_| key()).collect();
    let known = keys.iter().map(|key| Known {
        id: key.id.as_str().to_owned(),
        secret: key.secret.as_ref().expect("a secret key").expose().to_owned(),
        token: good_token(key),
    });
    let known = known.collect();
    (Keyring::new(vec![app], keys).expect("a keyring"), known)
}

fn bearer(id: &str, secret: &str) -> String {
    format!("Bearer {id}:{secret}")
}

fn good_token(key: &KeyRecord) -> String {
    let request = MintRequest { peer_id: "alice", ..MintRequest::default() };
    let now = u64::try_from(NOW_MS / 1_000).unwrap_or_default();
    let claims = request.check(key, now, 3_600).expect("claims");
    mint(key, &claims).expect("a token")
}

/// The token with a signature of which only the first bytes are right.
fn forge(token: &str, right: usize, random: &mut Random) -> String {
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    for byte in bytes.iter_mut().skip(right) {
        // Never the right one.
        *byte ^= (random.below(255) + 1) as u8;
    }
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The token with another key id of the same length in its header.
fn with_key_id(token: &str, id: &str) -> String {
    let (header, rest) = token.split_once('.').expect("three parts");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header = String::from_utf8(header).expect("JSON");
    let start = header.find("sk_id_").expect("a key id");
    let mut header = header;
    header.replace_range(start..start + id.len(), id);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

/// The secret with another last digit.
fn spoil_end(secret: &str, random: &mut Random) -> String {
    let (start, last) = secret.split_at(secret.len() - 1);
    let others: Vec<_> = "0123456789abcdef".chars().filter(|digit| !last.starts_with(*digit)).collect();
    let digit = others.get(random.below(others.len())).expect("one of 15 digits");
    format!("{start}{digit}")
}

fn refuses_token(ring: &Keyring, token: &str) -> bool {
    ring.authenticate(Credential::Token(token), None, NOW_MS, &TokenPolicy::default()).is_err()
}

fn refuses_rest(ring: &Keyring, authorization: &str) -> bool {
    ring.authenticate_rest(Some(authorization)).is_err()
}

/// Nanoseconds of each call. Credentials of both classes are made before each call and a coin decides
/// whose turn it is; it is copied to one place, so that both are read from the same memory.
fn measure(
    ring: &Keyring,
    known: &[Known],
    comparison: &Comparison,
    calls: usize,
    random: &mut Random,
) -> [Vec<f64>; 2] {
    let mut samples = [Vec::with_capacity(calls), Vec::with_capacity(calls)];
    let mut credential = String::with_capacity(4_096);
    let mut done = 0;
    while samples.iter().any(|class| class.len() < calls) {
        let key = known.get(random.below(known.len())).expect("one of the keys");
        let made = (comparison.make)(key, random);
        let class = random.below(2);
        credential.clear();
        credential.push_str(made.get(class).expect("one of two"));
        drop(made);
        // What is still to be written from making them is written before the clock starts.
        fence(Ordering::SeqCst);
        let started = Instant::now();
        let refused = (comparison.is_refused)(black_box(ring), black_box(&credential));
        let took = started.elapsed();
        assert!(black_box(refused), "{}: a credential that should be refused was taken", comparison.name);
        done += 1;
        let class = samples.get_mut(class).expect("one of two");
        if done > WARM_UP && class.len() < calls {
            class.push(took.as_nanos() as f64);
        }
    }
    samples
}

/// Welch's t of the calls below a common bound, under which this share of all calls lies.
fn t_of_fastest(samples: &[Vec<f64>; 2], share: f64) -> f64 {
    let mut all: Vec<f64> = samples.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let last = ((all.len() as f64 * share) as usize).clamp(1, all.len()) - 1;
    let bound = all.get(last).copied().unwrap_or(f64::MAX);
    let [first, second] = samples
        .each_ref()
        .map(|class| class.iter().copied().filter(|took| *took <= bound).collect::<Vec<_>>());
    let spread = variance(&first) / first.len() as f64 + variance(&second) / second.len() as f64;
    (mean(&first) - mean(&second)) / spread.sqrt()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

fn write_page(calls: usize, seed: u64, table: &str, passed: bool) {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("`date` runs");
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let page = format!(
        "# Time of refusals\n\n\
         Promise P22: the time of a refusal tells nothing about what was wrong, |t| < {BOUND}.\n\n\
         - Command: `cargo xtask conformance timing`, which rewrites this page\n\
         - Date: {date}\n\
         - Way: release build, {calls} calls of each class with fresh credentials for {KEYS} keys, a coin decides\n  \
           before each call whose turn it is; Welch's t over all calls and over the fastest 99, 90 and\n  \
           50 % of them, because what else runs on the machine makes single calls slow\n\
         - Seed: {seed}\n\
         - Result: **{}**\n\n\
         | Comparison | Median ns | Median ns | t | fastest 99 % | fastest 90 % | fastest 50 % |\n\
         |---|---|---|---|---|---|---|\n{table}\n\
",
        if passed { "no difference found" } else { "FAILED" },
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence");
    fs::create_dir_all(&folder).expect("docs/evidence can be made");
    fs::write(folder.join("timing.md"), page).expect("docs/evidence is writable");
}

fn entropy() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("randomness");
    u64::from_be_bytes(bytes)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn hex(&mut self, digits: usize) -> String {
        let digit = |random: &mut Self| char::from_digit(random.below(16) as u32, 16).expect("a digit");
        (0..digits).map(|_| digit(self)).collect()
    }

    fn key_id(&mut self) -> String {
        format!("sk_id_{}", self.hex(32))
    }

    fn secret(&mut self) -> String {
        format!("sk_secret_{}", self.hex(64))
    }
}
