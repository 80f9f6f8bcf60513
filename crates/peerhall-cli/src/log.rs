//! Where the server's log goes: standard error, as text or JSON.

use peerhall_server::config::{Log, LogFormat, LogLevel};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Libraries that write a line for each malformed packet, of which anybody can send any number.
const TALKATIVE: [&str; 2] = ["stun_types", "turn_types"];

/// Starts logging for the rest of the process.
pub(crate) fn start(log: &Log) {
    let silent = TALKATIVE.map(|target| (target, LevelFilter::OFF));
    let filter = Targets::new().with_default(level(log.level)).with_targets(silent);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    let started = match log.format {
        LogFormat::Text => registry.with(layer.with_filter(filter)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init(),
    };
    // It fails where a log was started before, and then that one goes on.
    let _ = started;
}

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
