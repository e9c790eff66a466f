//! Logs, metrics and traces of a process.
//!
//! [`init`] installs one subscriber: lines of text or JSON to stderr or a file. Writing never blocks a request: lines go
//! through a bounded queue to one writer thread; when the queue is full they are dropped and the loss is logged. Control
//! characters are escaped, so a value cannot forge a line. [`Metrics`] is one Prometheus registry per service, never a global
//! one, since several services may share a process. [`trace`] has the spans.

mod classic;
mod format;
mod metrics;
mod output;
mod reports;
pub mod trace;
mod visit;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sentry::integrations::tracing::ErrorLayer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Faults, defaults};

pub use metrics::Metrics;
pub use reports::ReportOptions;
pub use trace::TraceOptions;

/// The broker's library logs every message that comes back unroutable, whole: bodies are private. What it logs of channels and
/// connections that end, also where that is the answer to a question, our own errors report.
const UNWANTED: [&str; 4] =
    ["lapin::returned_messages=off", "lapin::channel=off", "lapin::channels=off", "lapin::io_loop=off"];

/// A word alone in a filter may be one of these targets.
const OWN_TARGETS: [&str; 6] =
    ["bank_service", "bank_standalone", "email_service", "log_service", "service_kit", "shared_events"];
const LEVEL_EXPECTED: &str = "the filter of log levels cannot be read; expected off, error, warn, info, debug or trace, or such as info,bank_service=debug";
const FILE_EXPECTED: &str = "expected a file that may be written, in a folder that is there";
/// How long [`flush`] takes at most.
pub(crate) const FLUSH_LIMIT: Duration = output::FLUSH_LIMIT.saturating_add(reports::LAST_WAIT);

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
    // The line of the older Flask services. Not a doc comment: clap would give every option of `--help` lines of its own.
    Classic,
}

/// The settings of the log.
#[derive(Debug, Clone, clap::Args)]
pub struct LogSettings {
    /// How log lines look
    #[arg(long = "log-format", env = "LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub format: LogFormat,
    /// The level of log lines, or a filter such as `info,bank_service=debug`
    #[arg(long = "log-level", env = "RUST_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub level: String,
    /// Append log lines to this file, besides standard error
    #[arg(long = "log-file", env = "LOG_FILE", value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub reports: ReportOptions,
    #[command(flatten)]
    pub traces: TraceOptions,
}

impl LogSettings {
    /// Notes what is wrong with the settings. Nothing is written, so that it may come before anything is.
    pub fn check(&self, faults: &mut Faults) {
        if let Err(error) = filter_of(&self.level) {
            faults.add(error.to_string());
        }
        if let Some(fault) = self.file.as_deref().and_then(output::fault_of) {
            faults.add(TelemetryError::File(fault).to_string());
        }
        self.reports.check(faults);
        self.traces.check(faults);
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        defaults()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("RUST_LOG: {LEVEL_EXPECTED}")]
    Level,
    #[error("LOG_FILE: the file cannot be appended to: {0}; {FILE_EXPECTED}")]
    File(String),
    #[error("the log writer cannot start: {0}")]
    Writer(std::io::Error),
    #[error("SENTRY_DSN: not a DSN; expected such as https://KEY@HOST/PROJECT")]
    Dsn,
    #[error(
        "{variable}: not a collector's address; expected such as http://localhost:4318, without a login and a query"
    )]
    Collector { variable: &'static str },
    /// The error names a setting of OpenTelemetry at most.
    #[error("{variable}: traces cannot be sent: {error}")]
    Exporter { variable: &'static str, error: String },
    #[error("logging is already set up in this process")]
    AlreadySet,
}

/// Reads a filter. A misspelt level would be a target, all of whose lines count, and silence every other one.
fn filter_of(text: &str) -> Result<EnvFilter, TelemetryError> {
    // The library takes a blank for a part of a target.
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.iter().all(|part| !is_word(part) || is_level_or_own_target(part)) {
        EnvFilter::try_new(parts.join(",")).map_err(|_| TelemetryError::Level)
    } else {
        Err(TelemetryError::Level)
    }
}

fn is_word(part: &str) -> bool {
    part.chars().all(|c| c.is_alphanumeric() || "_-:".contains(c))
}

fn is_level_or_own_target(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok() || word.split("::").next().is_some_and(|name| OWN_TARGETS.contains(&name))
}

/// Installs the process's log subscriber and a panic hook that logs, and starts to send traces if a collector is named; works
/// once per process.
pub fn init(settings: &LogSettings) -> Result<(), TelemetryError> {
    let filter = filter_of(&settings.level)?;
    let unwanted = UNWANTED.iter().filter_map(|text| text.parse().ok());
    let filter = unwanted.fold(filter, EnvFilter::add_directive);
    let output = output::Output::start(settings.file.as_deref())?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(output)
        .fmt_fields(visit::FieldFormat(settings.format))
        .event_format(format::LineFormat(settings.format));
    let reporting = reports::start(&settings.reports)?;
    let reports = reporting.then(|| ErrorLayer::new().with_filter(LevelFilter::ERROR));
    let subscriber = tracing_subscriber::registry().with(filter).with(lines).with(reports);
    subscriber.try_init().map_err(|_| TelemetryError::AlreadySet)?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, reason = crate::task::panic_text(panic.payload()), "panic");
    }));
    trace::start(&settings.traces)
}

/// Waits a little until what was logged and recorded so far is written, reported and sent; ends the traces.
pub fn flush() {
    // Beside the others, so that a collector and a tracker that are down do not add up. Without a thread the spans are lost.
    let traces = std::thread::Builder::new().name("trace-flush".to_owned()).spawn(trace::flush);
    output::flush();
    reports::flush();
    if let Ok(traces) = traces {
        // A panic is logged by the hook.
        traces.join().ok();
    }
}

/// The name of the running program, for the reports and traces that it sends.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let stem = path.as_deref().and_then(Path::file_stem);
    stem.map_or_else(|| "bank".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_word_that_is_neither_a_level_nor_a_target_of_ours_is_refused() {
        for good in
            ["info", "OFF", "warn, bank_service=debug", "lapin=trace,info", "service_kit", "log_service::http", ""]
        {
            assert!(filter_of(good).is_ok(), "{good}");
        }
        for bad in ["loud", "infoo", "info,debgu", "lapin", "warn,bank_servise", "bank_service=loud"] {
            assert!(matches!(filter_of(bad), Err(TelemetryError::Level)), "{bad}");
        }
    }

    #[test]
    fn every_fault_of_the_log_names_its_variable_and_shows_no_value() {
        let reports = ReportOptions { sentry_dsn: Some(Secret::new("hunter2")), ..ReportOptions::default() };
        let file = Some("/hunter2/bank.log".into());
        let traces = TraceOptions { otlp_endpoint: Some("hunter2".to_owned()), otlp_traces_endpoint: None };
        let settings = LogSettings { level: "a=b=hunter2".to_owned(), file, reports, traces, ..LogSettings::default() };
        let mut faults = Faults::new();
        settings.check(&mut faults);
        let text = faults.finish().unwrap_err().to_string();
        for variable in ["RUST_LOG: ", "LOG_FILE: ", "SENTRY_DSN: ", "OTEL_EXPORTER_OTLP_ENDPOINT: "] {
            assert!(text.contains(&format!("\n  {variable}")), "{variable} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
        let mut faults = Faults::new();
        LogSettings::default().check(&mut faults);
        assert!(faults.finish().is_ok());
    }
}
