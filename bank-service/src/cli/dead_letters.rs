//! `dead-letters list|show|replay|discard`: what lies in the broker's `<queue>.dead` queues.
//!
//! Exit code 1 if a letter that was asked for is missing or was kept.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::messaging::dead_letters::{MAX_PAGE, MAX_WORK, Wanted, Work, Worked};
use service_kit::messaging::{AmqpDeadLetters, DeadLetters as _};
use shared_events::EventId;

use super::say;
use crate::config::Settings;
use crate::store::Store;
use crate::trace::{LetterDetail, LetterJob, LetterView, known_queues, work_letters};

/// Rounds of 500 letters that `--all` takes at most.
const MAX_ROUNDS: usize = 2000;

#[derive(Debug, Clone, Subcommand)]
pub enum LetterCommand {
    /// List dead letters, oldest first
    List {
        #[command(flatten)]
        queues: Queues,
        /// How many to list of each queue at most
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Show a dead letter with its message; parameters of requested mails and messages are hidden
    Show {
        #[command(flatten)]
        queues: Queues,
        /// The event's id
        #[arg(value_name = "ID")]
        id: EventId,
    },
    /// Deliver dead letters to their queues again
    Replay(Chosen),
    /// Remove dead letters for good
    Discard(Chosen),
}

#[derive(Debug, Clone, Args)]
pub struct Queues {
    /// A queue; may be given more than once. All queues of this system unless given
    #[arg(long = "queue", value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Chosen {
    #[command(flatten)]
    queues: Queues,
    /// Ids of events
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<EventId>,
    /// All dead letters of the queues
    #[arg(long)]
    all: bool,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
}

struct Desk {
    office: AmqpDeadLetters,
    queues: Vec<String>,
    settings: Settings,
}

pub(super) fn run(command: LetterCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            LetterCommand::List { queues, limit } => list(&Desk::open(settings, queues)?, limit).await,
            LetterCommand::Show { queues, id } => show(&Desk::open(settings, queues)?, id).await,
            LetterCommand::Replay(chosen) => work(settings, Work::Replay, chosen).await,
            LetterCommand::Discard(chosen) => work(settings, Work::Discard, chosen).await,
        }
    })
}

impl Desk {
    fn open(settings: Settings, queues: Queues) -> anyhow::Result<Self> {
        let Some(broker) = settings.broker.clone() else {
            bail!("AMQP_URI: not set; the dead letters of bank-standalone are at /api/dead-letters of its HTTP API");
        };
        let queues = if queues.names.is_empty() { known_queues(&settings.config) } else { queues.names };
        let office = AmqpDeadLetters::new(broker, queues.clone(), Arc::new(SystemClock));
        Ok(Self { office, queues, settings })
    }
}

async fn list(desk: &Desk, limit: usize) -> anyhow::Result<ExitCode> {
    for queue in desk.office.queues().await.context("AMQP_URI")? {
        let (mut after, mut listed) = (None, 0);
        while listed < limit {
            let page = desk.office.list(&queue, after, MAX_PAGE.min(limit - listed)).await.context("AMQP_URI")?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            listed += page.len();
            for letter in page.iter().map(LetterView::new) {
                let LetterView { queue, id, routing_key, reason, attempts, died_at } = letter;
                say(format_args!("{queue} {id} {routing_key} {attempts} attempts, {died_at}Z: {reason}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(desk: &Desk, id: EventId) -> anyhow::Result<ExitCode> {
    for queue in &desk.queues {
        if let Some(letter) = desk.office.get(queue, id).await.context("AMQP_URI")? {
            say(serde_json::to_string_pretty(&LetterDetail::new(&letter))?)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    bail!("{id} is not a dead letter of {}", desk.queues.join(", "));
}

async fn work(settings: Settings, work: Work, chosen: Chosen) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(settings, chosen.queues)?;
    let url = desk.settings.database_url.clone();
    let redacted = url.redacted();
    // Connecting waits on a runtime of its own, which must not happen on a thread that drives another one.
    let opened = tokio::task::spawn_blocking(move || Store::connect(&url)).await?;
    let store = opened.with_context(|| format!("DATABASE_URL: {redacted}"))?;
    let mut open: BTreeSet<EventId> = chosen.ids.into_iter().collect();
    let mut all_done = true;
    for queue in &desk.queues {
        let mut wanted = if chosen.all { Wanted::After(None) } else { Wanted::These(open.clone()) };
        for _ in 0..MAX_ROUNDS {
            let job = LetterJob { queue: queue.clone(), work, wanted, dry_run: chosen.dry_run };
            let done = work_letters(&desk.office, &store, &store.ctx(SystemClock.now()), &job).await?;
            for (id, worked) in &done {
                all_done &= tell(&job, *id, worked)?;
                if *worked != Worked::Missing {
                    open.remove(id);
                }
            }
            match done.last() {
                Some((last, _)) if chosen.all && done.len() >= MAX_WORK => wanted = Wanted::After(Some(*last)),
                _ => break,
            }
        }
    }
    for id in &open {
        say(format_args!("{id} is not a dead letter of {}", desk.queues.join(", ")))?;
    }
    Ok(if all_done && open.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line about a letter; false if it was kept.
fn tell(job: &LetterJob, id: EventId, worked: &Worked) -> std::io::Result<bool> {
    let queue = &job.queue;
    let done = match (job.work, job.dry_run) {
        (Work::Replay, false) => "replayed",
        (Work::Replay, true) => "would be replayed",
        (Work::Discard, false) => "discarded",
        (Work::Discard, true) => "would be discarded",
    };
    match worked {
        Worked::Done => say(format_args!("{queue} {id} {done}"))?,
        Worked::Kept { reason } => say(format_args!("{queue} {id} kept: {reason}"))?,
        // It may be a letter of another queue.
        Worked::Missing => {}
    }
    Ok(!matches!(worked, Worked::Kept { .. }))
}
