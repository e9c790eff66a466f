//! `dead-letters list|show|replay|discard`: the messages in the broker's `<queue>.dead` queues.
//!
//! Exit code 1 if a requested dead letter is missing or was kept, or a queue does not exist.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::config::Expected;
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, MAX_PAGE, MAX_SELECTED, Selection};
use service_kit::messaging::{AmqpDeadLetters, DeadLetters as _};
use shared_events::EventId;

use super::{complain, print_line};
use crate::app::open_store;
use crate::config::Settings;
use crate::store::Store;
use crate::trace::{
    DeadLetterDetail, DeadLetterRequest, DeadLetterView, MAX_REASON_CHARS, apply_to_dead_letters, check_queue,
    known_queues,
};

/// Rounds of 500 letters that `--all` takes at most.
const MAX_ROUNDS: usize = 2000;

#[derive(Debug, Clone, Subcommand)]
pub enum DeadLetterCommand {
    /// List dead letters, oldest first
    List {
        #[command(flatten)]
        queues: Queues,
        /// The most dead letters to list of each queue
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Show a dead letter with its message; parameters of requested mails and messages are hidden
    Show {
        #[command(flatten)]
        queues: Queues,
        /// The event's id
        #[arg(value_name = "ID", value_parser = id)]
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
    #[arg(value_name = "ID", value_parser = id, required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<EventId>,
    /// All dead letters of the queues
    #[arg(long)]
    all: bool,
    /// Only print what would be done
    #[arg(long)]
    dry_run: bool,
    /// Why; it is kept with the action
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
}

fn id(text: &str) -> Result<EventId, Expected> {
    text.parse().map_err(|_| Expected::new("an event's id, such as 0199d1a2-7b3c-7d4e-8f50-123456789abc"))
}

fn reason(text: &str) -> Result<String, Expected> {
    let fits = (1..=MAX_REASON_CHARS).contains(&text.chars().count());
    if fits { Ok(text.to_owned()) } else { Err(Expected::new(format!("a text of 1 to {MAX_REASON_CHARS} characters"))) }
}

struct CommandContext {
    dead_letters: AmqpDeadLetters,
    queues: Vec<String>,
    settings: Settings,
}

pub(super) fn run(command: DeadLetterCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            DeadLetterCommand::List { queues, limit } => {
                list(&CommandContext::open(settings, queues).await?, limit).await
            }
            DeadLetterCommand::Show { queues, id } => show(&CommandContext::open(settings, queues).await?, id).await,
            DeadLetterCommand::Replay(chosen) => apply(settings, DeadLetterAction::Replay, chosen).await,
            DeadLetterCommand::Discard(chosen) => apply(settings, DeadLetterAction::Discard, chosen).await,
        }
    })
}

impl CommandContext {
    async fn open(settings: Settings, queues: Queues) -> anyhow::Result<Self> {
        let Some(broker) = settings.broker.clone() else {
            bail!("AMQP_URI: not set; the dead letters of bank-standalone are at /api/dead-letters of its HTTP API");
        };
        let given = queues.names;
        let queues = if given.is_empty() { known_queues(&settings.config) } else { given.clone() };
        let dead_letters = AmqpDeadLetters::new(broker, queues.clone(), Arc::new(SystemClock));
        for queue in &given {
            check_queue(&dead_letters, &settings.config, queue).await?;
        }
        Ok(Self { dead_letters, queues, settings })
    }
}

async fn list(context: &CommandContext, limit: usize) -> anyhow::Result<ExitCode> {
    for queue in context.dead_letters.queues().await.context("AMQP_URI")? {
        let (mut after, mut listed) = (None, 0);
        while listed < limit {
            let page =
                context.dead_letters.list(&queue, after, MAX_PAGE.min(limit - listed)).await.context("AMQP_URI")?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            listed += page.len();
            for dead_letter in page.iter().map(DeadLetterView::new) {
                print_line(line(&dead_letter))?;
            }
        }
        if listed >= limit && !context.dead_letters.list(&queue, after, 1).await.context("AMQP_URI")?.is_empty() {
            complain(format_args!("{queue} has more dead letters than {limit}; list them with a higher --limit"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(dead_letter: &DeadLetterView) -> String {
    let DeadLetterView { queue, id, routing_key, reason, attempts, died_at } = dead_letter;
    format!("{queue} {id} {routing_key} {attempts} attempts, {died_at}: {reason}")
}

async fn show(context: &CommandContext, id: EventId) -> anyhow::Result<ExitCode> {
    for queue in &context.queues {
        if let Some(dead_letter) = context.dead_letters.get(queue, id).await.context("AMQP_URI")? {
            print_line(serde_json::to_string_pretty(&DeadLetterDetail::new(&dead_letter))?)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    bail!("{id} is not a dead letter of {}", context.queues.join(", "));
}

async fn apply(settings: Settings, action: DeadLetterAction, chosen: Chosen) -> anyhow::Result<ExitCode> {
    let context = CommandContext::open(settings, chosen.queues.clone()).await?;
    let url = context.settings.database_url.clone();
    let redacted = url.redacted();
    // Connecting blocks on its own runtime, which must not happen on a thread that drives another one.
    let opened = tokio::task::spawn_blocking(move || open_store(&url, None)).await?;
    let store = opened.with_context(|| format!("DATABASE_URL: {redacted}"))?;
    let done = apply_with(&context, &store, action, &chosen).await;
    store.close().await;
    done
}

async fn apply_with(
    context: &CommandContext,
    store: &Store,
    action: DeadLetterAction,
    chosen: &Chosen,
) -> anyhow::Result<ExitCode> {
    let mut open: BTreeSet<EventId> = chosen.ids.iter().copied().collect();
    let mut all_done = true;
    for queue in &context.queues {
        let mut selection = if chosen.all { Selection::After(None) } else { Selection::These(open.clone()) };
        for _ in 0..MAX_ROUNDS {
            let (queue, reason) = (queue.clone(), chosen.reason.clone());
            let request = DeadLetterRequest { queue, action, selection, dry_run: chosen.dry_run, reason };
            let done =
                apply_to_dead_letters(&context.dead_letters, store, &store.ctx(SystemClock.now()), &request).await?;
            for (id, result) in &done {
                all_done &= print_result(&request, *id, result)?;
                if *result != ActionResult::Missing {
                    open.remove(id);
                }
            }
            match done.last() {
                Some((last, _)) if chosen.all && done.len() >= MAX_SELECTED => {
                    selection = Selection::After(Some(*last));
                }
                _ => break,
            }
        }
    }
    for id in &open {
        print_line(format_args!("{id} is not a dead letter of {}", context.queues.join(", ")))?;
    }
    Ok(if all_done && open.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line about a letter; false if it was kept.
fn print_result(request: &DeadLetterRequest, id: EventId, result: &ActionResult) -> std::io::Result<bool> {
    let queue = &request.queue;
    let done = match (request.action, request.dry_run) {
        (DeadLetterAction::Replay, false) => "replayed",
        (DeadLetterAction::Replay, true) => "would be replayed",
        (DeadLetterAction::Discard, false) => "discarded",
        (DeadLetterAction::Discard, true) => "would be discarded",
    };
    match result {
        ActionResult::Done => print_line(format_args!("{queue} {id} {done}"))?,
        ActionResult::Kept { reason } => print_line(format_args!("{queue} {id} kept: {reason}"))?,
        // It may be a dead letter of another queue.
        ActionResult::Missing => {}
    }
    Ok(!matches!(result, ActionResult::Kept { .. }))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use service_kit::messaging::DeadLetter;
    use shared_events::WireMessage;

    use super::*;

    #[test]
    fn a_line_has_the_time_in_the_form_of_the_api() {
        let (properties, headers) = Default::default();
        let message = WireMessage { routing_key: "city.updated".to_owned(), properties, headers, body: b"{}".to_vec() };
        let dead_letter = DeadLetter {
            queue: "log-service".to_owned(),
            reason: "poison".to_owned(),
            attempts: 5,
            died_at: DateTime::from_timestamp(1_768_583_426, 0).unwrap(),
            message,
        };
        let text = line(&DeadLetterView::new(&dead_letter));
        assert!(text.ends_with(" city.updated 5 attempts, 2026-01-16T17:10:26Z: poison"), "{text}");
    }
}
