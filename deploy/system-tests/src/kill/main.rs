//! `kill-test`: kills the all-in-one process at random while clients create banks, accounts and cards and move money, starts it
//! again, and at the end compares the clients' answers with rows, ledger, log and mailbox.
//!
//! Every request carries an `Idempotency-Key` and is repeated until it is answered, so in the end each must have taken effect
//! exactly once. The checker knows the system only from outside.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is missing")]

mod check;
mod clients;
mod process;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use system_tests::print_line;
use system_tests::random::Random;

use crate::clients::Ledger;
use crate::process::Standalone;

/// Kill the bank at random under load, then check that nothing is lost, doubled or invented
#[derive(Debug, Parser)]
struct Options {
    /// The bank-standalone binary
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// How often to kill
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// Repeats the random choices of another run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Clients that work at the same time
    #[arg(long, default_value_t = 4)]
    clients: u32,
    /// The longest time between a start and the next kill
    #[arg(long, default_value_t = 700, value_name = "MS")]
    longest_life_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print_line(&format!("kill-test: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<bool> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let folder = tempfile::tempdir().context("a folder for the data")?;
    let mut random = Random::new(options.seed);
    let bank = Standalone::new(&options.binary, folder.path());
    print_line(&format!(
        "kill-test: seed {}, {} kills, data in {}",
        options.seed,
        options.kills,
        folder.path().display()
    ));

    let mut process = bank.start().await?;
    let ledger = Arc::new(Ledger::prepare(bank.urls()).await?);
    let workers: Vec<_> = (0..options.clients).map(|number| clients::spawn(ledger.clone(), number)).collect();
    for kill in 1..=options.kills {
        let life = Duration::from_millis(random.below(options.longest_life_ms));
        tokio::time::sleep(life).await;
        process.kill().await.context("kill -9")?;
        process = bank.start().await.with_context(|| format!("start after kill {kill}"))?;
    }
    ledger.stop();
    for worker in workers {
        worker.await.context("a client")??;
    }
    let report = check::settle(&ledger, folder.path()).await?;
    print_line(&report.to_string());
    process.terminate().await?;
    Ok(report.is_clean())
}
