//! Where the server's log goes: standard error, as text or JSON.

use peerhall_server::config::{Log, LogFormat, LogLevel};
use tracing_subscriber::filter::LevelFilter;

/// Starts logging for the rest of the process.
pub(crate) fn start(log: &Log) {
    let builder = tracing_subscriber::fmt().with_max_level(level(log.level)).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
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
