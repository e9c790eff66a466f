//! `bench`: the parts of `bench-embedded.sh` and `bench.sh` besides `wrk`: the raw ceilings, items to read, and the way of an
//! event to the log.
//!
//! Every command prints `name=value` pairs on one line, for the script to read.

mod engines;
mod events;
mod hash;
mod prepare;
mod probe;
mod raw;
mod wire;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use service_kit::http::paging::encode_cursor;

use engines::{broker, logstore, mail, paced, ready, sql, transfers};

/// Measure the embedded system beside what its parts can do at best
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The SQL of a hot path on a bare SQLite connection, one thread
    Raw {
        /// Whose SQL
        path: HotPath,
        /// Transactions a commit; 1 is one fsync each
        #[arg(long, default_value_t = 1)]
        group: u32,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Where the file is made: on the disk that the server's data is on
        #[arg(long)]
        folder: PathBuf,
    },
    /// Password hashes a second with the service's parameters, on every core
    Hash {
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// The time of one 4 KiB write with fsync
    Fsync {
        #[arg(long)]
        folder: PathBuf,
    },
    /// Makes an account with cards, and prints what requests need
    Prepare(prepare::Target),
    /// Opens accounts with money, and prints which
    PrepareAccounts(prepare::Accounts),
    /// The cursor behind an entry of this number in the list of an account
    Cursor { account: i64, seq: i64 },
    /// Issues cards as fast as it can, and waits until the log has every event
    Events(events::Target),
    /// Issues cards at a fixed pace, and follows them on the log's live stream
    Paced(paced::Target),
    /// The SQL of issuing a card through the MySQL driver, on many connections
    Sql(sql::Target),
    /// The SQL of transfers through the MySQL driver, many in a transaction, on one connection
    TransferSql(transfers::Target),
    /// Confirmed publishes, 256 in flight
    Publish(broker::Target),
    /// Publishes events that are mailed
    Fill(broker::Fill),
    /// Batches of entries into MongoDB
    Insert(logstore::Target),
    /// Follows a counter of a service until it is so high
    Counted(logstore::Counted),
    /// A mail server that counts
    Sink(mail::Sink),
    /// Mails by bare lettre
    Lettre(mail::Bare),
    /// Starts a service and waits until it is ready
    Ready(ready::Target),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HotPath {
    GetCard,
    ListCards,
    PostCard,
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(line) => match writeln!(std::io::stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Standard error may be closed.
            writeln!(std::io::stderr(), "bench: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<String> {
    match command {
        Command::Raw { path, group, seconds, folder } => raw::run(path, group, Duration::from_secs(seconds), &folder),
        Command::Hash { seconds } => hash::run(Duration::from_secs(seconds)),
        Command::Fsync { folder } => probe::run(&folder),
        Command::Prepare(target) => runtime()?.block_on(prepare::run(&target)),
        Command::PrepareAccounts(wanted) => runtime()?.block_on(prepare::accounts(&wanted)),
        Command::Cursor { account, seq } => {
            Ok(format!("cursor={}", encode_cursor(&format!("/api/accounts/{account}/entries"), seq.into())))
        }
        Command::Events(target) => runtime()?.block_on(events::run(target)),
        Command::Paced(target) => runtime()?.block_on(paced::run(target)),
        Command::Sql(target) => runtime()?.block_on(sql::run(&target)),
        Command::TransferSql(target) => runtime()?.block_on(transfers::run(&target)),
        Command::Publish(target) => runtime()?.block_on(broker::run(&target)),
        Command::Fill(fill) => runtime()?.block_on(broker::fill(&fill)),
        Command::Insert(target) => runtime()?.block_on(logstore::run(&target)),
        Command::Counted(target) => runtime()?.block_on(logstore::counted(&target)),
        Command::Sink(sink) => runtime()?.block_on(mail::sink(&sink)),
        Command::Lettre(bare) => runtime()?.block_on(mail::bare(&bare)),
        Command::Ready(target) => runtime()?.block_on(ready::run(&target)),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Whole operations a second.
fn per_second(count: u64, elapsed: Duration) -> u128 {
    u128::from(count) * 1_000_000 / elapsed.as_micros().max(1)
}

/// The value below which `percent` of the sorted values are.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_percentiles_are_whole_numbers() {
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        let sorted: Vec<Duration> = (0..100).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_micros(50));
        assert_eq!(percentile(&sorted, 99), Duration::from_micros(99));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn each_raw_loop_runs_the_statements_on_the_real_schema() {
        let folder = tempfile::tempdir().unwrap();
        for (path, group) in
            [(HotPath::GetCard, 1), (HotPath::ListCards, 1), (HotPath::PostCard, 1), (HotPath::PostCard, 8)]
        {
            let line = raw::run(path, group, Duration::from_millis(20), folder.path()).unwrap();
            assert!(line.starts_with("rate=") && !line.starts_with("rate=0 "), "{line}");
        }
    }
}
